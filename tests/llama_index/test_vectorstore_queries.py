"""Queries of LlamaIndex's vector store contract: every mode, its alpha and k, and what narrows it."""

from __future__ import annotations

import asyncio

import pytest
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores.types import (
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)

from llama_index_memgarden import MemGardenVectorStore
from tests.llama_index.conftest import TEXTS, ask


@pytest.mark.parametrize("mode", ["default", "sparse", "text_search", "hybrid", "semantic_hybrid", "mmr"])
def test_every_mode_it_claims(store: MemGardenVectorStore, mode: str) -> None:
    """Finds the node that was asked for first, sync and async, and never another user's."""
    found = ask(store, "a train to Lisbon", mode)
    assert found[0] == "c" and set(found) <= set("abcd")
    if mode in ("sparse", "text_search"):
        assert ask(store, "Lisbon", mode) == ["c"] and ask(store, "zebra", mode) == []
    else:
        assert len(found) == 4
    query = VectorStoreQuery(query_str="a train to Lisbon", similarity_top_k=2, mode=VectorStoreQueryMode(mode))
    assert asyncio.run(store.aquery(query)).ids == found[:2]


@pytest.mark.parametrize("mode", ["svm", "logistic_regression", "linear_regression"])
def test_other_modes_are_refused(store: MemGardenVectorStore, mode: str) -> None:
    """And never answered by another."""
    with pytest.raises(ValueError, match="not supported"):
        ask(store, "tea", mode)


def test_alpha_is_heeded_at_its_ends(store: MemGardenVectorStore) -> None:
    """0 is BM25 alone, 1 the vectors alone."""
    assert ask(store, "Lisbon tuna", alpha=0.0) == ask(store, "Lisbon tuna", "sparse")
    assert ask(store, "Lisbon tuna", alpha=1.0) == ask(store, "Lisbon tuna", "default")


def test_each_mode_has_its_own_k(store: MemGardenVectorStore) -> None:
    """`sparse_top_k` and `hybrid_top_k` before `similarity_top_k`."""
    assert len(ask(store, "tea", "sparse", k=9, sparse_top_k=1)) == 1
    assert len(ask(store, "tea", "hybrid", k=9, hybrid_top_k=2)) == 2
    assert len(ask(store, "tea", "default", k=3, sparse_top_k=1, hybrid_top_k=1)) == 3


def test_mmr_takes_what_is_unlike(store: MemGardenVectorStore) -> None:
    """By the query's threshold or the call's, 0 included."""
    store.add([TextNode(text=TEXTS[0], id_="again")])
    vector = store.embed_model.get_query_embedding(TEXTS[0])
    plain = VectorStoreQuery(query_embedding=vector, similarity_top_k=2)
    assert set(store.query(plain).ids or []) == {"a", "again"}
    varied = VectorStoreQuery(
        query_embedding=vector, similarity_top_k=2, mode=VectorStoreQueryMode.MMR, mmr_threshold=0.2
    )
    assert set(store.query(varied).ids or []) != {"a", "again"}
    alike = VectorStoreQuery(query_embedding=vector, similarity_top_k=2, mode=VectorStoreQueryMode.MMR)
    assert set(store.query(alike, mmr_threshold=1.0).ids or []) == {"a", "again"}
    assert set(store.query(alike, mmr_threshold=0.0).ids or []) != {"a", "again"}


def test_node_ids_and_doc_ids_narrow(store: MemGardenVectorStore) -> None:
    """In every mode, together with filters; an empty list narrows nothing."""
    filters = MetadataFilters(filters=[MetadataFilter(key="n", value=1, operator=FilterOperator.GT)])
    for mode in ("default", "hybrid", "mmr"):
        assert set(ask(store, "tea", mode, node_ids=["a", "b", "nobody"])) == {"a", "b"}
        assert set(ask(store, "tea", mode, doc_ids=["doc1"])) == {"b", "d"}
        assert set(ask(store, "tea", mode, doc_ids=["doc1"], filters=filters)) == {"d"}
        assert len(ask(store, "tea", mode, node_ids=[], doc_ids=[])) == 4
