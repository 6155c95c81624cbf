"""Worn collections are built anew beside the old ones: nobody waits, nothing is lost, and searches go on as before."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import cast
from uuid import uuid4

import chromadb
import numpy as np
import pytest

from memgarden import Garden
from memgarden.maintain import compact as compact_module
from memgarden.store.audit import SqlAudit
from memgarden.store.outbox import SqlOutbox
from memgarden.vector.swap import NEW, OLD
from tests.chroma_server import Server
from tests.forget.conftest import traces
from tests.large.conftest import LIMIT, NAME, fill, near, settled, vectors
from tests.large.test_moves import owner
from tests.survival.mirror import same_as_record
from tests.waiting import eventually

OPEN = Callable[..., Garden]


@pytest.fixture(autouse=True)
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collection is worth the trouble from fifty deletions on."""
    monkeypatch.setattr(compact_module, "LITTLE", 50)


def collections(folder: Path) -> list[str]:
    """The names of Chroma's collections, while another process has them open."""
    with closing(sqlite3.connect(f"file:{folder}/chroma/chroma.sqlite3?mode=ro", uri=True)) as chroma:
        return [name for (name,) in chroma.execute("SELECT name FROM collections")]


def built(folder: Path) -> bool:
    """Whether a collection is being built."""
    return any(name.endswith(NEW) for name in collections(folder))


def asked(folder: Path) -> bool:
    """Whether a rebuild is still to be done."""
    with closing(sqlite3.connect(f"file:{folder}/garden.db?mode=ro", uri=True)) as record:
        return record.execute("SELECT 1 FROM outbox WHERE op = 'rebuild'").fetchone() is not None


def alone(folder: Path) -> None:
    """No collection has another beside it."""
    assert [name for name in collections(folder) if name.endswith((NEW, OLD))] == []


def worn(garden: Garden, count: int = 900, scope: str = "alice") -> np.ndarray:
    """A large scope of which two thirds are left; their vectors, zeros for what was deleted."""
    stored = fill(garden, scope, count)
    settled(garden, **{scope: "chroma"})
    garden.scope(scope).delete([str(n) for n in range(count // 3 + 60)])
    settled(garden, **{scope: "chroma"})
    stored[: count // 3 + 60] = 0
    return stored


def begun(garden: Garden, folder: Path, scope: str = "alice") -> None:
    """Ask for it, and wait until a collection is being built; slowly, for while searches come a few are copied."""
    ((number, _),) = garden._parts.catalogue.large().items()
    query = vectors(1)[0]
    near(garden, scope, query)
    garden._parts.outbox.rebuild(number)
    garden._parts.wrote()
    eventually(lambda: near(garden, scope, query) and built(folder))


def test_searches_go_on_through_chroma_and_adds_and_deletions_with_them(open_large: OPEN, folder: Path) -> None:
    """From the request to the end: right, through Chroma, and no vector comes into memory."""
    with open_large() as garden:
        stored = worn(garden, 700)
        scope, ways, seen, n = garden.scope("alice"), set(), 0, 0
        before = garden._parts.outbox.worn()[1]
        near(garden, "alice", stored[-1])  # from the first search on a few are copied at a time
        assert garden.compact(apply=True).rebuilt == (1,)
        while asked(folder):
            fresh = vectors(1, seed=100_000 + n)[0]
            added = scope.add("fresh", vector=fresh, embedder=NAME)
            assert near(garden, "alice", fresh, k=1) == [added.id]
            scope.delete([added.id, str(699 - n)])
            stored[699 - n] = 0
            assert not {added.id, str(699 - n)} & {*near(garden, "alice", fresh)}
            for query in vectors(3, seed=n):
                found = near(garden, "alice", query)
                assert found[0] == str(np.argmax(stored @ query)) and len(found) == 10
            ways |= {garden.health().large["alice",]}
            assert garden._parts.pool._slots["alice",].index.dense._matrix is None  # type: ignore[union-attr]
            seen += built(folder)
            n += 1
            time.sleep(0.02)
        assert ways == {"chroma"} and seen > 5, "it was looked at while it was built"
        settled(garden, alice="chroma")
        assert garden.health(deep=True).problems == []
        given, gone = garden._parts.outbox.worn()[1]
        assert given < before[0] and gone < before[1]
        alone(folder)
    assert same_as_record(garden) == 700 - 293 - n


def test_what_was_built_is_what_lives(open_large: OPEN, folder: Path) -> None:
    """Of a large scope and of what small ones share, at once; each is asked for once, however often."""
    with open_large() as garden:
        worn(garden)
        fill(garden, "bob", 190)
        garden.scope("bob").delete([str(n) for n in range(100)])
        garden.flush()
        outbox = garden._parts.outbox
        assert set(outbox.worn()) >= {0, 1}
        garden.close()
    with open_large(chroma=None) as garden:
        for _ in range(2):
            assert garden.compact(apply=True).rebuilt == (0, 1)
        assert garden._parts.outbox.count() == 2, "a row for each, and none for a chunk"
    with open_large() as garden:
        garden.flush(60)
        assert garden.compact().rebuilt == () and garden.health(deep=True).problems == []
        assert garden._parts.outbox.worn()[0] == (90, 0)
        alone(folder)
    assert same_as_record(garden) == 540 + 90


@pytest.mark.parametrize("after", [0.0, 0.05, 0.15, 0.4])
def test_killing_chromas_owner_meanwhile_loses_nothing(open_large: OPEN, folder: Path, after: float) -> None:
    """The next one goes on; what Chroma then holds is what the record says, chunk by chunk."""
    with open_large() as garden:
        stored = worn(garden)
        begun(garden, folder)
        time.sleep(after)
        os.kill(owner(garden), signal.SIGKILL)
        garden.scope("alice").add("new", id="new", vector=vectors(1, seed=50)[0], embedder=NAME)
        garden.scope("alice").delete("899")
        stored[899] = 0
        for query in vectors(10, seed=4):
            assert next(id for id in near(garden, "alice", query, k=2) if id != "new") == str(np.argmax(stored @ query))
        settled(garden, alice="chroma")
        assert garden.health(deep=True).problems == []
        alone(folder)
    assert same_as_record(garden) == 540


def test_closing_meanwhile_keeps_what_was_copied(open_large: OPEN, folder: Path) -> None:
    """Processes that live for a moment get there together."""
    with open_large() as garden:
        worn(garden, 1500)
        begun(garden, folder)
        garden.close(0.0)
    assert built(folder)
    with open_large() as garden:
        garden.flush()
    alone(folder)
    assert same_as_record(garden) == 940


def test_forgetting_meanwhile_leaves_no_word(open_large: OPEN, tmp_path: Path, folder: Path) -> None:
    """Neither of what is built nor of what it is built from."""
    word = f"word{uuid4().hex}"
    with open_large() as garden:
        garden.scope("bob").add("tea")
        worn(garden, 1500, scope=word)
        assert traces(tmp_path, [word])
        begun(garden, folder, word)
        assert garden.forget(word).chroma == "erased"
        assert traces(tmp_path, [word]) == []
        garden.flush()
        assert garden.health(deep=True).problems == [] and garden.compact().rebuilt == ()
        alone(folder)
    assert same_as_record(garden) == 1


def test_on_a_server_it_is_the_same(open_large: OPEN, tmp_path: Path) -> None:
    """Searched by another garden all the while; a forget leaves none of the collections."""
    server = Server(tmp_path / "server")
    try:
        garden, other = open_large(chroma=server.url), open_large(chroma=server.url)
        stored = worn(garden)
        query = vectors(1, seed=3)[0]
        best = str(np.argmax(stored @ query))
        assert near(other, "alice", query, k=1) == [best]
        faults: list[str] = []
        stop, ended = threading.Event(), threading.Event()

        def search() -> None:
            while not stop.is_set():
                found = near(other, "alice", query, k=1)
                if found != [best] or other._parts.pool._slots["alice",].index.dense._matrix is not None:  # type: ignore[union-attr]
                    faults.append(f"{found}")
            ended.set()

        thread = threading.Thread(target=search)
        thread.start()
        garden.compact(apply=True)
        garden.flush(60)
        stop.set()
        thread.join()
        assert ended.is_set() and faults == [] and garden.compact().rebuilt == ()
        client = chromadb.HttpClient("127.0.0.1", server.port)
        assert sorted(each.count() for each in client.list_collections()) == [0, 540]
        garden.scope("alice").delete([str(n) for n in range(360, 620)])
        settled(garden, alice="chroma")
        garden.compact(apply=True)
        garden.forget("alice", timeout=60)
        garden.flush(60)
        assert [each.count() for each in client.list_collections()] == [0]
        garden.close()
        other.close()
    finally:
        server.stop()


@pytest.fixture
def waiting(open_large: OPEN) -> Garden:
    """A garden, opened without Chroma, whose large scope's collection is to be built anew."""
    with open_large() as garden:
        worn(garden)
    garden = open_large(chroma=None)
    assert garden.compact(apply=True).rebuilt == (1,)
    return garden


def test_a_request_holds_nothing_up_and_forgets_nothing(waiting: Garden) -> None:
    """It comes after what is written later; a search asks Chroma all the same; the wear stays until it is done."""
    outbox, audit = cast(SqlOutbox, waiting._parts.outbox), cast(SqlAudit, waiting._parts.audit)
    before = outbox.worn()
    fill(waiting, "bob", 30)
    assert [item.op for item in outbox.pending(20)] == ["upsert"] * 20 + ["rebuild"]
    assert outbox.pending(50)[-1].scope == 1 and outbox.count() == 31
    assert outbox.waiting(1, 0) is not None and outbox.worn() == before
    expected = audit.expected()
    assert expected is not None and expected.rebuilt == {1} and expected.own[1].count == 540
    [*_, rebuild] = outbox.pending(50)
    outbox.rebuild(1)
    outbox.settle([rebuild.seq], 540)
    assert outbox.worn()[1] == (540, 0) and outbox.count() == 30 and outbox.mark()


def test_a_request_is_void_where_the_collection_goes_or_is_made_anyway(waiting: Garden) -> None:
    """By a demotion, by `reindex`, by a forget; and none is made where a promotion or a reset waits."""
    outbox = cast(SqlOutbox, waiting._parts.outbox)

    def rebuilds() -> list[int | None]:
        return [item.scope for item in outbox.pending(10_000) if item.op == "rebuild"]

    assert rebuilds() == [1]
    outbox.rebalance(10_000)
    assert rebuilds() == [] and 1 not in outbox.worn()
    outbox.rebuild(1)
    assert rebuilds() == [], "it has no collection of its own"
    outbox.rebalance(LIMIT)
    outbox.rebuild(1)
    assert rebuilds() == [], "it is being made"
    outbox.rebuild(0)
    assert rebuilds() == [None]
    waiting.reindex()
    outbox.rebuild(0)
    assert rebuilds() == [], "all are made anew"


def test_a_request_for_a_scope_that_is_no_more_is_struck_off(waiting: Garden, folder: Path) -> None:
    """However it came to be there: a transaction of PostgreSQL's may not see another that is not committed."""
    outbox = cast(SqlOutbox, waiting._parts.outbox)
    with closing(sqlite3.connect(folder / "garden.db")) as record, record:
        record.execute("INSERT INTO outbox (op, chunk, scope) VALUES ('rebuild', 0, ?)", (~77,))
        record.execute("UPDATE scopes SET own = 0")
    for _ in range(2):
        [item] = outbox.pending(10)
        assert item.op == "void"
        outbox.settle([item.seq])
    assert outbox.count() == 0
