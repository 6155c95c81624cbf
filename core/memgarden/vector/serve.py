"""The child's side of `DrainProcess`: drains until its standard input ends, and says how it goes on standard output."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict

from memgarden.protocols import MirrorStatus, Outbox
from memgarden.vector.drain import ChunkIndex, Erased
from memgarden.vector.drainer import QUIET, DrainLoop
from memgarden.vector.lock import OwnerLock

__all__ = ["CHILD_BATCH", "NICENESS", "STOP", "serve"]

STOP = b"q"
"""What the host says before it closes the pipe."""

NICENESS = 10
"""How far the child stands back for the host where both want the same core."""

CHILD_BATCH = 128
"""Changes at once, without pauses, while nobody searches here; `close` waits for one batch, 0.3 s."""


def serve(
    outbox: Outbox,
    open_index: Callable[[], ChunkIndex],
    lock: OwnerLock | None,
    inspect: Callable[[ChunkIndex], None] | None = None,
    tend: Callable[[], bool] = lambda: False,
    leave: Callable[[], None] = lambda: None,
    searched: Callable[[], float] = lambda: -QUIET,
) -> bool:
    """Drain as the process that a `DrainProcess` started; returns when the host closes the pipe or dies.

    A line on standard input is a `wake`, one with `?` a `check`, its end the order to finish the batch at hand. Each
    new status goes to standard output as a line of JSON; whatever else the process prints goes to standard error.
    Errors that the loop does not expect are raised, for the host to show.

    True if the process is to begin anew, with the pipes that it has: it erased its index, and what is written from its
    memory, which Chroma's native code does not clear, could hold what was to be forgotten.
    """
    os.nice(
        max(0, NICENESS - os.nice(0))
    )  # on Linux, of this thread and of those that it starts, as Chroma's are that write
    output = os.dup(1)
    os.dup2(2, 1)  # a stray print of a library is not a status

    last: MirrorStatus | None = None

    def report(status: MirrorStatus) -> None:
        nonlocal last
        if status != last:
            last = status
            with suppress(BrokenPipeError):  # the host is gone; the end of standard input says so as well
                os.write(output, json.dumps(asdict(status)).encode() + b"\n")

    loop = DrainLoop(
        outbox,
        open_index,
        lock,
        report,
        batch=CHILD_BATCH,
        pause=0.0,
        inspect=inspect,
        tend=tend,
        leave=leave,
        searched=searched,
        anew=True,
    )
    threading.Thread(target=_listen, args=(loop,), name="memgarden-drainer-input", daemon=True).start()
    try:
        loop.run()
    except Erased:
        os.dup2(output, 1)
        return True
    return False


def _listen(loop: DrainLoop) -> None:
    # The end of the input is an order too, but a child that the host forked may hold it open.
    while (heard := os.read(0, 4096)) and STOP not in heard:
        if b"?" in heard:
            loop.check()
        loop.wake()
    loop.stop()
