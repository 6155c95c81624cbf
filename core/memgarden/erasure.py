"""What is to be forgotten, and what the record does to forget it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from memgarden.records import ScopePath

__all__ = ["EVERYTHING", "Bounds", "Copies", "Eraser", "Forgotten", "Removed", "Task"]

Forgotten = Callable[[ScopePath, str], bool]
"""Whether the memory of that scope and id is to be forgotten: what whoever keeps copies is told."""


class Bounds(NamedTuple):
    """What there was when a task began: the highest row numbers of memories and history, and the time.

    Row numbers only rise: what lies above was added later, and stays. `began` is None as long as the one that began it
    is at it, for whom all archives are older, whatever their makers' clocks said.
    """

    memories: int
    history: int
    began: datetime | None = None


EVERYTHING = Bounds(2**63 - 1, 2**63 - 1)


@dataclass(frozen=True, slots=True)
class Task:
    """The scope of `path` and all below it, or only its memories of these `ids`; nothing beyond its `bounds`.

    `key` is what the journal has it under, `salt` what its fingerprints begin with.
    """

    path: ScopePath
    ids: tuple[str, ...] | None
    key: str
    salt: str
    bounds: Bounds = EVERYTHING

    def covers(self) -> Forgotten:
        """Tells what the task forgets."""
        path, ids = self.path, None if self.ids is None else frozenset(self.ids)
        if ids is None:
            return lambda scope, _: scope[: len(path)] == path
        return lambda scope, key: scope == path and key in ids


class Removed(NamedTuple):
    """What a step took out of the record: how many of each, and a fingerprint of 32 bytes for each memory.

    `named` is how many memories that stay name a forgotten id in their metadata.
    """

    memories: int = 0
    chunks: int = 0
    history: int = 0
    fingerprints: tuple[bytes, ...] = ()
    named: int = 0

    def plus(self, more: Removed) -> Removed:
        """Both together."""
        return Removed(
            self.memories + more.memories,
            self.chunks + more.chunks,
            self.history + more.history,
            self.fingerprints + more.fingerprints,
            self.named + more.named,
        )


class Copies(NamedTuple):
    """How many memories were deleted of the copies that others keep, and what could not be, in words."""

    erased: int = 0
    notes: tuple[str, ...] = ()


class Eraser(Protocol):
    """What takes memories out of the record for good. Each method may be called again after it was cut off."""

    def begin(self, task: Task) -> Task:
        """Note the task in the journal, so that it will be finished whatever comes; gives it with its bounds."""
        ...

    def unfinished(self) -> Sequence[Task]:
        """The tasks in the journal."""
        ...

    def remove(self, task: Task) -> Removed:
        """Delete it from every table, and all cached embeddings, in small transactions."""
        ...

    def end(self, tasks: Sequence[Task]) -> None:
        """Strike tasks off the journal; from here on it is due that free pages be wiped."""
        ...

    def due(self) -> bool:
        """Whether free pages may still hold what was deleted."""
        ...

    def wipe(self) -> None:
        """Leave no free page and an empty log; `GardenBusy` where others are in the way."""
        ...
