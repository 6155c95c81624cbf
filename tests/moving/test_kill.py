"""An adoption or a gift that was killed, and is run again, is as if it had never been killed.

`MEMGARDEN_SEED` repeats a run.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memgarden import Garden, Memory
from memgarden.build import read_mem0
from memgarden.records import utc_now
from memgarden.vector.client import connect, disconnect
from memgarden.vector.inuse import DATABASE
from tests.conftest import KILLS, drawn_seed
from tests.moving.test_mem0 import key, payload, write
from tests.moving.worker import AT_HAND, COLLECTION, WORKS, move, opened

COUNT = 1200  # more than is read at a time, and than Chroma takes before it writes its index

Memories = dict[tuple[tuple[str, ...], str], tuple[Memory, bytes]]
Records = dict[str, tuple[str | None, str]]


@dataclass
class State:
    """What a garden and the store beside it hold: memories with their vectors, and records with theirs apart."""

    memories: Memories
    records: Records
    vectors: dict[str, Any]


def state(garden: Garden, place: Path) -> State:
    """Asserts that both are sound."""
    assert garden.health(deep=True).problems == []
    memories = {
        (path, entry.memory.id): (entry.memory, b"".join(chunk.vector.tobytes() for chunk in entry.chunks))
        for path in garden.scopes()
        for _, entry in garden._parts.source.entries(path, 0, 10 * COUNT, utc_now())
    }
    if (place / DATABASE).exists():
        with closing(sqlite3.connect(place / DATABASE)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with read_mem0(place, COLLECTION) as reader:
        rows = [row for page in reader for row in zip(*page, strict=True)]
    records = {id: (text, repr(sorted((told or {}).items()))) for id, text, told, _ in rows}
    assert len(records) == len(rows)
    return State(memories, records, {row[0]: row[3] for row in rows})


def timeless(memories: Memories) -> Any:
    """Without when each was stored, and said, which a record may not tell."""
    return {at: (replace(m, stored_at=None, created_at=None), vectors) for at, (m, vectors) in memories.items()}


def alike(found: State, wanted: State) -> bool:
    """As far as a run can tell of another."""
    return (
        timeless(found.memories) == timeless(wanted.memories)
        and found.records == wanted.records
        and all(np.allclose(vector, wanted.vectors[id], atol=1e-5) for id, vector in found.vectors.items())
    )


def between(found: dict[Any, Any], before: dict[Any, Any], after: dict[Any, Any]) -> bool:
    """Whether each is as it was or as it is to be, and nothing lacks that was there and is to be."""
    either = all(value in (before.get(at), after.get(at)) for at, value in found.items())
    return either and before.keys() & after.keys() <= found.keys()


def searched(place: Path, held: State, rng: random.Random) -> bool:
    """Whether Chroma's index finds what its database holds."""
    client = connect(place)
    asked = [held.vectors[id] for id in rng.sample(sorted(held.vectors), 50)]
    found = client.get_collection(COLLECTION).query(asked, n_results=1)
    disconnect(client)
    return bool(np.all(np.asarray(found["distances"]) < 1e-4))


def planted(work: str, folder: Path) -> Path:
    """A garden, and the store that it takes from or gives to, each with a part of what is to be there."""
    ids, place = [key(n) for n in range(COUNT)], folder / "place"
    # Of many words each: in the graph of texts that are nearly equal Chroma does not find its way to all of them.
    texts = [" ".join(str(n * factor % 2003) for factor in range(1, 12)) for n in range(COUNT)]
    notes = [{"text": text, "id": id} for text, id in zip(texts, ids, strict=True)]
    client = None if "mem0" in work else connect(place)
    collection = client and client.create_collection(COLLECTION, embedding_function=None)
    with opened(folder) as garden:
        vectors = garden.embedder.embed(texts)
        alice = garden.scope("alice")
        garden.scope("bob").add("bob's own", id=key(0))
        if work == "give_chroma":
            alice.add_many(notes[:300])
            collection.add(["theirs"], np.full((1, 64), 0.125), [{"n": 1}], ["not ours"])
            garden.give_chroma(client, COLLECTION, scope="alice")
            alice.delete(ids[:100])
            alice.add_many([note | {"text": f"{note['text']} now"} for note in notes[100:200]])
            alice.add_many(notes[300:])
        else:
            vectors[::2] = 0  # of no use: these are embedded, in smaller transactions
            alice.add_many([note | {"text": f"{note['text']} before"} for note in notes[::40]])
            if client is None:
                payloads = [payload(text, ("alice", "carol")[n % 2]) for n, text in enumerate(texts)]
                write(work.split()[-1], place, payloads, vectors, COLLECTION)
            else:
                collection.add(ids, vectors, [{"n": n} for n in range(COUNT)], texts)
    if client is not None:
        disconnect(client)
    return folder


@pytest.fixture(scope="module")
def processes() -> Iterator[ForkServerContext]:
    """Starts processes that have imported what the work takes."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([move.__module__, *AT_HAND])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
        yield context


def begun(processes: ForkServerContext, work: str, folder: Path) -> tuple[BaseProcess, Any]:
    """A process that has the garden open and begins to work; and what it tells of its end."""
    told, telling = processes.Pipe(duplex=False)
    process = processes.Process(target=move, args=(work, folder, telling))
    process.start()
    telling.close()
    assert told.recv() == "begin"
    return process, told


@pytest.mark.parametrize("work", WORKS)
@pytest.mark.parametrize("times", [3, pytest.param(KILLS, marks=pytest.mark.slow)])
def test_moving_survives_being_killed(tmp_path: Path, processes: ForkServerContext, work: str, times: int) -> None:
    """Whole memories and records in place of those that were, and no others; after the next run all, each once."""
    rng, caught = random.Random(drawn_seed()), 0
    template = planted(work, tmp_path / "template")
    with opened(template) as garden:
        before = state(garden, template / "place")
    whole = Path(shutil.copytree(template, tmp_path / "whole"))
    process, told = begun(processes, work, whole)
    began = time.perf_counter()
    assert told.recv() == "end"
    took = time.perf_counter() - began
    process.join()
    with opened(whole) as garden:
        after = state(garden, whole / "place")
    assert not alike(before, after)
    was, wanted = timeless(before.memories), timeless(after.memories)
    for number in range(times):
        folder = Path(shutil.copytree(template, tmp_path / str(number)))
        process, told = begun(processes, work, folder)
        time.sleep(rng.uniform(0, took))
        process.kill()
        process.join()
        caught += process.exitcode == -signal.SIGKILL
        with opened(folder) as garden:
            cut = state(garden, folder / "place")
            assert between(timeless(cut.memories), was, wanted)
            assert between(cut.records, before.records, after.records)
            WORKS[work](garden, folder / "place")
            found = state(garden, folder / "place")
        assert alike(found, after)
        if work == "give_chroma":
            assert searched(folder / "place", found, rng)
        done = {at for at, held in timeless(cut.memories).items() if held == wanted[at]}
        assert all(found.memories[at] == cut.memories[at] for at in done), "what is done is not done again"
        shutil.rmtree(folder)
    print(f"{times} kills, {caught} of them before the end")
    assert caught >= max(1, times // 4)
