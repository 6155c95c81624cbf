"""A garden in PostgreSQL keeps the same laws as one in a folder. Needs Debian's postgresql: `.ci/run` installs it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from memgarden import Deduplication, Garden, Memory
from tests.chroma_server import Server
from tests.large.conftest import fill, near, settled, vectors

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a PostgreSQL of our own, on loopback, with nothing in it."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries:
        pytest.fail("PostgreSQL is not installed: run `apt-get install postgresql`")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="memgarden-pg-"))
    as_postgres = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []  # it refuses to run as root
    if as_postgres:
        shutil.chown(folder, "postgres", "postgres")
    control = [*as_postgres, str(binaries[-1] / "pg_ctl"), "-D", str(folder / "data"), "-w"]
    subprocess.run([*control, "initdb", "-o", "-A trust -U garden -E UTF8"], check=True, capture_output=True)
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    subprocess.run([*control, "start", "-l", str(folder / "log"), "-o", options], check=True, capture_output=True)
    yield f"postgresql+psycopg://garden@127.0.0.1:{port}/"
    subprocess.run([*control, "stop", "-m", "immediate"], check=True, capture_output=True)
    shutil.rmtree(folder)


@pytest.fixture
def open_remote(server: str, request: pytest.FixtureRequest) -> Iterator[Callable[[], Garden]]:
    """Opens a garden in a database of the test's own, as often as asked."""
    import psycopg

    name = request.node.name.replace("test_", "")[:40]
    with psycopg.connect(server.replace("+psycopg", "") + "postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
    opened: list[Garden] = []

    def open_one(**options: object) -> Garden:
        opened.append(Garden.open(server + name, embedder="hashing:64", **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_one
    for garden in opened:
        garden.close()


def test_what_is_added_comes_back_and_is_found(open_remote: Callable[[], Garden]) -> None:
    """Add, replace, update, delete, list, filter, expire: as in SQLite."""
    scope = open_remote().scope("acme", "alice%'")
    given = scope.add("I moved to Lisbon. 🌿", id="a'--", metadata={"x": {"y": [1, None]}}, tags=["home"])
    assert scope.get("a'--") == given
    scope.add_many([Memory(f"note {n}", id=str(n), metadata={"n": n}) for n in range(700)])
    scope.add_many([Memory(f"changed {n}", id=str(n)) for n in range(0, 700, 7)])
    scope.update("1", tags=["kept"])
    assert scope.delete([str(n) for n in range(100, 700)]) == 600 and scope.count() == 101
    assert [hit.id for hit in scope.search("Lisbon", k=1)] == ["a'--"]
    assert {hit.id for hit in scope.search("note", where={"n": {"$lt": 5}})} == {"1", "2", "3", "4"}
    assert [memory.id for memory in scope.list(order="id", limit=2)] == ["0", "1"]
    assert [hit.id for hit in scope.search("note", where={"tags": "kept"})] == ["1"]


def test_indexes_of_few_rows_hold_no_others(open_remote: Callable[[], Garden], server: str) -> None:
    """Those that SQLite has of turns and of promotions alone are partial here too."""
    import psycopg

    name = Path(open_remote().health().where).name
    with psycopg.connect(server.replace("+psycopg", "") + name) as connection:
        indexes = dict(connection.execute("SELECT indexname, indexdef FROM pg_indexes").fetchall())
    assert "WHERE" in indexes["chunks_by_session"] and "WHERE" in indexes["outbox_promotions"]
    assert "WHERE" not in indexes["chunks_by_memory"]


def test_two_gardens_see_each_others_writes_at_once(open_remote: Callable[[], Garden]) -> None:
    """And eight threads of both that make one scope at the same moment lose nothing."""
    one, two = open_remote(), open_remote()
    faults: list[str] = []

    def work(garden: Garden, name: int) -> None:
        for n in range(15):
            garden.scope("alice").add(f"zebra{name}x{n}", id=f"{name}-{n}")
            if [hit.id for hit in garden.scope("alice").search(f"zebra{name}x{n}", k=1)] != [f"{name}-{n}"]:
                faults.append(f"{name}-{n}")

    threads = [threading.Thread(target=work, args=((one, two)[n % 2], n)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == [] and one.scope("alice").count() == 120
    two.scope("alice").delete("0-0")
    assert one.scope("alice").search("zebra0x0", mode="lexical") == []


def test_two_processes_may_make_a_garden_at_once(open_remote: Callable[[], Garden]) -> None:
    """Both end up in the one that came first."""
    ids: list[str] = []
    threads = [threading.Thread(target=lambda: ids.append(open_remote()._parts.id)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 4 and len(set(ids)) == 1


def test_chroma_follows_a_garden_in_postgresql(open_remote: Callable[..., Garden], tmp_path: Path) -> None:
    """Through the same outbox."""
    garden = open_remote(chroma=tmp_path / "chroma")
    garden.scope("alice").add_many([f"note {n}" for n in range(40)])
    garden.flush()
    assert garden.health(deep=True).ok and garden.health().outbox == 0


def test_a_scope_moves_out_and_back_in_postgresql(open_remote: Callable[..., Garden], tmp_path: Path) -> None:
    """Several gardens that see it grow move it once, and one of them drains; the rest take over when it closes."""
    chroma = Server(tmp_path / "server")
    try:
        gardens = [open_remote(chroma=chroma.url, exact_limit=200) for _ in range(3)]
        stored = fill(gardens[0], "alice", 500)
        for garden in gardens:
            garden.scope("bob").add("x")
        settled(gardens[0], alice="chroma")
        for query in vectors(5, seed=4):
            for garden in gardens:
                assert near(garden, "alice", query, k=1) == [str(np.argmax(stored @ query))]
        assert gardens[0].health(deep=True).problems == []
        gardens[0].close()
        gardens[1].scope("alice").delete([str(n) for n in range(50, 500)])
        settled(gardens[1])
        query = vectors(1, seed=5)[0]
        assert near(gardens[2], "alice", query, k=1) == [str(np.argmax(stored[:50] @ query))]
        gardens[1].close()
        assert gardens[2].health(deep=True).problems == []
    finally:
        chroma.stop()


def test_what_is_forgotten_is_in_no_table_and_nothing_else_goes(
    open_remote: Callable[..., Garden], server: str
) -> None:
    """Nor in the tables' statistics; that the log and backups have it still is said in the receipt."""
    import psycopg

    word = "zanzibar7391"
    garden, other = open_remote(), open_remote()
    garden.scope(word).add_many([{"text": f"{word} {n}", "id": f"{word}-{n}"} for n in range(450)])
    garden.scope(word).add(f"{word} again", id=f"{word}-7")
    garden.scope("bob").add_many([f"tea {n}" for n in range(30)])
    garden.scope("bob").add(f"{word} too", id="x")
    assert other.scope(word).search(word)
    receipt = garden.forget(word)
    assert (receipt.memories, receipt.history, receipt.chroma) == (450, 1, "none") and "backups" in receipt.notes[-1]
    garden.scope("bob").forget("x")
    assert other.scope(word).search(word) == [] and other.scope("bob").search(word, mode="lexical") == []
    assert garden.scopes() == {("bob",): 30} and len(other.scope("bob").search("tea", k=50)) == 30
    name = Path(garden.health().where).name
    with psycopg.connect(server.replace("+psycopg", "") + name) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for table in ("pg_stats", *(table for (table,) in tables)):
            query = f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%%{word}%%'"
            assert connection.execute(query).fetchone() == (0,), table  # type: ignore[arg-type]
    assert garden.compact(apply=True).applied and garden.health().problems == []
    other.scope(word).add("new")
    assert len(garden.scope(word).search("new")) == 1


def test_marks_are_noted_once_kept_and_forgotten(open_remote: Callable[..., Garden]) -> None:
    """Of what is similar, without a folder for archives; and the report of sizes has none for what is elsewhere."""
    garden = open_remote(chroma=None)
    alice = garden.scope("alice")
    for n, cosine in enumerate((1.0, 0.93, 0.94)):
        vector = np.eye(64, dtype=np.float32)[0] * cosine
        vector[n + 1] = np.sqrt(1 - cosine**2)
        alice.add(f"tea {n}", id=f"m{n}", vector=vector, embedder=garden.embedder.name)
    wanted = Deduplication(threshold=1.0, similar=0.9)
    assert [garden.apply(garden.plan(wanted)).done for _ in range(2)] == [{"similar": 2}, {"similar": 0}]
    assert [one.event for one in alice.history("m0")] == ["added", "similar", "similar"]
    report = garden.compact(apply=True, older_than=timedelta(0), events=1)
    assert report.dropped["history"] == 0 and report.before.chroma is report.before.archives is None
    assert report.after.total == report.after.database > 0
    assert alice.forget("m1").history == 1
    assert [one.detail for one in alice.history("m0")][1:] == [{"to": "m2"}]
    assert garden.sweep(apply=False) == 0
