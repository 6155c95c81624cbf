"""Carries the outbox to the vector index in the background, for as long as a garden is open."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from memgarden.errors import ChromaError
from memgarden.protocols import MirrorStatus, Outbox
from memgarden.vector.drain import ChunkIndex, drain_once

__all__ = ["BATCH", "PAUSE", "QUIET", "DrainLoop", "Drainer", "Lock"]

BATCH = 16
"""Changes at once, for a drainer in the host's own process: it holds the GIL while Chroma writes them."""

PAUSE = 0.02
"""Seconds between batches. A hold delays one search, so what counts is how many get through between two holds.

Measured on 2 cores, a search of 0.25 ms in a loop for 40 s while chunks of 384 dimensions go to an embedded Chroma:
p95 1.2 times the idle one at 250 chunks/s, worst 112 ms (batches of 64 every 100 ms: 1.2 times, 314/s, worst 298 ms;
batches of 128 without a pause: 341 times). A process of its own (`DrainProcess`) left the p95 of a search of 0.13 ms
as it was, at 419/s, worst 53 ms.
"""

QUIET = 1.0
"""Seconds after a search of the index in which another is expected."""

CIVIL_BATCH = 16
"""Changes at once while searches come: they wait for the GIL that Chroma holds for 30 ms and 2 ms a change.

Searched every 10 ms while 16 chunks were stored every 0.1 s, a query of 2 ms took 2 ms at the median and 35 at p95;
with batches of 128 and no pause, 300 and 560 (2 cores, both busy with other work).
"""

CIVIL_SHARE = (0.2, 500, 0.5)
"""The share of time in which changes are made while searches come: while at most so many wait, and beyond."""

MOST_REST = 1.0
"""Seconds between two batches at most, whatever the share: `flush` waits for them."""

IDLE_POLL = 0.25
"""Seconds between looks at an empty outbox: other processes write to it and do not ring here."""

LOCK_POLL = 0.5
"""Seconds between tries to own a folder that another process owns."""

BACKOFF = (0.5, 30.0)
"""Seconds to wait after the first failure, doubled with each further one, and the most it comes to."""

LOOK = 2.0
"""Seconds between looks at the sizes of scopes, where anything was written: one count over all chunks, 50 ns each."""

RETRY = 0.1
"""Seconds after a failure that no `wake` cuts short: a busy garden rings with every add."""


class Lock(Protocol):
    """What one drainer at a time has."""

    def try_acquire(self) -> bool:
        """Whether this one has it now; never waits."""
        ...

    def holder(self) -> object:
        """Who has it, as text."""
        ...

    def release(self) -> None:
        """Let go of it."""
        ...


class DrainLoop:
    """The drainer's work, to be `run` by a thread or by a process of its own.

    `open_index` is called on first work, once the lock is held. `report` is called with each new status. `tend` moves
    scopes that have grown or shrunk, by way of the outbox, and says whether there are large ones: then the index is
    opened without work too, for searches are to be answered.
    """

    def __init__(
        self,
        outbox: Outbox,
        open_index: Callable[[], ChunkIndex],
        lock: Lock | None,
        report: Callable[[MirrorStatus], None],
        batch: int = BATCH,
        pause: float = PAUSE,
        inspect: Callable[[ChunkIndex], None] | None = None,
        tend: Callable[[], bool] = lambda: False,
        leave: Callable[[], None] = lambda: None,
        searched: Callable[[], float] = lambda: -QUIET,
        anew: bool = False,
    ) -> None:
        """`inspect` compares the index with the record, when it is first opened and whenever `check` is called.

        `leave` is called at the end, before somebody else may have the lock. `searched` says when the index was last
        searched in this process, in `time.monotonic`: while it is, changes are made a few at a time. With `anew`, `run`
        ends with `Erased` after an erase.
        """
        self._outbox, self._open_index, self._lock = outbox, open_index, lock
        self._tell, self._batch, self._pause = report, batch, pause
        self._inspect, self._due, self._asked, self._checks = inspect, inspect is not None, False, 0
        self._tend, self._large, self._leave, self._searched = tend, False, leave, searched
        self._anew = anew
        self._written, self._looked = True, -LOOK
        self._bell, self._stopped = threading.Event(), threading.Event()
        self._index: ChunkIndex | None = None
        self._failures = 0

    def wake(self) -> None:
        """Look now, even in the middle of a wait after a failure."""
        self._written = True
        self._bell.set()

    def check(self) -> None:
        """Open the index anew and compare it with the record, soon."""
        self._asked = self._inspect is not None
        self._bell.set()

    def stop(self) -> None:
        """End `run` after the batch at hand."""
        self._stopped.set()
        self._bell.set()

    def run(self) -> None:
        """Drain until stopped; failures of the index and of the database are reported and tried again."""
        try:
            while True:
                # Cleared before the looks, not after them: a ring in between must not be lost.
                self._bell.clear()
                if self._stopped.is_set():
                    return
                self._turn()
        finally:
            self._close_index()
            self._leave()
            if self._lock is not None:
                self._lock.release()

    def _turn(self) -> None:
        try:
            if self._written and time.monotonic() - self._looked >= LOOK:
                self._written, self._looked = False, time.monotonic()
                self._large = self._tend()
            waiting = self._outbox.count()
            if not (waiting or self._asked or (self._large and self._index is None)):
                self._rest(MirrorStatus("idle"), IDLE_POLL)
            elif self._lock is not None and not self._lock.try_acquire():
                self._rest(MirrorStatus("waiting", f"{self._lock.holder()} owns it"), LOCK_POLL)
            else:
                self._check_if_due()
                self._report(MirrorStatus("draining"))
                if self._index is None:
                    self._index = self._open_index()
                if not waiting:
                    return
                began = time.monotonic()
                civil = began - self._searched() < QUIET
                drain_once(self._outbox, self._index, CIVIL_BATCH if civil else self._batch, anew=self._anew)
                self._written = True
                self._failures = 0
                # Not cut short by the bell: in the pause the threads that search get their turn.
                self._stopped.wait(_rest(time.monotonic() - began, waiting) if civil else self._pause)
        except (ChromaError, OSError) as error:  # StorageError and GardenBusy are OSErrors
            # Opened anew next time: a client that has failed, or whose server came back, may hold what is no more.
            self._close_index()
            first, most = BACKOFF
            delay = min(most, first * 2**self._failures)
            self._failures += 1
            self._report(MirrorStatus("failing", str(error)))
            self._stopped.wait(RETRY)
            self._bell.wait(delay - RETRY)

    def _check_if_due(self) -> None:
        if self._inspect is None or not (self._due or self._asked):
            return
        self._asked = False  # first: what is asked from here on wants another look
        self._close_index()  # an open one would go on reading files that are deleted
        self._index = self._open_index()
        self._inspect(self._index)
        self._due = False
        self._checks += 1

    def _report(self, status: MirrorStatus) -> None:
        self._tell(replace(status, checks=self._checks))

    def _rest(self, status: MirrorStatus, seconds: float) -> None:
        self._report(status)
        self._bell.wait(seconds)

    def _close_index(self) -> None:
        index, self._index = self._index, None
        if index is not None:
            try:
                index.close()
            except ChromaError as error:
                self._report(MirrorStatus("failing", str(error)))


def _rest(taken: float, waiting: int) -> float:
    """Seconds to leave to searches after a batch that took so long."""
    little, many, much = CIVIL_SHARE
    share = little if waiting <= many else much
    return min(MOST_REST, taken * (1 - share) / share)


class Drainer:
    """A `DrainLoop` in a daemon thread, started by the first `wake`."""

    def __init__(
        self,
        outbox: Outbox,
        open_index: Callable[[], ChunkIndex],
        lock: Lock | None = None,
        batch: int = BATCH,
        pause: float = PAUSE,
        inspect: Callable[[ChunkIndex], None] | None = None,
        tend: Callable[[], bool] = lambda: False,
    ) -> None:
        self._loop = DrainLoop(outbox, open_index, lock, self._set, batch, pause, inspect, tend)
        self._status = MirrorStatus("stopped")
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def wake(self) -> None:
        """There is work: begin, or look at once. Returns immediately; after `close` nothing happens."""
        self._loop.wake()
        self._begin()

    def check(self) -> None:
        """Compare the index with the record soon; returns immediately."""
        self._loop.check()
        self._begin()

    def _begin(self) -> None:
        if self._thread is None:
            with self._start:
                if self._thread is None and not self._closed:
                    self._thread = threading.Thread(target=self._run, name="memgarden-drainer", daemon=True)
                    self._thread.start()

    def status(self) -> MirrorStatus:
        """What the drainer does now."""
        return self._status

    def close(self, timeout: float = 10.0) -> None:
        """Stop after the batch at hand, waiting at most `timeout` seconds; what remains stays in the outbox."""
        with self._start:
            self._closed = True
        self._loop.stop()
        if self._thread is not None:
            self._thread.join(timeout)

    def _set(self, status: MirrorStatus) -> None:
        self._status = status

    def _run(self) -> None:
        error: str | None = "the drainer's thread ended unexpectedly: see the traceback on stderr"
        try:
            self._loop.run()
            error = None
        finally:
            self._set(MirrorStatus("stopped", error))
