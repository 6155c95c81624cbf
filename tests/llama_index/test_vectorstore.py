"""LlamaIndex's vector store contract, over ours: upserts, deletion, addresses, an index over it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.schema import Document, TextNode
from llama_index.core.vector_stores.types import MetadataFilter, MetadataFilters, VectorStoreQuery, VectorStoreQueryMode

from llama_index_memgarden import MemGardenVectorStore
from memgarden import Garden, InvalidScope, shared_garden
from memgarden.embed.hashing import HashingEmbedder
from tests.llama_index.conftest import TEXTS, ask, nodes, source


def test_adding_is_upserting(store: MemGardenVectorStore) -> None:
    """By node id: nothing is stored twice, and what changed is found as it is now."""
    assert store.add(nodes()) == list("abcd")
    assert len(store.get_nodes()) == 4
    store.add([TextNode(text="oolong in the afternoon", id_="a")])
    assert ask(store, "oolong", "sparse") == ["a"] and len(store.get_nodes()) == 4
    assert store.add([]) == []


def test_of_equal_ids_the_last_is_kept(garden: Garden) -> None:
    """Whichever of them came with a vector."""
    store = MemGardenVectorStore(garden, "alice")
    vector = store.embed_model.get_text_embedding("first")
    store.add([TextNode(text="first", id_="x", embedding=vector), TextNode(text="second", id_="x")])
    store.add([TextNode(text="second", id_="y"), TextNode(text="first", id_="y", embedding=vector)])
    assert {node.node_id: node.get_content() for node in store.get_nodes()} == {"x": "second", "y": "first"}


def test_deletion_deletes(store: MemGardenVectorStore) -> None:
    """The nodes of a document, the nodes named, those that pass a filter; for every mode, at once."""
    store.delete("nobody")
    store.delete("doc1")
    for mode in ("default", "sparse", "hybrid"):
        assert set(ask(store, "tea train cat", mode)) == {"a", "c"}
    store.delete_nodes(["a", "nobody"])
    assert [node.node_id for node in store.get_nodes()] == ["c"]
    store.delete_nodes([])
    with pytest.raises(ValueError, match="clear"):
        store.delete_nodes()
    with pytest.raises(ValueError, match="clear"):
        store.delete_nodes(filters=MetadataFilters(filters=[]))
    store.delete_nodes(filters=MetadataFilters(filters=[MetadataFilter(key="n", value=2)]))
    assert store.get_nodes() == []


def test_none_is_no_document(store: MemGardenVectorStore) -> None:
    """Nodes without a source stay when a document called "None" is deleted, and that document's own go."""
    store.add([TextNode(text="an orphan", id_="o"), TextNode(text="of None", id_="n", relationships=source("None"))])
    store.delete("None")
    assert {node.node_id for node in store.get_nodes()} == {*"abcd", "o"}


def test_clearing_is_of_one_user(store: MemGardenVectorStore, garden: Garden) -> None:
    """Everything of alice's, nothing of bob's."""
    store.clear()
    assert store.get_nodes() == [] and ask(store) == []
    assert [node.node_id for node in MemGardenVectorStore(garden, "bob").get_nodes()] == ["bobs"]


def test_filters_that_say_nothing_delete_nothing(store: MemGardenVectorStore) -> None:
    """However deep the nothing is; and a large k is no error."""
    for nothing in (MetadataFilters(filters=[]), MetadataFilters(filters=[MetadataFilters(filters=[])])):
        with pytest.raises(ValueError, match="clear"):
            store.delete_nodes(filters=nothing)
    assert len(ask(store, mode="mmr", k=5000)) == 4


def test_an_index_works_over_it(garden: Garden) -> None:
    """Built, asked, added to and deleted from, as over any store."""
    store = MemGardenVectorStore(garden, "alice")
    context = StorageContext.from_defaults(vector_store=store)
    documents = [Document(text=text, id_=f"d{n}") for n, text in enumerate(TEXTS)]
    index = VectorStoreIndex.from_documents(documents, storage_context=context, embed_model=store.embed_model)
    retriever = index.as_retriever(vector_store_query_mode="hybrid", similarity_top_k=2, alpha=0.5)
    assert retriever.retrieve("a train to Lisbon")[0].node.ref_doc_id == "d2"
    index.insert(Document(text="a boat to Porto", id_="d9"))
    again = VectorStoreIndex.from_vector_store(store, embed_model=store.embed_model)
    assert again.as_retriever(similarity_top_k=1).retrieve("a boat to Porto")[0].node.ref_doc_id == "d9"
    again.delete_ref_doc("d9")
    assert "d9" not in {found.node.ref_doc_id for found in retriever.retrieve("a boat to Porto")}


def test_it_is_an_address(garden: Garden, tmp_path: Path) -> None:
    """Serialised, persisted and loaded again, it is the same user's in the same garden."""
    shared = shared_garden(tmp_path / "g", embedder=HashingEmbedder(64))
    store = MemGardenVectorStore(tmp_path / "g", ("acme", "alice"))
    store.add(nodes())
    assert MemGardenVectorStore.class_name() == "MemGardenVectorStore" == store.to_dict()["class_name"]
    assert len(MemGardenVectorStore.from_dict(json.loads(json.dumps(store.to_dict()))).get_nodes()) == 4
    store.persist(str(tmp_path / "address" / "store.json"))
    loaded = MemGardenVectorStore.from_persist_path(str(tmp_path / "address" / "store.json"))
    assert loaded.user == ("acme", "alice") and len(loaded.get_nodes()) == 4
    shared.close()


def test_a_store_needs_a_user(garden: Garden) -> None:
    """A string or a path of them; anything else is refused."""
    for wrong in (None, "", (), 42, {"alice": 1}):
        with pytest.raises(InvalidScope, match="user"):
            MemGardenVectorStore(garden, wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="collection"):
        MemGardenVectorStore(garden, "alice", collection="x")


def test_concurrent_work_is_whole(garden: Garden) -> None:
    """A hundred adds, queries and deletions at once."""
    store = MemGardenVectorStore(garden, "alice")

    async def one(n: int) -> None:
        await store.async_add([TextNode(text=f"tea number {n}", id_=f"t{n}", relationships=source(f"d{n}"))])
        result = await store.aquery(
            VectorStoreQuery(query_str=f"tea number {n}", similarity_top_k=200, mode=VectorStoreQueryMode.SPARSE)
        )
        assert f"t{n}" in (result.ids or [])
        if n % 2:
            await store.adelete(f"d{n}")

    async def work() -> None:
        await asyncio.gather(*(one(n) for n in range(100)))

    asyncio.run(work())
    assert {node.node_id for node in store.get_nodes()} == {f"t{n}" for n in range(0, 100, 2)}
