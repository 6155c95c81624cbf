"""Collections that LangChain, LlamaIndex and memgarden itself wrote come into a garden as what they were."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_chroma import Chroma
from langchain_core.documents import Document as LangChainDocument
from llama_index.core.schema import (
    BaseNode,
    Document,
    IndexNode,
    NodeRelationship,
    RelatedNodeInfo,
    TextNode,
)
from llama_index.vector_stores.chroma import ChromaVectorStore

from llama_index_memgarden import MemGardenVectorStore
from memgarden import ChromaError, Garden, Memory
from memgarden.vector.collection import collection_name
from tests.moving.conftest import LONG, everything

OPEN = Callable[..., Garden]


class Embeddings:
    """The garden's own embedder, as LangChain calls one."""

    def __init__(self, garden: Garden) -> None:
        self.embedder = garden.embedder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.embedder.embed(texts).tolist()

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def test_langchain_documents_are_memories(garden: Garden, client: Any) -> None:
    """The text is the page, the metadata the user's, keys that LlamaIndex uses included; vectors stay."""
    store = Chroma("notes", Embeddings(garden), client=client)  # type: ignore[arg-type]
    store.add_documents(
        [
            LangChainDocument("tea grows in Uji", metadata={"page": 1, "tags": ["a", "b"], "doc_id": "mine"}),
            LangChainDocument("boats in Porto", metadata={}),
        ],
        ids=["a", "b"],
    )
    done = garden.adopt_chroma(client, "notes", scope="alice")
    assert (done.adopted, done.refused, done.kept_vectors) == (2, {}, True)
    a, b = everything(garden)["alice",]
    assert (a.id, a.text, a.metadata) == ("a", "tea grows in Uji", {"page": 1, "tags": ["a", "b"], "doc_id": "mine"})
    assert (b.id, b.text, b.metadata) == ("b", "boats in Porto", {})


def nodes() -> list[BaseNode]:
    source = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id="doc1")}
    return [
        TextNode(text="tea grows in Uji", id_="a", metadata={"page": 1, "none": None}, relationships=source),
        TextNode(text="boats in Porto", id_="b", start_char_idx=5, excluded_llm_metadata_keys=["x"]),
        Document(text="a document of its own", id_="c", metadata={"x": "y"}),
        IndexNode(text="a way to others", id_="d", index_id="elsewhere"),
    ]


def test_llama_index_nodes_are_nodes(garden: Garden, client: Any) -> None:
    """The metadata is the user's without LlamaIndex's bookkeeping, and its store gives back the nodes that were."""
    own = nodes()
    for node in own:
        node.embedding = garden.embedder.embed([node.get_content()])[0].tolist()
    ChromaVectorStore(chroma_collection=client.create_collection("nodes")).add(own)
    done = garden.adopt_chroma(client, "nodes", scope="alice")
    assert (done.adopted, done.refused, done.kept_vectors) == (4, {}, True)
    memory = garden.scope("alice").get("a")
    assert memory is not None and memory.text == "tea grows in Uji"
    assert {key: value for key, value in memory.metadata.items() if key != "_llama_index"} == {"page": 1, "none": None}
    store = MemGardenVectorStore(garden, "alice")
    back = {node.node_id: node for node in store.get_nodes()}
    for node in own:
        node.embedding = None
        assert type(back[node.node_id]) is (type(node)) and back[node.node_id].to_dict() == node.to_dict()
    store.delete("doc1")
    assert garden.scope("alice").get("a") is None and garden.scope("alice").count() == 3


@pytest.mark.parametrize("odd", ["[]", "{", '{"text": "x"}', 5])
def test_what_only_looks_like_a_node_is_plain(garden: Garden, client: Any, odd: object) -> None:
    """It keeps its metadata."""
    collection = client.create_collection("odd", embedding_function=None)
    collection.add(["o"], np.ones((1, 64)), [{"_node_content": odd, "doc_id": "d"}], ["text"])
    assert garden.adopt_chroma(client, "odd", scope="alice").adopted == 1
    assert everything(garden)["alice",][0].metadata == {"_node_content": odd, "doc_id": "d"}


def test_a_gardens_own_collection_gives_its_memories(open_garden: OPEN, tmp_path: Path, other: Garden) -> None:
    """All chunks of a long text are the one memory it was, to the letter; of several scopes the one that is asked."""
    with open_garden(chroma="auto") as garden:
        garden.scope("alice").add("\n " + LONG, id="1", tags=["x"], importance="high", kind="document")
        garden.scope("alice").add("  short\n", id="2", metadata={"n": 1})
        garden.scope("bob").add("bob's", id="2")
        garden.flush()
        expected = everything(garden)
        assert len(garden.scope("alice").chunks("1")) > 3
        name = collection_name(garden._parts.id)
    folder = tmp_path / "garden" / "chroma"
    done = other.adopt_chroma(folder, name, scope="alice")
    assert everything(other) == {("alice",): expected["alice",]}
    assert done.adopted == 2 and len(done.refused) == 1 and "of the scope /bob" in next(iter(done.refused.values()))
    nobodys = other.adopt_chroma(folder, name, scope="carol")
    assert nobodys.adopted == 0 and other.scope("carol").count() == 0


@pytest.mark.parametrize("lost", [0, 2, -1])
def test_a_memory_that_is_not_whole_is_refused(
    open_garden: OPEN, tmp_path: Path, other: Garden, client: Any, lost: int
) -> None:
    """Each of its chunks, with the reason; whichever of them is lost."""
    garden = open_garden()
    garden.scope("alice").add(LONG, id="long")
    garden.scope("alice").add("short", id="short")
    garden.give_chroma(client, "notes", scope="alice")
    collection = client.get_collection("notes")
    ids = sorted(
        collection.get(where={"mg.memory_id": "long"})["ids"], key=lambda one: int(f"0{one.partition('#')[2]}")
    )
    collection.delete(ids=[ids[lost]])
    done = other.adopt_chroma(client, "notes", scope="alice")
    assert done.adopted == 1 and [memory.id for memory in everything(other)["alice",]] == ["short"]
    assert set(done.refused) == set(ids) - {ids[lost]}
    assert "a part of the memory 'long'" in done.refused[ids[1]]


def test_adopting_again_changes_nothing(garden: Garden, client: Any) -> None:
    """Neither times nor what was stored when; what changed in the collection meanwhile is taken."""
    collection = client.create_collection("notes", embedding_function=None)
    texts = [f"note {n}" for n in range(30)]
    collection.add([f"n{n}" for n in range(30)], garden.embedder.embed(texts), None, texts)
    garden.adopt_chroma(client, "notes", scope="alice")
    before = garden.scope("alice").list(order="id")
    seen: list[int] = []
    again = garden.adopt_chroma(client, "notes", scope="alice", progress=seen.append)
    assert again.adopted == 30 and seen[-1] == 30 and garden.scope("alice").list(order="id") == before
    collection.update(ids=["n3"], documents=["other"], embeddings=garden.embedder.embed(["other"]))
    garden.adopt_chroma(client, "notes", scope="alice")
    changed = garden.scope("alice").get("n3")
    assert changed is not None and changed.text == "other" and garden.scope("alice").count() == 30


HOLDING = """
import sys
import chromadb
client = chromadb.PersistentClient(sys.argv[1])
client.get_or_create_collection("notes", embedding_function=None).add(["a"], [[1.0] * 64], None, ["t"])
print("open", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="only Linux shows which files a process has open")
def test_a_folder_that_another_process_has_open_is_refused(garden: Garden, tmp_path: Path) -> None:
    """To be read and to be written; afterwards it is free."""
    command = [sys.executable, "-c", HOLDING, str(tmp_path / "chroma")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "open\n"
        garden.scope("bob").add("text")
        try:
            with pytest.raises(ChromaError, match=f"process {process.pid} has the Chroma"):
                garden.adopt_chroma(tmp_path / "chroma", "notes", scope="alice")
            with pytest.raises(ChromaError, match=f"process {process.pid} has the Chroma"):
                garden.give_chroma(tmp_path / "chroma", "given", scope="bob")
            with pytest.raises(ChromaError, match=f"process {process.pid} has the Chroma"):
                garden.adopt_mem0(tmp_path / "chroma", "notes")
        finally:
            process.communicate()
    assert garden.adopt_chroma(tmp_path / "chroma", "notes", scope="alice").adopted == 1
    assert garden.scope("alice").list()[0].text == Memory("t").text
