"""One garden a place and process, for those who know a garden by its address alone.

A framework's objects are made from configurations, copied and restored, and name the same garden in many places. Each
of them that opened it for itself would hold its indexes once more.
"""

from __future__ import annotations

import atexit
import os
import threading
from pathlib import Path

from memgarden.errors import EmbedderMismatch, GardenClosed
from memgarden.garden import Garden
from memgarden.protocols import Embedder

__all__ = ["shared_garden"]

LAST_WAIT = 5.0  # seconds that the end of a process waits for Chroma; what it did not get stays in the outbox

opened: dict[str, Garden] = {}
opening = threading.Lock()


def shared_garden(where: Garden | str | os.PathLike[str] = "./garden", *, embedder: Embedder | None = None) -> Garden:
    """The garden at `where` that this process shares: opened when it is first asked for, closed when the process ends.

    It has the settings of `Garden.open(where, embedder=embedder)`; for others open one yourself and hand that around:
    given a garden, this gives it back. `EmbedderMismatch` if it is open with another embedder than `embedder`.
    """
    garden = where if isinstance(where, Garden) else _at(os.fspath(where), embedder)
    if embedder is not None:
        known, asked = ((one.name, one.dimension) for one in (garden.embedder, embedder))
        if known != asked:
            raise EmbedderMismatch(
                f"{garden!r} has vectors of {known[0]!r} ({known[1]} dimensions), not of {asked[0]!r} ({asked[1]}): "
                "leave the embedder out, or make a garden with it"
            )
    return garden


def _at(place: str, embedder: Embedder | None) -> Garden:
    if "://" not in place:
        place = str(Path(place).resolve())
    with opening:
        garden = opened.get(place)
        if garden is None or _closed(garden):
            garden = opened[place] = Garden.open(place, embedder=embedder)
        return garden


def _closed(garden: Garden) -> bool:
    try:
        garden.embedder  # noqa: B018  # which a closed garden has no more
    except GardenClosed:
        return True
    return False


def _close_all(process: int) -> None:
    if process == os.getpid():  # what a forked child inherited is its parent's to close
        for garden in opened.values():
            garden.close(LAST_WAIT)


atexit.register(_close_all, os.getpid())


def _unlock() -> None:
    global opening
    opening = threading.Lock()


os.register_at_fork(after_in_child=_unlock)
