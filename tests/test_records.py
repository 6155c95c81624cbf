"""A memory of the kind `record` is kept, got, listed and filtered, and is found by no search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from memgarden import Garden, InvalidMemory, Memory, Scope

OPEN = Callable[..., Garden]


def fill(scope: Scope) -> None:
    scope.add("green tea", id="tea", metadata={"n": 1})
    scope.add("green record", id="r1", kind="record", metadata={"n": 1})
    scope.add_many(
        [{"text": "a record", "id": "r2", "kind": "record", "metadata": {"n": 2}}, {"text": "black tea", "id": "b"}]
    )


@pytest.mark.parametrize("mode", ["hybrid", "lexical", "dense"])
def test_no_search_finds_it(garden: Garden, mode: Any) -> None:
    """In any mode, by its own words; everything else is found as if it were not there."""
    with_records, without = garden.scope("alice"), garden.scope("bob")
    fill(with_records)
    without.add("green tea", id="tea", metadata={"n": 1})
    without.add("black tea", id="b")
    for query in ("green record", "tea", "a record"):
        found = with_records.search(query, mode=mode, k=10)
        assert {hit.id for hit in found} <= {"tea", "b"}
        assert [(hit.id, hit.score) for hit in found] == [
            (hit.id, hit.score) for hit in without.search(query, mode=mode, k=10)
        ]
    assert with_records.search("record", where={"kind": "record"}, mode=mode) == []


def test_it_is_kept_and_listed(open_garden: OPEN) -> None:
    """By id, by page, by filter; after a restart too; it has no chunks."""
    fill(open_garden().scope("alice"))
    scope = open_garden().scope("alice")
    assert scope.get("r1") is not None and scope.count() == 4
    assert {memory.id for memory in scope.list()} == {"tea", "r1", "r2", "b"}
    assert {memory.id for memory in scope.list(where={"n": 1})} == {"tea", "r1"}
    assert {memory.id for memory in scope.list(where={"kind": "record"})} == {"r1", "r2"}
    assert scope.chunks("r1") == []
    assert scope.delete("r1") == 1
    assert {memory.id for memory in scope.list(where={"kind": "record"})} == {"r2"}
    assert [hit.id for hit in scope.search("green tea", k=1)] == ["tea"]


def test_it_becomes_a_memory_and_back(garden: Garden) -> None:
    """By an update of its kind; an update of something else leaves it what it is."""
    scope = garden.scope("alice")
    fill(scope)
    scope.update("r1", metadata={"n": 5})
    assert "r1" not in {hit.id for hit in scope.search("green record", k=10)}
    scope.update("r1", kind="note")
    assert scope.search("green record")[0].id == "r1"
    scope.update("r1", kind="record")
    assert "r1" not in {hit.id for hit in scope.search("green record", k=10)}


def test_vectors_that_are_given_are_the_others(garden: Garden) -> None:
    """A vector for each item, as ever; a record's is not used."""
    scope, dimension = garden.scope("alice"), garden.embedder.dimension
    vectors = np.eye(3, dimension)
    scope.add_many(
        [{"text": "a", "id": "a"}, {"text": "r", "id": "r", "kind": "record"}, {"text": "c", "id": "c"}],
        vectors=vectors,
        embedder=garden.embedder.name,
    )
    for row, due in ((0, "a"), (2, "c")):
        assert scope.search("", mode="dense", k=1, vector=vectors[row], embedder=garden.embedder.name)[0].id == due


def test_chroma_takes_it(open_garden: OPEN) -> None:
    """It is mirrored as every chunk is, and the comparison finds nothing wrong."""
    garden = open_garden(chroma="auto")
    fill(garden.scope("alice"))
    garden.flush()
    health = garden.health(deep=True)
    assert health.problems == [] and health.outbox == 0


def test_rewriting_is_of_what_there_is(garden: Garden) -> None:
    """In one transaction, of what was there when it is written; None leaves things as they are."""
    scope = garden.scope("alice")
    fill(scope)
    seen: list[tuple[str, str | None]] = []

    def make(id: str, old: Memory | None) -> Memory | None:
        seen.append((id, None if old is None else old.text))
        if len(seen) == 2:  # somebody else comes in between, once
            scope.add("oolong", id="tea")
        return None if id == "b" else Memory(f"{old.text if old else 'new'}!", id=id)

    made = scope.rewrite(["tea", "new", "b", "tea"], make)
    assert seen == [
        ("tea", "green tea"),
        ("new", None),
        ("b", "black tea"),
        ("tea", "oolong"),
        ("new", None),
        ("b", "black tea"),
    ]
    assert [memory.text for memory in made] == ["oolong!", "new!"]
    assert scope.search("oolong", k=1)[0].text == "oolong!"
    with pytest.raises(InvalidMemory, match="not 'other'"):
        scope.rewrite(["tea", "b"], lambda _, old: Memory("x", id="other"))
    assert scope.get("b").text == "black tea"  # type: ignore[union-attr]
    assert scope.rewrite([], make) == []
