"""Work that may fail for a while, or for one of several things: tried again, then on each alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from memgarden.errors import Conflict, GardenBusy, InvalidMemory, MemgardenError

__all__ = ["Attempts", "Stopped"]

PAUSE = 0.2  # seconds before the first retry; each further one waits twice as long
MAX_PAUSE = 10.0

T = TypeVar("T")
R = TypeVar("R")
Work = Callable[[Sequence[T]], list[R]]


class Stopped(Exception):
    """The work was told to stop."""


class _Foreign(Exception):
    """Something that is not ours failed, as an embedder does whose server is away."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often work is tried again, and what ends it: once `stop` is set, nothing new is begun."""

    retries: int
    stop: threading.Event

    def go_on(self) -> None:
        """`Stopped` if it is to stop."""
        if self.stop.is_set():
            raise Stopped

    def on_all(self, work: Work[T, R], things: Sequence[T]) -> tuple[list[R], list[tuple[T, str]]]:
        """What became of them, and those on which the work failed for good, each with the reason.

        It is done on all at once, as often as it takes and `retries` allows; then once on each alone, to see which are
        at fault. An error that concerns the whole garden, as a full disk does, is raised.
        """
        try:
            return self._again(work, things), []
        except (MemgardenError, _Foreign) as error:
            _raise_if_general(error)
            if len(things) == 1 or isinstance(error, GardenBusy):
                return [], [(one, str(error)) for one in things]
        done: list[R] = []
        failed: list[tuple[T, str]] = []
        for one in things:
            self.go_on()
            try:
                done += _told_apart(work, [one])
            except (MemgardenError, _Foreign) as error:
                _raise_if_general(error)
                failed.append((one, str(error)))
        return done, failed

    def _again(self, work: Work[T, R], things: Sequence[T]) -> list[R]:
        pause = PAUSE
        for _ in range(self.retries):
            try:
                return _told_apart(work, things)
            except (GardenBusy, _Foreign):
                if self.stop.wait(pause):
                    break
                pause = min(2 * pause, MAX_PAUSE)
        return _told_apart(work, things)


def _told_apart(work: Work[T, R], things: Sequence[T]) -> list[R]:
    try:
        return work(things)
    except MemgardenError:
        raise
    except Exception as error:
        raise _Foreign(f"{type(error).__name__}: {error}") from error


def _raise_if_general(error: Exception) -> None:
    if not isinstance(error, InvalidMemory | Conflict | GardenBusy | _Foreign):
        raise error
