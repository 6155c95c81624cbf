"""Whether somebody else has an embedded Chroma open, for a second process on its folder reads stale or damages it."""

from __future__ import annotations

import os
from pathlib import Path

from memgarden.errors import ChromaError
from memgarden.vector.lock import OwnerLock

__all__ = ["DATABASE", "refuse_if_in_use"]

DATABASE = "chroma.sqlite3"
PROCESSES = Path("/proc")


def refuse_if_in_use(folder: Path) -> None:
    """`ChromaError` if another process has the Chroma in `folder` open, as far as that can be seen.

    A garden's Chroma has a lock. Chroma itself has none; on Linux the files tell that a process of the same user has
    open.
    """
    holder = OwnerLock(folder).holder()
    pid = _reader(folder) if holder is None or holder.pid == os.getpid() else holder.pid
    if pid is not None:
        raise ChromaError(
            f"process {pid} has the Chroma in {folder} open, and two processes on one folder damage it: end that one, "
            "or serve the folder with `chroma run` and give the URL"
        )


def _reader(folder: Path) -> int | None:
    """Another process that has the database open."""
    database = str((folder / DATABASE).resolve())
    for process in PROCESSES.glob("[0-9]*") if PROCESSES.is_dir() else ():
        if process.name == str(os.getpid()):
            continue
        try:
            if any(str(file.readlink()) == database for file in (process / "fd").iterdir()):
                return int(process.name)
        except OSError:
            continue  # it ended, or it is another user's
    return None
