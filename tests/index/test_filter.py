"""The filter language selects what a plain reading of it selects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgarden import Garden

scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, "a", "ab", "b", "1"])
values = scalars | st.lists(scalars, max_size=3)
names = st.sampled_from(["a", "b", "c.d"])
documents = st.lists(
    st.fixed_dictionaries(
        {}, optional={"a": values, "b": values, "c": st.fixed_dictionaries({}, optional={"d": values})}
    ),
    min_size=1,
    max_size=8,
)
plain = st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, "a", "ab"])
tests = st.one_of(
    st.tuples(st.sampled_from(["$eq", "$ne"]), scalars),
    st.tuples(st.sampled_from(["$gt", "$gte", "$lt", "$lte", "$contains", "$not_contains"]), plain),
    st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(scalars, max_size=3)),
    st.tuples(st.just("$exists"), st.booleans()),
)
filters = st.recursive(
    st.builds(lambda name, test: {name: {test[0]: test[1]}}, names, tests),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"$and": parts})
        | st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"$or": parts})
        | inner.map(lambda part: {"$not": part})
    ),
    max_leaves=5,
)
ABSENT = object()


def value_of(document: dict[str, Any], name: str) -> Any:
    """The reference's look-up."""
    value: Any = document
    for key in name.split("."):
        if not isinstance(value, dict) or key not in value:
            return ABSENT
        value = value[key]
    return value


def kind(value: Any) -> str:
    return "number" if type(value) in (int, float) else type(value).__name__


def same(left: Any, right: Any) -> bool:
    return kind(left) == kind(right) and left == right


def passes(document: dict[str, Any], where: dict[str, Any]) -> bool:
    """The reference: one document, one operator at a time, as the documentation words it."""
    ((key, operand),) = where.items()
    if key == "$and":
        return all(passes(document, part) for part in operand)
    if key == "$or":
        return any(passes(document, part) for part in operand)
    if key == "$not":
        return not passes(document, operand)
    ((operator, wanted),) = operand.items()
    value = value_of(document, key)
    present, value = value is not ABSENT, None if value is ABSENT else value

    def equal(to: Any) -> bool:
        return same(value, to) or (isinstance(value, list) and any(same(item, to) for item in value))

    def contains() -> bool:
        if isinstance(value, list):
            return any(same(item, wanted) for item in value)
        return isinstance(value, str) and isinstance(wanted, str) and wanted in value

    ordered = kind(value) == kind(wanted) and kind(value) in ("number", "str")
    return {
        "$eq": lambda: equal(wanted),
        "$ne": lambda: not equal(wanted),
        "$in": lambda: any(equal(to) for to in wanted),
        "$nin": lambda: not any(equal(to) for to in wanted),
        "$gt": lambda: ordered and value > wanted,
        "$gte": lambda: ordered and value >= wanted,
        "$lt": lambda: ordered and value < wanted,
        "$lte": lambda: ordered and value <= wanted,
        "$contains": contains,
        "$not_contains": lambda: not contains(),
        "$exists": lambda: present is wanted,
    }[operator]()


@given(documents=documents, wheres=st.lists(filters, min_size=1, max_size=4))
def test_filters_select_what_the_reference_selects(
    documents: list[dict[str, Any]], wheres: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Every operator over every type, nested, with columns that grow between filters."""
    with Garden.open(tmp_path_factory.mktemp("g"), embedder="hashing:8", chroma=None) as garden:
        scope = garden.scope("alice")
        stored: dict[str, dict[str, Any]] = {}
        for number, document in enumerate(documents):
            scope.add("word", id=str(number), metadata=document)
            stored[str(number)] = document
            if number in (0, len(documents) - 1):
                for where in wheres:
                    found = {hit.id for hit in scope.search("word", where=where, k=20)}
                    assert found == {id for id, document in stored.items() if passes(document, where)}, where


def ids(garden: Garden, where: dict[str, Any]) -> set[str]:
    return {hit.id for hit in garden.scope("alice").search("note", where=where)}


@pytest.fixture
def filled(garden: Garden) -> Garden:
    """Three memories that differ in everything."""
    start = datetime(2024, 5, 1, tzinfo=UTC)
    for number, level in enumerate(["low", "medium", "critical"]):
        garden.scope("alice").add(
            "note",
            id=f"n{number}",
            importance=level,
            tags=["t", f"t{number}"],
            kind=f"kind{number}",
            created_at=start + timedelta(days=number),
            metadata={"kind": "meta", "a.b": number, "when": (start + timedelta(days=number)).isoformat()},
        )
    return garden


def test_a_memorys_own_fields_are_filterable(filled: Garden) -> None:
    """Importance by its order, tags by membership, times by datetimes and by ISO 8601."""
    assert ids(filled, {"importance": {"$gte": "medium"}}) == {"n1", "n2"}
    assert ids(filled, {"importance": "low"}) == {"n0"}
    assert ids(filled, {"tags": "t1"}) == {"n1"} and ids(filled, {"tags": {"$contains": "t"}}) == {"n0", "n1", "n2"}
    assert ids(filled, {"created_at": {"$gt": datetime(2024, 5, 1, 12, tzinfo=UTC)}}) == {"n1", "n2"}
    assert ids(filled, {"created_at": {"$lte": "2024-05-02T00:00:00Z"}}) == {"n0", "n1"}
    assert ids(filled, {"when": {"$lt": datetime(2024, 5, 2, tzinfo=UTC)}}) == {"n0"}
    assert ids(filled, {"id": {"$in": ["n0", "n2", "zz"]}}) == {"n0", "n2"}
    assert ids(filled, {"stored_at": {"$exists": True}, "kind": "kind2"}) == {"n2"}


def test_metadata_that_has_a_fields_name_is_reached_by_its_prefix(filled: Garden) -> None:
    """And keys with dots by themselves."""
    assert ids(filled, {"metadata.kind": "meta", "kind": "kind1"}) == {"n1"}
    assert ids(filled, {"a.b": 2}) == {"n2"} and ids(filled, {"a": {"b": 2}}) == {"n2"}


def test_since_and_until_bound_when_it_was_said(filled: Garden) -> None:
    """From since, to just before until."""
    scope, day = filled.scope("alice"), datetime(2024, 5, 2, tzinfo=UTC)
    assert {hit.id for hit in scope.search("note", since=day)} == {"n1", "n2"}
    assert {hit.id for hit in scope.search("note", until=day)} == {"n0"}
    assert {hit.id for hit in scope.search("note", since=day, until=day + timedelta(days=1))} == {"n1"}
