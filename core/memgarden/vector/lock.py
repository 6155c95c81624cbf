"""One owner for an embedded Chroma: a second process on its folder reads stale, and two writers corrupt it silently."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["Holder", "OwnerLock"]


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that owns a folder, and since when (ISO 8601, UTC)."""

    pid: int
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} since {self.since}"


class OwnerLock:
    """A lock on `<folder>.lock`, beside the folder so that it outlives the folder being replaced.

    It is the kernel's (`flock`), so a process that is killed lets go of it. Not for network file systems.
    """

    def __init__(self, folder: str | Path) -> None:
        folder = Path(folder).resolve()  # one lock, whatever links lead to the folder
        self.path = folder.with_name(folder.name + ".lock")
        self._file: int | None = None
        self._pid = 0

    def try_acquire(self) -> bool:
        """Whether this process owns the folder now; never waits. Raises `OSError` if the file cannot be written."""
        if self._file is not None and self._pid == os.getpid():
            return True
        self.release()  # in a forked child this drops the parent's lock without unlocking it
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        since = datetime.now(UTC).isoformat(timespec="seconds")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(file, 0)
            os.pwrite(file, json.dumps({"pid": os.getpid(), "since": since}).encode(), 0)
        except BlockingIOError:
            os.close(file)
            return False
        except OSError:
            os.close(file)
            raise
        self._file, self._pid = file, os.getpid()
        return True

    def release(self) -> None:
        """Let go; without the lock, nothing happens. The file stays: removing it would let two processes lock two."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def holder(self) -> Holder | None:
        """Who owns the folder; None if nobody does or the owner has not signed yet."""
        try:
            with self.path.open(encoding="utf-8") as file:
                if self._file is None and _is_free(file.fileno()):
                    return None
                return Holder(**json.load(file))
        except (FileNotFoundError, ValueError, TypeError):
            return None


def _is_free(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(file, fcntl.LOCK_UN)
    return True
