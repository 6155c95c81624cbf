"""A database that an earlier memgarden made opens in this one, whole, and is then as a new one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from memgarden import Garden
from memgarden.store.migrations import VERSION
from tests.large.conftest import LIMIT, fill, near, settled, vectors

OPEN = Callable[..., Garden]

# What each version brought: indexes, and columns by table.
BROUGHT = {
    2: (("chunks_by_session",), {"chunks": ("session", "speaker", "stated")}),
    3: (("outbox_by_scope", "outbox_promotions"), {"scopes": ("own",), "outbox": ("scope",)}),
}


def layout(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """The columns of each table, and the indexes, without the order in which they came."""
    with closing(sqlite3.connect(path)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found: dict[str, list[tuple[object, ...]]] = {}
        for table in tables:
            columns = db.execute(f"SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info('{table}')")
            found[table] = sorted(columns, key=str)
            found[f"indexes of {table}"] = sorted(
                db.execute(f"SELECT name, \"unique\", partial FROM pragma_index_list('{table}')"), key=str
            )
    return found


def take_back(path: Path, version: int) -> None:
    """Take away what later migrations brought."""
    with closing(sqlite3.connect(path)) as db, db:
        for indexes, tables in (BROUGHT[later] for later in BROUGHT if later > version):
            for index in indexes:
                db.execute(f"DROP INDEX {index}")
            for table, columns in tables.items():
                for column in columns:
                    db.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        db.execute("UPDATE garden SET value = ? WHERE key = 'schema'", (str(version),))


def test_this_knows_what_every_version_brought() -> None:
    """A new migration is to be added here."""
    assert list(BROUGHT) == list(range(2, VERSION + 1))


@pytest.mark.parametrize("version", range(1, VERSION))
def test_a_garden_of_an_earlier_version_is_upgraded_with_what_was_on_its_way_to_chroma(
    open_garden: OPEN, tmp_path: Path, version: int
) -> None:
    """Nothing of its outbox is lost, and a scope of it that is large by now moves."""
    with open_garden(chroma="auto") as garden:
        stored = fill(garden, "alice", 150)
    with open_garden(chroma=None) as garden:
        stored = fill(garden, "alice", 300)  # replaced, half of them, with nobody to carry it to Chroma
        fill(garden, "bob", 20)
        waiting = garden.health().outbox
    path = tmp_path / "garden" / "garden.db"
    new = layout(path)
    take_back(path, version)
    assert layout(path) != new
    with open_garden(chroma="auto", exact_limit=LIMIT) as garden:
        assert waiting == 150 + 300 + 20 and garden.scopes() == {("alice",): 300, ("bob",): 20}
        settled(garden, alice="chroma")
        query = vectors(1, seed=2)[0]
        assert near(garden, "alice", query, k=1) == [str((stored @ query).argmax())]
        assert garden.health(deep=True).ok and layout(path) == new
