"""A store's filters: what each means, compared with `matches` and with LangGraph's own store."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from langgraph.store.memory import InMemoryStore

from langchain_memgarden import MemGardenStore
from langchain_memgarden.items import matches, narrowed
from memgarden import Garden
from tests.langchain.conftest import keys

FILTERS: list[tuple[dict[str, Any], set[str]]] = [
    ({"n": 1}, {"one"}),
    ({"n": {"$eq": 1}}, {"one"}),
    ({"n": {"$ne": 1}}, {"two", "none", "odd"}),
    ({"n": {"$gt": 1}}, {"two"}),
    ({"n": {"$gte": 1, "$lt": 2}}, {"one"}),
    ({"n": {"$lte": 2}}, {"one", "two"}),
    ({"n": None}, {"none", "odd"}),
    ({"tags": ["a", "b"]}, {"one"}),
    ({"tags": "a"}, set()),
    ({"tags": {"$ne": ["a", "b"]}}, {"two", "none", "odd"}),
    ({"in": {"a": 1}}, {"one", "two"}),
    ({"in": {"a": 1, "b": "x"}}, {"one"}),
    ({"in": {"a": {"$gte": 1}}}, {"one", "two"}),
    ({"in": {"$eq": {"a": 1}}}, {"two"}),
    ({"date": {"$gt": "2024-01-01"}}, {"two"}),
    ({"flag": True}, {"one"}),
    ({"flag": 1}, {"two"}),
    ({"a.b": 1}, {"odd"}),
    ({"n": 1, "flag": True}, {"one"}),
    ({"n": 1, "flag": False}, set()),
    ({"missing": {"$gt": 1}}, set()),
    ({"n": {"$gt": "1"}}, set()),
    ({"'; DROP TABLE memories; --": 1}, set()),
    ({"": 5}, {"odd"}),
    ({}, {"one", "two", "none", "odd"}),
]


@pytest.mark.parametrize("query", [None, "tea"])
@pytest.mark.parametrize(("where", "due"), FILTERS)
def test_filters(store: MemGardenStore, query: str | None, where: dict[str, Any], due: set[str]) -> None:
    """With a query and without; what is missing or of another type is no error."""
    store.put(
        ("u",),
        "one",
        {"text": "tea", "n": 1, "tags": ["a", "b"], "in": {"a": 1, "b": "x"}, "date": "2023-05-01", "flag": True},
    )
    store.put(("u",), "two", {"text": "tea", "n": 2, "tags": ["b"], "in": {"a": 1}, "date": "2024-05-01", "flag": 1})
    store.put(("u",), "none", {"text": "tea", "n": None, "in": 5})
    store.put(("u",), "odd", {"text": "tea", "a.b": 1, "a": {"b": 2}, "": 5})
    store.put(("v",), "other", {"text": "tea", "n": 1})
    assert set(keys(store.search(("u",), query=query, filter=where))) == due


def test_unknown_operators_are_errors(store: MemGardenStore) -> None:
    """Where nothing is stored, too."""
    for where in ({"n": {"$regex": "a"}}, {"$or": [{"n": 1}]}):
        with pytest.raises(ValueError, match="operator"):
            store.search(("u",), filter=where)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab.$", max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab.", max_size=2), inner, max_size=2),
    max_leaves=5,
)

VALUES = st.dictionaries(st.text("ab.", max_size=2), JSON, max_size=3)

TESTS = JSON | st.dictionaries(
    st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]), JSON, min_size=1, max_size=2
)


@example(values=[{"": {"": False}}], where={".": None})
@given(values=st.lists(VALUES, max_size=5), where=st.dictionaries(st.text("ab.", max_size=2), TESTS, max_size=2))
def test_searches_filter_as_the_reference_does(
    garden: Garden, values: list[dict[str, Any]], where: dict[str, Any]
) -> None:
    """Of any values and filters: the index narrows, and what is given out is exactly what `matches`."""
    try:
        due = {str(n) for n, value in enumerate(values) if matches(value, where)}
    except ValueError:
        return  # an unknown operator inside, as a key such as "$"
    store = MemGardenStore(garden)
    for item in store.search(("h",), limit=100):
        store.delete(("h",), item.key)
    for n, value in enumerate(values):
        store.put(("h",), str(n), value)
    assert set(keys(store.search(("h",), filter=where, limit=100))) == due
    assert set(keys(store.search(("h",), query="a b", filter=where, limit=100))) == due


@given(
    value=VALUES,
    where=st.dictionaries(
        st.text("ab", min_size=1, max_size=2), st.integers(-3, 3) | st.booleans() | st.none(), max_size=2
    ),
)
def test_plain_filters_mean_what_they_mean_in_memory(value: dict[str, Any], where: dict[str, Any]) -> None:
    """Of LangGraph's own store, but that True is not 1."""
    reference = InMemoryStore()
    reference.put(("u",), "k", value)
    mixed = any(isinstance(value.get(key), bool) is not isinstance(wanted, bool) for key, wanted in where.items())
    assert mixed or matches(value, where) == bool(reference.search(("u",), filter=where))
    assert narrowed(where) or not where


def test_truth_is_no_number() -> None:
    """As in JSON, and not as in Python: neither equal, nor ordered, alone or in a list."""
    assert not matches({"a": True}, {"a": 1}) and matches({"a": True}, {"a": {"$ne": 1}})
    assert not matches({"a": True}, {"a": {"$gte": 0}}) and matches({"a": True}, {"a": True})


def test_filters_see_what_others_stored(store: MemGardenStore, garden: Garden) -> None:
    """By the value that is given out for it."""
    garden.scope("u").add("hello", metadata={"topic": "home"}, id="m")
    store.put(("u",), "k", {"content": "other"})
    for query in (None, "hello"):
        assert keys(store.search(("u",), query=query, filter={"content": "hello"})) == ["m"]
        assert keys(store.search(("u",), query=query, filter={"metadata": {"topic": "home"}})) == ["m"]
