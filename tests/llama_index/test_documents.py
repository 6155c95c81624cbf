"""Documents that change: what is new is stored, what changed replaced, what went deleted, in later processes too."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core import Document, StorageContext
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores import SimpleVectorStore

from llama_index_memgarden import (
    MemGardenDocumentStore,
    MemGardenIndex,
    MemGardenKVStore,
    MemGardenRetriever,
    MemGardenVectorStore,
)
from memgarden import Garden

OPEN = Callable[..., Garden]


def document(name: str, text: str) -> Document:
    return Document(text=text, id_=name, metadata={"file": name})


def held(store: MemGardenVectorStore) -> dict[str, str]:
    return {str(node.ref_doc_id): node.get_content() for node in store.get_nodes()}


@pytest.mark.parametrize("asynchronous", [False, True])
def test_refreshing_stores_what_changed(open_garden: OPEN, asynchronous: bool) -> None:
    """New, changed and unchanged, by an index of an earlier process and one of this."""

    def refresh(index: MemGardenIndex, *documents: Document) -> list[bool]:
        if asynchronous:
            return asyncio.run(index.arefresh_ref_docs(list(documents)))
        return index.refresh_ref_docs(list(documents))

    first = open_garden()
    index = MemGardenIndex(MemGardenVectorStore(first, "alice"))
    assert refresh(index, document("a", "green tea"), document("b", "black tea")) == [True, True]
    assert refresh(index, document("a", "green tea"), document("b", "black tea")) == [False, False]
    first.close()
    store = MemGardenVectorStore(open_garden(), "alice")
    later = MemGardenIndex(store)
    assert refresh(later, document("a", "green tea"), document("b", "red tea"), document("c", "oolong")) == [
        False,
        True,
        True,
    ]
    assert held(store) == {"a": "green tea", "b": "red tea", "c": "oolong"}
    assert {name: info.metadata for name, info in later.ref_doc_info.items()} == {
        name: {"file": name} for name in "abc"
    }
    assert [len(info.node_ids) for info in later.ref_doc_info.values()] == [1, 1, 1]


@pytest.mark.parametrize("from_docstore", [False, True])
def test_a_deleted_document_comes_back(garden: Garden, from_docstore: bool) -> None:
    """When it is refreshed after that, whichever way it was deleted; elsewhere it is taken for known."""
    store = MemGardenVectorStore(garden, "alice")
    index = MemGardenIndex(store)
    index.refresh_ref_docs([document("a", "green tea")])
    index.delete_ref_doc("a", delete_from_docstore=from_docstore)
    assert held(store) == {} and index.ref_doc_info == {}
    assert index.refresh_ref_docs([document("a", "green tea")]) == [True]
    asyncio.run(index.adelete_ref_doc("a", delete_from_docstore=from_docstore))
    assert index.refresh_ref_docs([document("a", "green tea")]) == [True]
    assert held(store) == {"a": "green tea"}


def test_documents_in_pieces_are_replaced_whole(garden: Garden) -> None:
    """All nodes of the old text go."""
    store = MemGardenVectorStore(garden, "alice")
    index = MemGardenIndex(store, transformations=[SentenceSplitter(chunk_size=20, chunk_overlap=0)])
    index.insert(document("a", " ".join(f"This is sentence number {n} of tea." for n in range(10))))
    assert len(store.get_nodes()) > 3 and len(index.ref_doc_info["a"].node_ids) == len(store.get_nodes())
    index.update_ref_doc(document("a", "Short now."))
    assert held(store) == {"a": "Short now."} and len(store.get_nodes()) == 1


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    ("strategy", "due"),
    [
        (DocstoreStrategy.UPSERTS, {"a": "green tea", "b": "red tea", "c": "oolong"}),
        (DocstoreStrategy.UPSERTS_AND_DELETE, {"b": "red tea", "c": "oolong"}),
        (DocstoreStrategy.DUPLICATES_ONLY, None),
    ],
)
def test_pipelines_upsert(
    open_garden: OPEN, strategy: DocstoreStrategy, due: dict[str, str] | None, asynchronous: bool
) -> None:
    """With the store's own docstore, a pipeline of a later process knows what an earlier one stored."""

    def run(garden: Garden, *documents: Document) -> int:
        store = MemGardenVectorStore(garden, "alice")
        pipeline = IngestionPipeline(
            transformations=[SentenceSplitter(), store.embed_model],
            docstore=store.docstore,
            vector_store=store,
            docstore_strategy=strategy,
        )
        if asynchronous:
            return len(asyncio.run(pipeline.arun(documents=list(documents))))
        return len(pipeline.run(documents=list(documents)))

    first = open_garden()
    assert run(first, document("a", "green tea"), document("b", "black tea")) == 2
    first.close()
    second = open_garden()
    assert run(second, document("b", "red tea"), document("c", "oolong")) == 2
    store = MemGardenVectorStore(second, "alice")
    if due is None:
        assert sorted(node.get_content() for node in store.get_nodes()) == [
            "black tea",
            "green tea",
            "oolong",
            "red tea",
        ]
        assert run(second, document("c", "oolong")) == 0
    else:
        assert held(store) == due
        assert run(second, document("b", "red tea"), document("c", "oolong")) == 0
        assert held(store) == due


def test_records_are_beside_the_memories(garden: Garden) -> None:
    """No search of the user's finds a hash, and no other user has them."""
    store = MemGardenVectorStore(garden, "alice")
    MemGardenIndex(store).refresh_ref_docs([document("a", "green tea")])
    assert {memory.kind for memory in garden.scope("alice").list()} == {"node"}
    assert [found.text for found in MemGardenRetriever(garden, "alice", similarity_top_k=9).retrieve("tea hash a")] == [
        "green tea"
    ]
    assert MemGardenDocumentStore.of(garden, "bob").get_all_document_hashes() == {}
    assert MemGardenDocumentStore.of(garden, "alice").get_all_document_hashes() != {}


def test_the_document_store_is_one(garden: Garden) -> None:
    """Documents and nodes are put, got and deleted as in LlamaIndex's own."""
    docstore = MemGardenDocumentStore.of(garden, "alice")
    node = TextNode(text="x", id_="n", metadata={"m": [1]})
    docstore.add_documents([node])
    assert docstore.get_document("n") == node and docstore.document_exists("n")
    docstore.delete_document("n")
    assert not docstore.document_exists("n") and docstore.get_document_hash("n") is None
    docstore.delete_document("nobody")


def test_pairs_are_kept(garden: Garden) -> None:
    """By collection and key, of any characters; sync and async."""
    pairs: Any = MemGardenKVStore(garden, "alice")
    several = {"k": {"v": 1}, "": {"v": 2}, "k" * 3000: {"v": 3}, "\u0000 odd": {"v": 4}}
    for key, value in several.items():
        if "\0" in key:
            continue
        pairs.put(key, value, collection="c")
        assert asyncio.run(pairs.aget(key, collection="c")) == value
    assert pairs.get("k") is None and pairs.get("k", collection="d") is None
    pairs.put("k", {"v": 9}, collection="c")
    assert pairs.get_all("c") == {"k": {"v": 9}, "": {"v": 2}, "k" * 3000: {"v": 3}}
    assert pairs.delete("k", "c") and not pairs.delete("k", "c")


@pytest.mark.parametrize("how", ["clear", "delete", "delete_nodes"])
def test_what_the_store_deleted_comes_back(garden: Garden, how: str) -> None:
    """When it is refreshed, however it was deleted."""
    store = MemGardenVectorStore(garden, "alice")
    index = MemGardenIndex(store)
    index.refresh_ref_docs([document("a", "green tea"), document("b", "black tea")])
    if how == "clear":
        store.clear()
    elif how == "delete":
        store.delete("a")
    else:
        store.delete_nodes([node.node_id for node in store.get_nodes() if node.ref_doc_id == "a"])
    again = index.refresh_ref_docs([document("a", "green tea"), document("b", "black tea")])
    assert again == [True, how == "clear"]
    assert held(store) == {"a": "green tea", "b": "black tea"} and len(store.get_nodes()) == 2


def test_nothing_is_stored_twice(garden: Garden) -> None:
    """Of what the store held before, of a refresh that was cut off, and of several at once."""
    store = MemGardenVectorStore(garden, "alice")
    index = MemGardenIndex(store)
    source = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id="a")}
    store.add([TextNode(text="green tea", id_="n", relationships=source)])
    assert index.refresh_ref_docs([document("a", "green tea")]) == [True]
    assert len(store.get_nodes()) == 1
    several = [document(str(n), f"tea number {n}") for n in range(5)]
    threads = [threading.Thread(target=index.refresh_ref_docs, args=(several,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.get_nodes()) == 6


def test_equal_documents_are_several(garden: Garden) -> None:
    """A pipeline that deletes what is missing deletes the one that is."""
    store = MemGardenVectorStore(garden, "alice")
    pipeline = IngestionPipeline(
        transformations=[store.embed_model],
        docstore=store.docstore,
        vector_store=store,
        docstore_strategy=DocstoreStrategy.UPSERTS_AND_DELETE,
    )
    same = [Document(text="same text", id_=name) for name in "12"]
    pipeline.run(documents=same)
    pipeline.run(documents=same[1:])
    assert [node.ref_doc_id or node.node_id for node in store.get_nodes()] == ["2"]
    pipeline.run(documents=[])
    assert store.get_nodes() == []


def test_indexes_are_made_as_others_are(garden: Garden) -> None:
    """From a store, and from documents with a context; without one, or over another store, is an error."""
    store = MemGardenVectorStore(garden, "alice")
    context = StorageContext.from_defaults(vector_store=store)
    index = MemGardenIndex.from_documents([document("a", "green tea")], storage_context=context)
    assert list(index.ref_doc_info) == ["a"]
    assert list(MemGardenIndex.from_vector_store(store).ref_doc_info) == ["a"]
    with pytest.raises(TypeError, match="storage_context"):
        MemGardenIndex.from_documents([document("a", "green tea")])
    with pytest.raises(TypeError, match="SimpleVectorStore"):
        MemGardenIndex.from_vector_store(SimpleVectorStore())
