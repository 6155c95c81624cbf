"""What maintenance reads of the record and writes to it, and what is told of a memory's past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from memgarden.records import Entry, Importance, ScopePath

__all__ = ["UPDATED", "Cause", "Event", "Likeness", "Move", "Past", "Profile", "Removal", "Shift", "Upkeep"]

Event = Literal["added", "updated", "merged", "summarised", "archived", "restored", "deleted", "expired", "similar"]


@dataclass(frozen=True, slots=True)
class Past:
    """Something that became of a memory, and when; `detail` says more of it, as the archive that it went to.

    `similar` says that another memory, whose id is in `detail["to"]`, was found to be like it, and changed nothing.
    """

    event: Event
    at: datetime
    detail: Mapping[str, Any] = field(default_factory=dict)


class Cause(NamedTuple):
    """Why versions of memories end, as their history will say."""

    event: Event
    detail: Mapping[str, Any] = {}
    shift: str = ""
    """The token of the shift under which alone it may happen."""


UPDATED = Cause("updated")


class Removal(NamedTuple):
    """Memories that go, by id, and why."""

    ids: Sequence[str]
    cause: Cause


class Profile(NamedTuple):
    """What a planner knows of a memory, without its text: a tuple, since a plan may look at a million.

    `version` is its row number; `retrieved_at` is when a search last gave it out, `restored_at` when it last came back
    from an archive; None for never.
    """

    version: int
    id: str
    kind: str
    importance: Importance
    tags: tuple[str, ...]
    created_at: datetime
    stored_at: datetime
    expires_at: datetime | None
    retrieved_at: datetime | None
    restored_at: datetime | None = None


class Likeness(NamedTuple):
    """A memory of that version, and another of the same scope that it is similar to, by its id and version."""

    id: str
    version: int
    to: str
    to_version: int


class Move(NamedTuple):
    """A memory that went into another, and the archive that it went to; or one that came back, with None for both."""

    id: str
    event: Event
    into: str | None
    archive: str | None


class Upkeep(Protocol):
    """The record as maintenance sees it. What it names by version it leaves alone if it was changed since."""

    def profiles(self, path: ScopePath, after: int, limit: int, now: datetime) -> Sequence[Profile]:
        """The next living memories with versions above `after`."""
        ...

    def versions(self, path: ScopePath, versions: Sequence[int]) -> Mapping[int, Entry]:
        """The memories of these versions with their chunks; those changed or deleted since are missing."""
        ...

    def history(self, path: ScopePath, id: str) -> Sequence[Past]:
        """What became of the memories that had this id, oldest first."""
        ...

    def unmerged(self, path: ScopePath) -> Set[str]:
        """The ids of memories that came back after they had been merged into others."""
        ...

    def archived(self, path: ScopePath, ids: Sequence[str]) -> Set[str]:
        """Those of these ids whose last memory went to an archive, whatever it was that sent it there."""
        ...

    def moves(self, path: ScopePath) -> Sequence[Move]:
        """What was merged, summarised or restored in the scope, oldest first."""
        ...

    def note_retrievals(self, path: ScopePath, found: Mapping[str, datetime]) -> None:
        """Keep when the memories of these ids were last found."""
        ...

    def note_similar(self, path: ScopePath, pairs: Sequence[Likeness], shift: str) -> int:
        """Tell of each pair in the history of the first, under the shift of that token; how many were not told before.

        Neither memory changes by that, nor does its scope's revision.
        """
        ...


class Shift(Protocol):
    """The right to maintain a garden, which one process has at a time."""

    def during(self, patience: float = 0.0) -> AbstractContextManager[None]:
        """While this thread has it, which it may already; `GardenBusy` says who has it, after `patience` seconds."""
        ...

    @property
    def token(self) -> str:
        """What the record checks before it removes anything for the sake of maintenance."""
        ...

    def renew(self) -> None:
        """Keep it for some more time; `GardenBusy` if it ran out and somebody else may have had it since."""
        ...
