"""A database that an earlier memgarden made opens in this one, whole, and is then as a new one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from memgarden import Garden
from memgarden.records import NEVER, ROW
from memgarden.store.migrations import VERSION
from tests.large.conftest import LIMIT, fill, near, settled, vectors

OPEN = Callable[..., Garden]

# What each version brought: indexes, and columns by table; and whole tables.
BROUGHT = {
    2: (("chunks_by_session",), {"chunks": ("session", "speaker", "stated")}),
    3: (("outbox_by_scope", "outbox_promotions"), {"scopes": ("own",), "outbox": ("scope",)}),
    4: ((), {}),  # the chunks' table anew: see `unpack`
    5: ((), {}),  # tables of its own
}
TABLES = {5: ("history", "retrievals")}
# As it was in versions 1 to 3.
COLUMNS_BEFORE_4 = """
    pk INTEGER PRIMARY KEY AUTOINCREMENT, scope INTEGER NOT NULL REFERENCES scopes (pk),
    memory INTEGER NOT NULL REFERENCES memories (pk), revision BIGINT NOT NULL, start INTEGER NOT NULL,
    "end" INTEGER NOT NULL, length INTEGER NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT,
    postings BLOB NOT NULL, vector BLOB NOT NULL, session BIGINT, speaker BIGINT, stated INTEGER
"""
NUMBERS = "SELECT * FROM sqlite_sequence WHERE name != 'history' ORDER BY name"
INDEXES_BEFORE_4 = (
    "INDEX chunks_by_revision ON chunks (scope, revision)",
    "INDEX chunks_by_memory ON chunks (memory)",
    "INDEX chunks_by_session ON chunks (scope, session, created_at) WHERE session IS NOT NULL",
)


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


def unpack(db: sqlite3.Connection) -> None:
    """Lay the chunks' table out as before version 4."""
    known = db.execute("SELECT pk, scope, memory, revision, session, created_at, packed, postings, vector FROM chunks")
    rows = known.fetchall()
    (last,) = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'chunks'").fetchone()
    db.execute("DROP TABLE chunks")
    db.execute(f"CREATE TABLE chunks ({COLUMNS_BEFORE_4})")
    for index in INDEXES_BEFORE_4:
        db.execute(f"CREATE {index}")
    for pk, scope, memory, revision, session, created_at, packed, postings, vector in rows:
        row = np.frombuffer(packed, ROW)[0]
        start, end, length, expires_at = (int(row[name]) for name in ("start", "end", "length", "expires_at"))
        turn = (None, None) if session is None else (int(row["speaker"]), int(row["stated"]))
        expiry = None if expires_at == NEVER else expires_at
        before = (pk, scope, memory, revision, start, end, length, created_at, expiry, postings, vector, session, *turn)
        db.execute(f"INSERT INTO chunks VALUES ({', '.join('?' * 14)})", before)
    db.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'chunks'", (last,))


def take_back(path: Path, version: int) -> None:
    """Take away what later migrations brought."""
    with closing(sqlite3.connect(path)) as db, db:
        if version < 4:
            unpack(db)
        for table in (table for later in TABLES if later > version for table in TABLES[later]):
            db.execute(f"DROP TABLE {table}")
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


def test_nothing_of_a_chunk_is_lost_when_its_columns_are_packed(open_garden: OPEN, tmp_path: Path) -> None:
    """Spans, times, turns and terms are what they were, and no chunk gets a number that another had."""
    expires = datetime(2100, 1, 1, tzinfo=UTC)
    with open_garden() as garden:
        scope = garden.scope("alice")
        scope.add("Bees sleep in the hive at night. " * 100, id="long", expires_at=expires)
        scope.add_conversation([{"role": "user", "name": "Ann", "content": "My dog is called Rex."}], session_id="s1")
        last = scope.add("The newest, which is deleted.").id
        scope.delete(last)
    path = tmp_path / "garden" / "garden.db"
    read = "SELECT * FROM chunks ORDER BY pk"
    with closing(sqlite3.connect(path)) as db:
        packed = db.execute(read).fetchall()
        numbers = db.execute(NUMBERS).fetchall()
    assert len(packed) > 2
    take_back(path, 3)
    with open_garden() as garden:
        assert "Rex" in garden.scope("alice").search("What is Ann's dog called?", k=1)[0].text
    with closing(sqlite3.connect(path)) as db:
        assert db.execute(read).fetchall() == packed
        assert db.execute(NUMBERS).fetchall() == numbers
