"""Tombstones do not pile up, and an index that is older than the oldest of them is loaded anew."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from memgarden import Garden
from memgarden.store.write import KEPT_TOMBSTONES, PRUNED_EVERY

OPEN = Callable[..., Garden]


def _floor(garden: Garden, label: str) -> int:
    database = garden._parts.source._database  # type: ignore[attr-defined]
    with database.engine.connect() as connection:
        statement = f"SELECT floor FROM scopes WHERE path = '/{label}'"
        return int(connection.exec_driver_sql(statement).scalar() or 0)


def test_tombstones_are_bounded_and_indexes_that_lag_behind_are_loaded_anew(open_garden: OPEN) -> None:
    """A reader that slept through more deletions than are remembered sees the scope as it is."""
    sleeper, writer = open_garden(), open_garden()
    vectors = np.eye(64, dtype=np.float32)
    scope = writer.scope("alice")
    given = {"embedder": writer.embedder.name}
    scope.add_many([f"old {n}" for n in range(20)], vectors=vectors[:20], **given)
    writer.scope("bob").add("olive", id="b")
    writer.scope("bob").add("olive", id="b")
    assert len(sleeper.scope("alice").search("old", k=50)) == 20
    for n in range(2 * KEPT_TOMBSTONES // 20):
        for one in scope.list(limit=10):
            scope.update(one.id, importance="high" if n % 2 else "low")
        scope.delete([one.id for one in scope.list(limit=10)])
        scope.add_many([f"new {n} {i}" for i in range(10)], vectors=vectors[:10], **given)
    held = writer.health().rows["tombstones"]
    assert held < KEPT_TOMBSTONES + 20 * PRUNED_EVERY and _floor(writer, "alice") > 0
    assert _floor(writer, "bob") == 0, "pruned by scope"
    expected = {one.id for one in scope.list()}
    assert {hit.id for hit in sleeper.scope("alice").search("new old", k=50)} == expected
    assert {hit.id for hit in writer.scope("alice").search("new old", k=50)} == expected


def test_one_large_deletion_leaves_few_tombstones(open_garden: OPEN) -> None:
    """Those who saw it need none, and those who did not load anew."""
    garden, other = open_garden(), open_garden()
    scope = garden.scope("alice")
    vectors = np.tile(np.eye(1, 64, dtype=np.float32), (3_000, 1))
    ids = scope.add_many([f"note {n}" for n in range(3_000)], vectors=vectors, embedder=garden.embedder.name)
    assert len(other.scope("alice").search("note", k=3_000)) == 3_000
    scope.delete(ids[:2_990])
    assert garden.health().rows["tombstones"] == 0
    for each in (garden, other):
        assert {hit.id for hit in each.scope("alice").search("note", k=50)} == set(ids[2_990:])
