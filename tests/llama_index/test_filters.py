"""Filters mean what LlamaIndex's reference says, for every operator, type and nesting; the index only narrows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)
from llama_index.core.vector_stores.utils import build_metadata_filter_fn

from llama_index_memgarden import MemGardenRetriever, MemGardenVectorStore
from llama_index_memgarden.filters import matches
from memgarden import Garden

KEYS = st.sampled_from(["a", "b", "a.b", "kind", "id", "tags"])
WORDS = st.sampled_from(["", "x", "X y", "2", "'; DROP TABLE memories; --", "%"])
SCALARS = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.5, 2.0]) | WORDS
VALUES = (
    SCALARS
    | st.lists(WORDS, max_size=2)
    | st.lists(st.integers(-2, 2), max_size=2)
    | st.dictionaries(st.just("b"), SCALARS, max_size=1)
)
METADATA = st.dictionaries(KEYS, VALUES, max_size=4)
WANTED = (
    st.none()
    | st.integers(-2, 2)
    | st.sampled_from([0.5, 2.0])
    | WORDS
    | st.lists(WORDS, max_size=2)
    | st.lists(st.integers(-2, 2), max_size=2)
)


def one(key: str, value: Any, kind: FilterOperator) -> MetadataFilter:
    return MetadataFilter(key=key, value=value, operator=kind)


FILTERS = st.recursive(
    st.builds(one, KEYS, WANTED, st.sampled_from(list(FilterOperator))),
    lambda inner: st.builds(
        lambda parts, condition: MetadataFilters(filters=parts, condition=condition),
        st.lists(inner, max_size=3),
        st.sampled_from([*FilterCondition, None]),
    ),
    max_leaves=4,
)


@given(
    metadata=METADATA,
    key=KEYS,
    wanted=WANTED,
    kind=st.sampled_from(list(FilterOperator)),
    condition=st.sampled_from(list(FilterCondition)),
)
def test_one_filter_is_the_references(
    metadata: dict[str, Any], key: str, wanted: Any, kind: FilterOperator, condition: FilterCondition
) -> None:
    """Where that gives an answer; where it raises for types that do not go together, ours is false."""
    filters = MetadataFilters(filters=[one(key, wanted, kind)], condition=condition)
    if metadata.get(key) is None:  # about which releases before 0.14.24 think otherwise
        passed = kind in (FilterOperator.NE, FilterOperator.NIN, FilterOperator.IS_EMPTY)
        due = passed is (condition != FilterCondition.NOT)
    else:
        try:
            due = bool(build_metadata_filter_fn(lambda _: metadata, filters)("x"))
        except TypeError:
            due = (kind == FilterOperator.NIN) is (condition != FilterCondition.NOT)
    assert matches(metadata, filters) is due


@given(
    metadata=METADATA, parts=st.lists(FILTERS, min_size=1, max_size=3), condition=st.sampled_from(list(FilterCondition))
)
def test_conditions_join(metadata: dict[str, Any], parts: list[Any], condition: FilterCondition) -> None:
    """AND wants all of them, OR any, and NOT none, whatever they are."""
    passed = [matches(metadata, part) for part in parts]
    due = {FilterCondition.AND: all(passed), FilterCondition.OR: any(passed), FilterCondition.NOT: not any(passed)}
    assert matches(metadata, MetadataFilters(filters=parts, condition=condition)) is due[condition]


@given(several=st.lists(METADATA, max_size=4), filters=FILTERS)
def test_stores_and_retrievers_filter_exactly(garden: Garden, several: list[dict[str, Any]], filters: Any) -> None:
    """Whatever the metadata: what passes by brute force is what is found, got and deleted, in every mode."""
    filters = filters if isinstance(filters, MetadataFilters) else MetadataFilters(filters=[filters])
    store = MemGardenVectorStore(garden, "hypothesis")
    store.clear()
    store.add([TextNode(text="tea", id_=str(n), metadata=metadata) for n, metadata in enumerate(several)])
    due = {str(n) for n, metadata in enumerate(several) if matches(metadata, filters)}
    assert {node.node_id for node in store.get_nodes(filters=filters)} == due
    for mode in (VectorStoreQueryMode.SPARSE, VectorStoreQueryMode.HYBRID, VectorStoreQueryMode.DEFAULT):
        result = store.query(VectorStoreQuery(query_str="tea", similarity_top_k=9, mode=mode, filters=filters))
        assert set(result.ids or []) == due
    retriever = MemGardenRetriever(garden, "hypothesis", similarity_top_k=9, filters=filters)
    assert {found.node_id for found in retriever.retrieve("tea")} == due
    if _leaves(filters):
        store.delete_nodes(filters=filters)
        assert {node.node_id for node in store.get_nodes()} == {str(n) for n in range(len(several))} - due


def _leaves(filters: MetadataFilters) -> int:
    return sum(_leaves(one) if isinstance(one, MetadataFilters) else 1 for one in filters.filters)


def test_a_condition_of_none_is_and(garden: Garden) -> None:
    """As the reference has it."""
    filters = MetadataFilters(filters=[one("a", 1, FilterOperator.EQ), one("b", 2, FilterOperator.EQ)], condition=None)
    assert matches({"a": 1, "b": 2}, filters) and not matches({"a": 1}, filters)


@pytest.mark.parametrize("kind", list(FilterOperator))
def test_no_operator_is_unknown(garden: Garden, kind: FilterOperator) -> None:
    """Each has an answer for a value, a list and nothing at all."""
    for metadata in ({}, {"a": "x"}, {"a": ["x"]}, {"a": 1}):
        for wanted in (None, "x", ["x"], 1):
            assert matches(metadata, one("a", wanted, kind)) in (True, False)
