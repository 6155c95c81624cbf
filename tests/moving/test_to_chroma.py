"""What a garden gives to a Chroma collection, LangChain and LlamaIndex find, and another garden takes as it was."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_chroma import Chroma
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores.types import MetadataFilter, MetadataFilters, VectorStoreQuery
from llama_index.vector_stores.chroma import ChromaVectorStore

from llama_index_memgarden import MemGardenVectorStore
from memgarden import EmbedderMismatch, Garden, InvalidSetting, UnknownStrategy
from memgarden.vector.collection import collection_name
from tests.moving.conftest import LONG, everything

START = datetime(2024, 5, 1, 12, 30, 0, 123456, tzinfo=UTC)
LAYOUTS = ["langchain", "llama-index"]


def fill(garden: Garden) -> None:
    scope = garden.scope("alice")
    scope.add("tea grows in Uji", id="tea", metadata={"topic": "tea", "n": 1}, created_at=START, tags=["a", "b"])
    scope.add("boats in Porto", id="boats", metadata={"topic": "sea", "n": 2, "flag": True}, importance="high")
    odd = {"deep": {"er": [1, None, "ü"]}, "empty": [], "#x": 1, "doc_id": "mine", "mg.kind": "z", "big": "x" * 9000}
    scope.add("odd metadata", id="odd#1", metadata=odd, tags=["a,b"], kind="fact", expires_at=START + timedelta(36500))
    scope.add(LONG, id="odd", metadata={"n": 3})
    scope.add_conversation([{"name": "Ann", "content": "Where to?"}, {"name": "Ben", "content": "Lisbon."}])
    scope.add("a record", id="record", kind="record")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_given_comes_back_in_another_garden(garden: Garden, other: Garden, client: Any, layout: str) -> None:
    """Every field to the microsecond, with the vectors, from either layout; giving again writes nothing."""
    fill(garden)
    seen: list[int] = []
    given = garden.give_chroma(client, "given", scope="alice", layout=layout, progress=seen.append)
    assert (given.given, given.removed, list(given.refused)) == (6, 0, ["record"]) and seen == [6]
    collection = client.get_collection("given")
    before = collection.get(include=["metadatas", "documents", "embeddings"])
    assert garden.give_chroma(client, "given", scope="alice", layout=layout).given == 6
    after = collection.get(include=["metadatas", "documents", "embeddings"])
    assert after["metadatas"] == before["metadatas"] and after["ids"] == before["ids"]
    done = other.adopt_chroma(client, "given", scope="alice")
    assert (done.adopted, done.refused, done.kept_vectors) == (6, {}, True)
    garden.scope("alice").delete("record")
    assert everything(other) == everything(garden)
    for memory in garden.scope("alice").list():
        if memory.id != "odd":
            ours = garden._parts.source.version(("alice",), memory.id)
            theirs = other._parts.source.version(("alice",), memory.id)
            assert ours and theirs
            np.testing.assert_allclose(ours[2][0].vector, theirs[2][0].vector, atol=1e-5)


def words(text: str) -> list[tuple[int, int]]:
    """Chunks of a line each, without the blanks around them."""
    return [match.span() for match in re.finditer(r"\S[^\n]*\S", text)]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_long_text_comes_back_to_the_letter(tmp_path: Path, other: Garden, client: Any, layout: str) -> None:
    """With the blanks that no chunk holds, and found by all of its chunks, not by one of them."""
    with Garden.open(tmp_path / "garden", embedder="hashing:64", chroma=None, chunker=words) as garden:
        garden.scope("alice").add("\n " + LONG, id="long")
        assert len(garden.scope("alice").chunks("long")) == 200
        garden.give_chroma(client, "given", scope="alice", layout=layout)
        assert other.adopt_chroma(client, "given", scope="alice").refused == {}
        assert everything(other) == everything(garden)
    assert len(other.scope("alice").chunks("long")) > 3


def test_langchain_finds_what_is_given(garden: Garden, client: Any) -> None:
    """By vector, by filter and by id, with the user's own metadata; a long memory by its chunks."""
    fill(garden)
    garden.give_chroma(client, "given", scope="alice")
    store = Chroma("given", client=client)
    asked = garden.embedder.embed(["tea grows in Uji"])[0].tolist()
    found = store.similarity_search_by_vector(asked, k=1)[0]
    assert (found.id, found.page_content, found.metadata["topic"]) == ("tea", "tea grows in Uji", "tea")
    assert found.metadata["mg.created_at"] == START.timestamp() and found.metadata["mg.tags"] == "a,b"
    assert [one.id for one in store.similarity_search_by_vector(asked, k=1, filter={"topic": "sea"})] == ["boats"]
    assert store.get(ids="boats")["documents"] == ["boats in Porto"]
    chunks = garden.scope("alice").chunks("odd")
    assert len(chunks) > 3
    assert {one.text for one in chunks} == set(store.get(where={"mg.memory_id": "odd"})["documents"])


def test_llama_index_finds_what_is_given(garden: Garden, client: Any) -> None:
    """Nodes with the user's metadata, filters and documents; what were nodes are the nodes they were."""
    fill(garden)
    source = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id="doc1")}
    node = TextNode(text="a train to Lisbon", id_="t", metadata={"x": None}, relationships=source, start_char_idx=3)
    MemGardenVectorStore(garden, "alice").add([node])
    garden.give_chroma(client, "given", scope="alice", layout="llama-index")
    store = ChromaVectorStore(chroma_collection=client.get_collection("given"))

    def ask(text: str, **more: Any) -> list[Any]:
        query = VectorStoreQuery(query_embedding=garden.embedder.embed([text])[0].tolist(), similarity_top_k=1, **more)
        return list(store.query(query).nodes or [])

    [tea] = ask("tea grows in Uji")
    assert (tea.node_id, tea.text, tea.ref_doc_id) == ("tea", "tea grows in Uji", "tea")
    assert tea.metadata == {"created_at": START.isoformat(), "topic": "tea", "n": 1}
    [boats] = ask("tea", filters=MetadataFilters(filters=[MetadataFilter(key="topic", value="sea")]))
    assert boats.node_id == "boats"
    [train] = ask("a train to Lisbon")
    assert train.to_dict() == node.to_dict()
    store.delete("odd")  # the document that all chunks of a long memory are of
    assert client.get_collection("given").get(where={"mg.memory_id": "odd"})["ids"] == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_giving_again_follows_the_scope(garden: Garden, client: Any, layout: str) -> None:
    """What was changed is changed, what was deleted or became shorter is gone, and what is not ours stays."""
    fill(garden)
    collection = client.create_collection("given", embedding_function=None)
    collection.add(["boats", "foreign"], np.ones((2, 64)), [{"a": 1}, {"a": 2}], ["theirs", "theirs"])
    garden.scope("bob").add("bob's tea", id="tea")
    first = garden.give_chroma(client, "given", scope="alice", layout=layout)
    assert first.given == 5 and "not of this scope" in first.refused["boats"]
    bobs = garden.give_chroma(client, "given", scope="bob", layout=layout)
    assert bobs.given == 0 and "not of this scope" in bobs.refused["tea"] and bobs.removed == 0
    scope = garden.scope("alice")
    scope.update("odd", text="short now", metadata={"m": 1})
    scope.delete("tea")
    second = garden.give_chroma(client, "given", scope="alice", layout=layout)
    assert second.given == 4 and second.removed > 3
    assert collection.get(ids=["boats", "foreign"])["documents"] == ["theirs", "theirs"]
    shown = collection.get(ids=["odd"])
    assert shown["documents"] == ["short now"] and "n" not in shown["metadatas"][0] and shown["metadatas"][0]["m"] == 1
    assert collection.get(where={"mg.memory_id": "odd"})["ids"] == ["odd"] and collection.get(ids=["tea"])["ids"] == []
    assert garden.give_chroma(client, "given", scope="bob", layout=layout).given == 1
    assert collection.get(where={"mg.scope": "/alice"})["ids"] and collection.get(ids=["tea"])["documents"] == [
        "bob's tea"
    ]


def test_a_gardens_own_collections_are_refused(garden: Garden, client: Any) -> None:
    """By their name and by what they say; so are other dimensions, and layouts that nobody reads."""
    fill(garden)
    with pytest.raises(InvalidSetting, match="own"):
        garden.give_chroma(client, collection_name(garden._parts.id), scope="alice")
    client.create_collection("named", metadata={"mg.garden": "other"}, embedding_function=None)
    with pytest.raises(InvalidSetting, match="own"):
        garden.give_chroma(client, "named", scope="alice")
    client.create_collection("short", embedding_function=None).add(["x"], np.ones((1, 3)), None, ["x"])
    with pytest.raises(EmbedderMismatch, match="3 dimensions"):
        garden.give_chroma(client, "short", scope="alice")
    with pytest.raises(UnknownStrategy, match="langchain, llama-index"):
        garden.give_chroma(client, "given", scope="alice", layout="haystack")
    assert {one.name for one in client.list_collections()} == {"named", "short"}
