"""The record keeps what it acknowledged, refuses what it does not know, and says what is wrong."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from memgarden import EmbedderMismatch, Garden, GardenBusy, InvalidSetting, SchemaTooNew, StorageError
from memgarden.store.embeddings import EmbeddingTable
from memgarden.store.engine import Database
from memgarden.store.migrations import migrate
from memgarden.store.statement import Statement

OPEN = Callable[..., Garden]


def test_a_later_schema_is_refused_with_the_command_that_helps(open_garden: OPEN, tmp_path: Path) -> None:
    """Rather than written over."""
    open_garden().close()
    with sqlite3.connect(tmp_path / "garden" / "garden.db") as connection:
        connection.execute("UPDATE garden SET value = '99' WHERE key = 'schema'")
    with pytest.raises(SchemaTooNew, match="pip install --upgrade memgarden"):
        open_garden()


def test_the_garden_stays_with_its_embedder_and_language(open_garden: OPEN) -> None:
    """Another is refused; none means the garden's own."""
    open_garden(language="german").close()
    with pytest.raises(EmbedderMismatch, match="come from 'hashing-64'"):
        open_garden(embedder="hashing:32")
    with pytest.raises(InvalidSetting, match="language is 'german'"):
        open_garden(language="english")
    garden = open_garden(embedder=None)
    assert garden.embedder.name == "hashing-64" and garden.health().language == "german"


WRITER = """
import sys
from memgarden import Garden
with Garden.open(sys.argv[1], embedder="hashing:64", chroma=None) as garden:
    n = 0
    while True:
        garden.scope(f"user{n % 3}").add(f"marker{n} was acknowledged", id=str(n))
        print(n, flush=True)
        n += 1
"""


@pytest.mark.parametrize("after", [5, 40, 150])
def test_what_was_acknowledged_survives_a_kill(open_garden: OPEN, tmp_path: Path, after: int) -> None:
    """A process killed with -9 in the middle of adding has lost nothing that `add` returned from."""
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "garden")], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    acknowledged = [int(child.stdout.readline()) for _ in range(after)]
    os.kill(child.pid, signal.SIGKILL)
    acknowledged += [int(line) for line in child.stdout.read().split("\n") if line]
    child.wait()
    garden = open_garden()
    for n in acknowledged:
        hits = garden.scope(f"user{n % 3}").search(f"marker{n}", mode="lexical")
        assert [hit.id for hit in hits] == [str(n)]
    assert garden.health(deep=True).ok and len(acknowledged) >= after
    # Besides those, at most the one that was being written.
    assert sum(garden.scopes().values()) - len(acknowledged) in (0, 1)


def test_a_write_that_cannot_get_the_lock_says_so_in_time(open_garden: OPEN, tmp_path: Path) -> None:
    """And searches go on meanwhile."""
    garden = open_garden(lock_timeout=0.3)
    garden.scope("alice").add("olive")
    other = sqlite3.connect(tmp_path / "garden" / "garden.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    start = time.monotonic()
    with pytest.raises(GardenBusy, match=re.escape("for 0.3 s: try again")):
        garden.scope("alice").add("fig")
    assert time.monotonic() - start < 5
    assert len(garden.scope("alice").search("olive")) == 1
    other.execute("ROLLBACK")
    garden.scope("alice").add("fig")
    assert garden.scope("alice").count() == 2


def test_a_full_disk_is_a_clear_error_and_loses_nothing(garden: Garden) -> None:
    """SQLite's own limit of pages stands in for the disk: the error is the same, SQLITE_FULL."""
    scope = garden.scope("alice")
    scope.add("first", id="first")
    engine = garden._parts.source._database.engine  # type: ignore[attr-defined]
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    engine.dispose()

    def limit(connection: sqlite3.Connection, _: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages + 3}")

    sa.event.listen(engine, "connect", limit)
    with pytest.raises(StorageError, match=r"disk is full.*nothing of this call was stored"):
        scope.add_many([f"note {n} " + "x" * 2000 for n in range(500)], batch_size=500)
    sa.event.remove(engine, "connect", limit)
    engine.dispose()
    assert [memory.id for memory in scope.list()] == ["first"] and garden.health(deep=True).ok
    scope.add("there is room again")
    assert scope.count() == 2


def test_a_damaged_database_is_said_to_be_one(open_garden: OPEN, tmp_path: Path) -> None:
    """Not an empty garden."""
    open_garden().close()
    (tmp_path / "garden" / "garden.db").write_bytes(b"this is no database at all" * 1000)
    with pytest.raises(StorageError, match="not a database"):
        open_garden()


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """With the place's name."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="file"):
        Garden.open(tmp_path / "file", embedder="hashing", chroma=None)


def test_nobody_else_may_read_the_folder(open_garden: OPEN, tmp_path: Path) -> None:
    """What people remember is theirs."""
    open_garden()
    assert (tmp_path / "garden").stat().st_mode & 0o077 == 0


def test_the_embedding_cache_keeps_the_most_recently_used(tmp_path: Path) -> None:
    """It is bounded, and vectors of one embedder are not another's."""
    database = Database(f"sqlite:///{tmp_path / 'x.db'}", lock_timeout=5)
    migrate(database)
    table = EmbeddingTable(database, limit=100)
    for n in range(40):
        table.save("a", [f"text {n} {i}" for i in range(10)], np.full((10, 4), n, np.float32))
    table.save("b", [f"text {i}" for i in range(130)], np.zeros((130, 4), np.float32))
    with database.read() as session:
        assert session.value(Statement(sa.text("SELECT count(*) FROM embeddings")), {}) == 100
    table.save("a", [f"text 39 {i}" for i in range(10)], np.full((10, 4), 39, np.float32))
    newest, oldest, foreign = (
        table.load("a", ["text 39 0"])[0],
        table.load("a", ["text 0 0"]),
        table.load("b", ["text 39 0"]),
    )
    assert newest is not None and newest.tolist() == [39] * 4 and oldest == [None] and foreign == [None]
    with database.read() as session:
        assert session.value(Statement(sa.text("SELECT count(*) FROM embeddings")), {}) <= 110
    database.close()
