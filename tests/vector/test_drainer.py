"""The drainer in a thread: it goes on whatever Chroma does, and the outbox catches up."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from memgarden.errors import ChromaError, GardenBusy
from memgarden.protocols import ChunkRecord
from memgarden.vector.collection import ChromaIndex
from memgarden.vector.drain import ChunkIndex
from memgarden.vector.drainer import Drainer
from memgarden.vector.lock import OwnerLock
from tests.chroma_server import Server
from tests.vector.conftest import held
from tests.vector.outbox import DIMENSION, ListOutbox
from tests.vector.test_drain import DictIndex
from tests.waiting import eventually

Start = Callable[..., Drainer]


@pytest.fixture
def start() -> Iterator[Start]:
    drainers: list[Drainer] = []

    def start(outbox: ListOutbox, open_index: Callable[[], ChunkIndex], lock: OwnerLock | None = None) -> Drainer:
        drainers.append(Drainer(outbox, open_index, lock))
        drainers[-1].wake()
        return drainers[-1]

    yield start
    for drainer in drainers:
        drainer.close(5)


def chroma(target: Path | str) -> Callable[[], ChromaIndex]:
    return lambda: ChromaIndex(target, "garden", "test", DIMENSION)


def test_the_outbox_goes_to_chroma_in_the_background(tmp_path: Path, start: Start) -> None:
    outbox = ListOutbox(*(("upsert", str(n)) for n in range(50)), ("delete", "7"))
    drainer = start(outbox, chroma(tmp_path / "chroma"))
    eventually(lambda: drainer.status().state == "idle")
    outbox.put(("upsert", "later"))  # as another process would, without a ring
    eventually(lambda: not outbox.count())
    drainer.close(5)
    assert drainer.status().state == "stopped"
    assert held(tmp_path / "chroma") == {str(n) for n in range(50) if n != 7} | {"later"}


def test_chroma_is_not_opened_before_there_is_work(tmp_path: Path, start: Start) -> None:
    drainer = start(ListOutbox(), chroma(tmp_path / "chroma"), OwnerLock(tmp_path / "chroma"))
    eventually(lambda: drainer.status().state == "idle")
    assert list(tmp_path.iterdir()) == []


def test_nothing_runs_before_the_first_wake_and_after_close() -> None:
    before = threading.active_count()
    outbox, index = ListOutbox(("upsert", "a")), DictIndex()
    drainer = Drainer(outbox, lambda: index)
    assert drainer.status().state == "stopped"
    drainer.close(1)
    drainer.wake()
    assert (threading.active_count(), outbox.count(), index.calls) == (before, 1, [])


def test_close_finishes_the_batch_at_hand_and_leaves_the_rest() -> None:
    outbox, index = ListOutbox(*(("upsert", str(n)) for n in range(1_000))), DictIndex()
    drainer = Drainer(outbox, lambda: index, batch=10, pause=0.01)
    drainer.wake()
    eventually(lambda: index.held)
    drainer.close(5)
    assert 0 < outbox.count() < 1_000
    assert len(index.held) + outbox.count() == 1_000
    assert index.calls[-1] == "close"


def test_while_another_process_owns_the_folder_it_waits_and_says_who(tmp_path: Path, start: Start) -> None:
    owner = OwnerLock(tmp_path / "chroma")
    assert owner.try_acquire()
    outbox = ListOutbox(("upsert", "a"))
    drainer = start(outbox, chroma(tmp_path / "chroma"), OwnerLock(tmp_path / "chroma"))
    eventually(lambda: drainer.status().state == "waiting")
    assert "process " in str(drainer.status().error)
    assert outbox.count() == 1
    owner.release()
    eventually(lambda: not outbox.count())
    drainer.close(5)
    assert OwnerLock(tmp_path / "chroma").try_acquire(), "a closed drainer owns nothing"


def test_a_failure_is_said_and_tried_again_less_and_less_often_or_at_once_when_woken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times: list[float] = []

    class Refusing(DictIndex):
        def upsert(self, records: Sequence[ChunkRecord], own: int | None = None) -> None:
            times.append(time.monotonic())
            if len(times) == 3:
                monkeypatch.setattr("memgarden.vector.drainer.BACKOFF", (60.0, 60.0))
            super().upsert(records, own)

    index = Refusing(fails="upsert")
    outbox = ListOutbox(("upsert", "a"))
    drainer = Drainer(outbox, lambda: index)
    drainer.wake()
    eventually(lambda: drainer.status().state == "failing")
    assert drainer.status().error == "refused"
    eventually(lambda: index.calls.count("upsert") == 3)
    assert times[1] - times[0] >= 0.5 and times[2] - times[1] >= 1  # and the next is a minute away
    index.fails = ""
    drainer.wake()
    eventually(lambda: not outbox.count())
    eventually(lambda: drainer.status().state == "idle")
    drainer.close(5)


def test_a_busy_database_is_a_failure_like_any_other(start: Start) -> None:
    class Busy(ListOutbox):
        busy = True

        def count(self, upto: int | None = None) -> int:
            if self.busy:
                raise GardenBusy("locked")
            return super().count(upto)

    outbox, index = Busy(("upsert", "a")), DictIndex()
    drainer = start(outbox, lambda: index)
    eventually(lambda: drainer.status().error == "locked")
    outbox.busy = False
    eventually(lambda: index.held)


def test_an_error_that_nobody_foresaw_ends_the_thread_and_is_shown(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> ChunkIndex:
        raise ZeroDivisionError("a defect")

    previous, threading.excepthook = threading.excepthook, lambda args: print(args.exc_value, file=sys.stderr)
    try:
        drainer = start(ListOutbox(("upsert", "a")), broken)
        eventually(lambda: drainer.status().error)
        drainer.close(5)
    finally:
        threading.excepthook = previous
    assert drainer.status().state == "stopped"
    assert "unexpectedly" in str(drainer.status().error)
    assert "a defect" in capsys.readouterr().err


def test_a_server_that_dies_and_returns_gets_what_it_missed(server: Server, start: Start) -> None:
    outbox = ListOutbox(("upsert", "a"))
    drainer = start(outbox, chroma(server.url))
    eventually(lambda: not outbox.count())
    server.stop()
    outbox.put(("upsert", "b"))
    eventually(lambda: drainer.status().state == "failing")
    server.start()
    drainer.wake()
    eventually(lambda: not outbox.count())
    assert held(server.url) == {"a", "b"}


def test_a_collection_that_another_process_built_anew_is_found_again(shared_server: Server, start: Start) -> None:
    outbox = ListOutbox(("upsert", "a"))
    start(outbox, chroma(shared_server.url))
    eventually(lambda: not outbox.count())
    other = chroma(shared_server.url)()
    other.reset()
    other.close()
    outbox.put(("upsert", "b"))
    eventually(lambda: not outbox.count())
    assert held(shared_server.url) == {"b"}


def test_a_folder_bricked_for_good_is_replaced_when_a_reset_is_pending(tmp_path: Path, start: Start) -> None:
    folder = tmp_path / "chroma"
    folder.mkdir()
    (folder / "chroma.sqlite3").write_bytes(b"no database" * 1_000)
    outbox = ListOutbox(("upsert", "a"))
    drainer = start(outbox, chroma(folder))
    eventually(lambda: drainer.status().state == "failing")
    assert "memgarden reindex" in str(drainer.status().error)
    outbox.put(("reset", ""), ("upsert", "b"))
    drainer.wake()
    eventually(lambda: drainer.status().state == "idle")
    drainer.close(5)
    assert held(folder) == {"b"}


def test_an_index_that_cannot_be_closed_does_not_stop_the_loop(start: Start) -> None:
    index = DictIndex(fails="upsert")
    close = index.close

    def refuse() -> None:
        close()
        raise ChromaError("will not close")

    index.close = refuse  # type: ignore[method-assign]
    outbox = ListOutbox(("upsert", "a"))
    drainer = start(outbox, lambda: index)
    eventually(lambda: drainer.status().error == "refused")
    index.fails = ""
    drainer.wake()
    eventually(lambda: not outbox.count())
