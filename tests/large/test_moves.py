"""Scopes move into collections of their own and back, under adds, searches, kills and other processes."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import chromadb
import numpy as np
import pytest

from memgarden import Garden
from memgarden.vector.collection import collection_name
from tests.large.conftest import LIMIT, NAME, fill, near, settled, vectors

OPEN = Callable[..., Garden]


def held(folder: Path, garden: Garden, scope: int | None) -> set[str]:
    """The memories in a closed garden's collection: the shared one, or a scope's own."""
    client = chromadb.PersistentClient(str(folder / "chroma"))
    names = {collection.name: collection for collection in client.list_collections()}
    found = names.get(collection_name(garden._parts.id, scope))
    return set() if found is None else {str(each["mg.memory_id"]) for each in found.get()["metadatas"] or []}


def owner(garden: Garden) -> int:
    """The process id of the drainer."""
    child = garden._parts.mirror._child  # type: ignore[union-attr]
    return int(child.pid)


def test_a_scope_moves_out_and_back_while_it_is_written_and_searched(open_large: OPEN, folder: Path) -> None:
    """Every add is found by the next search, none that was deleted is, all the way up and down."""
    garden = open_large()
    faults: list[str] = []
    stop = threading.Event()

    def work(number: int) -> None:
        scope, n = garden.scope("alice"), 0
        while not stop.is_set():
            vector = vectors(1, seed=1000 * number + n)[0]
            added = scope.add(f"zebra{number}x{n}", vector=vector, embedder=NAME, id=f"{number}-{n}")
            if near(garden, "alice", vector, k=1) != [added.id]:
                faults.append(f"lost {added.id}")
            scope.delete(added.id)
            if added.id in near(garden, "alice", vector):
                faults.append(f"ghost {added.id}")
            n += 1
            time.sleep(0.005)

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    stored = fill(garden, "alice", 600)
    end = time.monotonic() + 30
    while garden.health().large != {("alice",): "chroma"} and time.monotonic() < end:
        time.sleep(0.1)
    moved = garden.health().large
    garden.scope("alice").delete([str(n) for n in range(50, 600)])
    while garden.health().large and time.monotonic() < end:
        time.sleep(0.1)
    stop.set()
    for thread in threads:
        thread.join()
    assert faults == [] and moved == {("alice",): "chroma"}
    settled(garden)
    query = vectors(1, seed=3)[0]
    assert near(garden, "alice", query) == [str(n) for n in np.argsort(-(stored[:50] @ query))[:10]]
    garden.close()
    assert held(folder, garden, None) == {str(n) for n in range(50)} and held(folder, garden, 1) == set()


def test_a_scope_between_half_the_limit_and_the_limit_stays_where_it_is(open_large: OPEN) -> None:
    """So that one that hovers does not move to and fro."""
    garden = open_large()
    fill(garden, "alice", LIMIT - 1)
    settled(garden)
    garden.scope("alice").add("one more", id="more")
    settled(garden, alice="chroma")
    garden.scope("alice").delete([str(n) for n in range(LIMIT // 2)])
    time.sleep(3)
    settled(garden, alice="chroma")
    garden.scope("alice").delete("more")
    settled(garden)


@pytest.mark.parametrize("after", [0.4, *(pytest.param(after, marks=pytest.mark.slow) for after in (0.1, 0.8, 1.5))])
def test_killing_chromas_owner_mid_move_loses_nothing(open_large: OPEN, folder: Path, after: float) -> None:
    """The next one goes on from the outbox; searches never fail meanwhile."""
    garden = open_large()
    stored = fill(garden, "alice", 900)
    end = time.monotonic() + 30
    while not garden.health().large and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(after)
    os.kill(owner(garden), signal.SIGKILL)
    for query in vectors(20, seed=4):
        assert near(garden, "alice", query, k=1) == [str(np.argmax(stored @ query))]
    settled(garden, alice="chroma")
    os.kill(owner(garden), signal.SIGKILL)  # and once it is done: the next query finds the next owner
    for query in vectors(20, seed=5):
        assert near(garden, "alice", query, k=1) == [str(np.argmax(stored @ query))]
    settled(garden, alice="chroma")
    garden.close()
    assert len(held(folder, garden, 1)) == 900 and held(folder, garden, None) == set()


HOST = """
import sys
from memgarden import Garden
from tests.large.conftest import fill
garden = Garden.open(sys.argv[1], embedder="hashing:64", exact_limit=200)
fill(garden, "alice", 800)
print("filled", flush=True)
while True:
    print(len(garden.health().large), flush=True)
"""


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 8))])
def test_killing_the_host_mid_move_loses_nothing(open_large: OPEN, folder: Path, seed: int) -> None:
    """At random moments of the promotion; the next garden finishes it."""
    rng = random.Random(seed)
    child = subprocess.Popen([sys.executable, "-c", HOST, str(folder)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "filled\n"
    while seed % 2 and child.stdout.readline() != "1\n":
        pass
    time.sleep(2 * rng.random())
    child.kill()
    child.wait()
    child.stdout.close()
    with open_large() as garden:
        assert garden.scope("alice").count() == 800
        settled(garden, alice="chroma")
        query = vectors(1, seed=4)[0]
        assert near(garden, "alice", query, k=1) == [str(np.argmax(vectors(800) @ query))]
    assert len(held(folder, garden, 1)) == 800 and held(folder, garden, None) == set()


ASKER = """
import sys
from memgarden import Garden
from tests.large.conftest import near, settled, vectors
with Garden.open(sys.argv[1], embedder="hashing:64", exact_limit=200) as garden:
    settled(garden, alice="chroma")
    print([near(garden, "alice", query) for query in vectors(5, seed=6)])
    print(garden._parts.pool._slots["alice",].index.dense._matrix is None)
    print(garden._parts.mirror.status().state)
"""


def test_a_second_process_searches_through_the_first_ones_owner(open_large: OPEN, folder: Path) -> None:
    """It loads no vectors and opens no Chroma of its own."""
    garden = open_large()
    fill(garden, "alice", 500)
    settled(garden, alice="chroma")
    assert (folder / "chroma.sock").stat().st_mode & 0o077 == 0
    run = subprocess.run([sys.executable, "-c", ASKER, str(folder)], capture_output=True, text=True, check=True)
    answers, without_vectors, state = run.stdout.splitlines()
    assert answers == str([near(garden, "alice", query) for query in vectors(5, seed=6)])
    assert without_vectors == "True" and state in ("waiting", "draining", "idle")


def test_two_gardens_that_see_it_grow_move_a_scope_once(open_large: OPEN) -> None:
    """The flag and the changes are one transaction with a condition."""
    garden = open_large(chroma=None)
    open_large().close()
    fill(garden, "alice", 300)
    outbox = garden._parts.outbox
    threads = [threading.Thread(target=outbox.rebalance, args=(LIMIT,)) for _ in range(4)]  # type: ignore[attr-defined]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outbox.count() == 300 + 1 + 300


def test_reindex_builds_own_collections_anew(open_large: OPEN, folder: Path) -> None:
    """Whatever was lost, and without what does not belong there."""
    with open_large() as garden:
        stored = fill(garden, "alice", 400)
        fill(garden, "bob", 30)
        settled(garden, alice="chroma")
    shutil.rmtree(folder / "chroma")
    query = vectors(1, seed=7)[0]
    expected = [str(n) for n in np.argsort(-(stored @ query))[:10]]
    with open_large() as garden:
        assert near(garden, "alice", query) == expected and garden.health().large == {("alice",): "exact"}
        garden.reindex()
        assert near(garden, "alice", query) == expected
        settled(garden, alice="chroma")
        garden.reindex()
        settled(garden, alice="chroma")
        assert len({*near(garden, "alice", query)} & {*expected}) >= 9
    assert len(held(folder, garden, 1)) == 400 and len(held(folder, garden, None)) == 30


def test_updates_and_deletions_reach_the_own_collection(open_large: OPEN, folder: Path) -> None:
    """As they reach the shared one."""
    with open_large() as garden:
        fill(garden, "alice", 300)
        settled(garden, alice="chroma")
        scope = garden.scope("alice")
        scope.delete([str(n) for n in range(40)])
        scope.update("50", tags=["changed"])
        scope.add("new", id="new")
        settled(garden, alice="chroma")
        assert scope.search("x", mode="dense", k=300, where={"tags": "changed"})[0].id == "50"
    assert held(folder, garden, 1) == {str(n) for n in range(40, 300)} | {"new"}
