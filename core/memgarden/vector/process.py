"""Runs the drainer in a process of its own: Chroma holds the GIL while it writes, and a damaged index can crash it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import IO
from weakref import WeakSet

from memgarden.protocols import MirrorStatus
from memgarden.vector.drainer import BACKOFF
from memgarden.vector.serve import STOP

__all__ = ["DrainProcess"]

LAST_LINES = 8
"""Lines of the child's standard error that its obituary quotes."""

SETTLED = 30.0
"""Seconds after which a child that dies is no longer counted as one more failure in a row."""

KILL_AFTER = 2.0
"""Seconds between asking a child to end and ending it."""


RUNNING: WeakSet[DrainProcess] = WeakSet()


def _leave_all() -> None:
    for process in list(RUNNING):
        process.leave()
    RUNNING.clear()


os.register_at_fork(after_in_child=_leave_all)


class DrainProcess:
    """A drainer with the surface of `Drainer`, whose work is done by `command`, which calls `serve`.

    The child is started by the first `wake` and again, after a wait, whenever it dies. It ends with this process,
    however this one ends, because its standard input does.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)
        self._status = MirrorStatus("stopped")
        self._lock = threading.Lock()
        self._bell, self._closed = threading.Event(), threading.Event()
        self._keeper: threading.Thread | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._asked = False
        RUNNING.add(self)

    def leave(self) -> None:
        """In a forked child: let go of the pipe, or the drainer would not see its host end."""
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.close()

    def wake(self) -> None:
        """There is work: begin, or look at once. Never blocks; after `close` nothing happens."""
        self._ring(b"\n")

    def check(self) -> None:
        """Have the child compare the index with the record, soon; begin if there is none. Never blocks."""
        self._ring(b"?\n")

    def _ring(self, message: bytes) -> None:
        if self._closed.is_set():
            return
        self._asked = self._asked or b"?" in message
        self._bell.set()
        with self._lock:
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._keep, name="memgarden-drainer-keeper", daemon=True)
                self._keeper.start()
            elif self._child is not None and self._child.stdin is not None and not self._child.stdin.closed:
                # Blocked: it has plenty of wakes to read. Broken: it is dead, and the keeper about to see it.
                with suppress(BlockingIOError, BrokenPipeError):
                    os.write(self._child.stdin.fileno(), message)

    def status(self) -> MirrorStatus:
        """What the child says, or why there is none."""
        return self._status

    def close(self, timeout: float = 10.0) -> None:
        """Let the child finish its batch, at most `timeout` seconds, then end it; leaves no process behind."""
        with self._lock:
            self._closed.set()
            self._bell.set()
            child, keeper = self._child, self._keeper
            if child is not None and child.stdin is not None:
                with suppress(BlockingIOError, BrokenPipeError, ValueError):
                    os.write(child.stdin.fileno(), STOP)
                child.stdin.close()
        if child is not None:
            for end, patience in ((child.terminate, timeout), (child.kill, KILL_AFTER)):
                try:
                    child.wait(patience)
                    break
                except subprocess.TimeoutExpired:
                    end()
        if keeper is not None:
            keeper.join()
        self._status = MirrorStatus("stopped")

    def _keep(self) -> None:
        """Start the child, listen to it, bury it, start it again."""
        failures = 0
        first, most = BACKOFF
        while not self._closed.is_set():
            lived, obituary = self._one_life()
            if self._closed.is_set():
                return
            failures = 0 if lived > SETTLED else failures
            delay = min(most, first * 2**failures)
            failures += 1
            self._status = MirrorStatus("failing", f"{obituary}; starting again in {delay:g} s")
            self._bell.clear()
            if not self._closed.wait(first):  # which no wake cuts short: starting Python and Chroma takes a second
                self._bell.wait(delay - first)

    def _one_life(self) -> tuple[float, str]:
        """How long a child lived, in seconds, and what it died of."""
        began = time.monotonic()
        with self._lock:
            if self._closed.is_set():
                return 0.0, "closed"
            try:
                # A session of its own: Ctrl-C is for the host, which then closes the pipe.
                child = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
            except OSError as error:
                return 0.0, f"the drainer process could not be started: {error}"
            self._child = child
            if self._status.state == "stopped":
                self._status = MirrorStatus("draining")  # after a failure, what it was stands until the child speaks
            asked, self._asked = self._asked, False
        assert child.stdin is not None and child.stdout is not None and child.stderr is not None
        os.set_blocking(child.stdin.fileno(), False)
        if asked:
            with suppress(BrokenPipeError):
                os.write(child.stdin.fileno(), b"?\n")
        last_lines: deque[str] = deque(maxlen=LAST_LINES)
        ear = threading.Thread(target=_collect, args=(child.stderr, last_lines), daemon=True)
        ear.start()
        for line in child.stdout:
            self._hear(line)
        code = child.wait()
        ear.join(KILL_AFTER)
        with self._lock:
            self._child = None
            child.stdin.close()
        child.stdout.close()
        # What crashes at the first look must be looked at first: an idle successor would seem sound.
        self._asked = self._asked or code < 0
        cause = f"signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"exit code {code}"
        return time.monotonic() - began, "\n".join([f"the drainer process ended with {cause}", *last_lines])

    def _hear(self, line: bytes) -> None:
        # What is no status was printed before `serve` turned prints to standard error.
        with suppress(ValueError, TypeError):
            self._status = MirrorStatus(**json.loads(line))


def _collect(stream: IO[bytes], lines: deque[str]) -> None:
    with stream:
        for line in stream:
            lines.append(line.decode("utf-8", "replace").rstrip())
