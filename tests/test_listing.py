"""A scope is listed by a filter as it is searched by one, in the order that was asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgarden import Garden, InvalidFilter

START = datetime(2024, 5, 1, tzinfo=UTC)


def test_a_filtered_list_is_the_whole_list_filtered(garden: Garden) -> None:
    """For every order, with pages; equal times are ordered by id."""
    scope = garden.scope("alice")
    scope.add_many(
        [
            {"text": f"text {n}", "id": f"m{n}", "metadata": {"n": n % 3}, "created_at": START + timedelta(n // 4)}
            for n in range(20)
        ]
    )
    for order in ("created_at", "-created_at", "stored_at", "-stored_at", "id", "-id"):
        whole = [memory for memory in scope.list(order=order) if memory.metadata["n"] == 1]  # type: ignore[arg-type]
        assert scope.list(where={"n": 1}, order=order) == whole  # type: ignore[arg-type]
        assert scope.list(where={"n": 1}, order=order, limit=2, offset=3) == whole[3:5]  # type: ignore[arg-type]


@given(
    values=st.lists(st.one_of(st.none(), st.integers(-2, 2), st.text("ab.é中", max_size=2)), max_size=8),
    least=st.integers(-2, 2),
)
def test_it_holds_for_any_values(garden: Garden, values: list[object], least: int) -> None:
    """A long text with several chunks is listed once; what has expired is not."""
    scope = garden.scope("alice")
    scope.delete([memory.id for memory in scope.list(limit=1000)])
    past = datetime.now(UTC) - timedelta(1)
    scope.add_many(
        {"text": "word " * (400 if n == 0 else 1), "metadata": {"v": value}, "id": str(n)}
        | ({"expires_at": past} if n % 3 == 2 else {})
        for n, value in enumerate(values)
    )
    due = [
        str(n)
        for n, value in enumerate(values)
        if n % 3 != 2 and isinstance(value, int) and not isinstance(value, bool) and value >= least
    ]
    assert [memory.id for memory in scope.list(where={"v": {"$gte": least}}, order="id")] == sorted(due)


def test_an_empty_scope_and_a_wrong_filter(garden: Garden) -> None:
    """Nothing is listed of a scope that was never written to; an operator that there is not is refused."""
    assert garden.scope("nobody").list(where={"n": 1}) == []
    with pytest.raises(InvalidFilter, match="unknown operator"):
        garden.scope("nobody").list(where={"n": {"$like": 1}})
    for wrong in ([], "", 0):
        with pytest.raises(InvalidFilter, match="a filter is a mapping"):
            garden.scope("nobody").list(where=wrong)  # type: ignore[arg-type]


def test_an_empty_filter_lists_everything(garden: Garden) -> None:
    """As it does in a search."""
    garden.scope("alice").add_many(["a", "b"])
    assert len(garden.scope("alice").list(where={})) == 2
