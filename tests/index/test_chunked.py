"""An index knows whether any memory has several chunks."""

from __future__ import annotations

from memgarden import Garden

LONG = "The bees of the upper meadow swarm in May. " * 80


def test_each_memory_is_found_once_however_its_chunks_came(garden: Garden) -> None:
    """Loaded with the scope, added to it later, or deleted again."""
    scope = garden.scope("alice")
    scope.add_many([f"Bees, note {n}." for n in range(5)])
    assert len(scope.search("bees", k=10)) == 5  # the index is loaded, of whole texts only
    scope.add(LONG, id="long")
    assert len(scope.chunks("long")) > 3
    found = [hit.id for hit in scope.search("bees", k=10)]
    assert len(found) == len(set(found)) == 6 and "long" in found
    scope.delete("long")
    assert len(scope.search("bees", k=10)) == 5
    other = garden.scope("bob")
    other.add_many([LONG, "Bees.", LONG])
    assert len({hit.id for hit in other.search("bees", k=10)}) == len(other.search("bees", k=10)) == 3
