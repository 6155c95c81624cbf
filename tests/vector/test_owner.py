"""The process that owns Chroma answers searches beside its writing, and gives them the way."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from memgarden.errors import ChromaError
from memgarden.protocols import ChunkRecord, Expected
from memgarden.records import Floats, Ints, ScopePath
from memgarden.vector.drainer import CIVIL_BATCH, MOST_REST, DrainLoop
from memgarden.vector.owner import REOPENING, Answers, AskOwner
from tests.vector.outbox import ListOutbox
from tests.waiting import eventually

VECTOR = np.ones(8, np.float32)


class Index:
    """One that notes what is asked of it."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.niceness: list[int] = []

    def nearest(self, scope: int, vector: Floats, most: int) -> tuple[Ints, Floats]:
        self.niceness.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return np.array([scope], np.int64), np.array([0.5], np.float32)

    def upsert(self, records: Sequence[ChunkRecord], own: int | None = None) -> None:
        self.batches.append(len(records))

    def delete(self, ids: Sequence[str], own: int | None = None) -> None: ...

    def promote(self, own: int, path: ScopePath) -> None: ...

    def demote(self, own: int) -> None: ...

    def reset(self) -> None: ...

    def compare(self, expected: Expected) -> str | None: ...

    def owned(self) -> list[int]:
        return []

    def close(self) -> None: ...


@pytest.fixture
def index() -> Index:
    """What is searched."""
    return Index()


@pytest.fixture
def answers(tmp_path: Path, index: Index) -> Iterator[Answers]:
    """The owner's side."""
    answers = Answers(tmp_path / "chroma", lambda: index)
    yield answers
    answers.close()


def asking(folder: Path) -> AskOwner:
    return AskOwner(folder / "chroma", lambda: None)


def test_queries_wait_for_an_index_that_is_opened_anew(answers: Answers, tmp_path: Path) -> None:
    """As it is to be compared with the record: nobody falls back to an exact look for that."""
    ask, opened = asking(tmp_path), answers.open()
    assert ask(7, VECTOR, 100)[0].tolist() == [7]
    opened.close()
    threading.Timer(0.2, answers.open).start()
    assert ask(8, VECTOR, 100)[0].tolist() == [8]


def test_an_index_that_stays_closed_is_refused(answers: Answers, tmp_path: Path) -> None:
    """After a second in all, and from then on at once; so is one that nobody owns."""
    ask, opened = asking(tmp_path), answers.open()
    opened.close()
    with pytest.raises(ChromaError, match="not open"):
        ask(7, VECTOR, 100)
    began = time.monotonic()
    with pytest.raises(ChromaError, match="not open"):
        ask(7, VECTOR, 100)
    assert time.monotonic() - began < REOPENING
    answers.close()
    with pytest.raises(ChromaError, match="nobody answers"):
        asking(tmp_path)(7, VECTOR, 100)


def test_only_the_thread_that_writes_stands_back(answers: Answers, index: Index, tmp_path: Path) -> None:
    """Searches run at the niceness of the process, however nice the thread that opened the index."""

    def write() -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 15)
        answers.open()

    writer = threading.Thread(target=write)
    writer.start()
    writer.join()
    asking(tmp_path)(7, VECTOR, 100)
    assert index.niceness == [os.getpriority(os.PRIO_PROCESS, 0)]


def test_writing_gives_way_to_searches(answers: Answers, index: Index, tmp_path: Path) -> None:
    """Small batches with rests while queries come, large ones without when none has come for a second."""
    outbox = ListOutbox(*[("upsert", str(n)) for n in range(1_000)])
    loop = DrainLoop(
        outbox, answers.open, None, lambda _: None, batch=128, pause=0.0, searched=lambda: answers.searched
    )
    answers.open()
    ask, stop = asking(tmp_path), time.monotonic() + 1
    ask(7, VECTOR, 100)
    thread = threading.Thread(target=loop.run)
    thread.start()
    while time.monotonic() < stop:
        ask(7, VECTOR, 100)
        time.sleep(0.01)
    asked = list(index.batches)
    eventually(lambda: not outbox.count(), 10 + 2 * MOST_REST)
    loop.stop()
    thread.join()
    assert asked and max(asked) == CIVIL_BATCH and sum(index.batches) == 1_000
    assert outbox.count() == 0


def test_a_question_of_health_is_no_search(answers: Answers, tmp_path: Path) -> None:
    """Whoever watches a garden does not slow it down."""
    answers.open()
    asking(tmp_path)(7, VECTOR, 1)
    assert answers.searched < time.monotonic() - 1e6
    asking(tmp_path)(7, VECTOR, 100)
    assert answers.searched > time.monotonic() - 60
