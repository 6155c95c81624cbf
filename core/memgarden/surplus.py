"""What a garden holds beyond what it needs, and what the record does to be rid of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from memgarden.records import Floats, ScopePath

__all__ = ["Bounds", "Compactor", "Narrower", "Size", "Surplus"]


class Bounds(NamedTuple):
    """What is kept: of history what is newer than `since` and each memory's newest `events`; so many `embeddings`.

    None of these is as many as the garden keeps anyway.
    """

    since: datetime
    events: int
    embeddings: int | None


class Size(NamedTuple):
    """Bytes of the database with what is still in its log, of them free ones, and on `disk`, in both of their files.

    `returns`: free pages can be given back in steps.
    """

    database: int
    free: int
    disk: int
    returns: bool


class Surplus(NamedTuple):
    """Rows of one kind that are not needed: what to drop them by, and about how many bytes one takes."""

    kind: str
    keys: Sequence[Any]
    each: int


class Compactor(Protocol):
    """The record as compaction sees it. All but `rewrite` keeps writers waiting for milliseconds at a time."""

    def size(self) -> Size:
        """How much there is."""
        ...

    def surplus(self, bounds: Bounds) -> Sequence[Surplus]:
        """What is not needed, by kind."""
        ...

    def drop(self, surplus: Surplus, first: int, most: int) -> None:
        """Delete so many of it, from the `first` on, in one transaction."""
        ...

    def release(self, pages: int) -> int:
        """Give so many free pages back; how many are left."""
        ...

    def checkpoint(self) -> bool:
        """Bring the log into the database and empty it, as far as nobody is in the way; whether nobody was."""
        ...

    def rewrite(self) -> None:
        """Write the whole database anew without free pages, while writers wait."""
        ...


class Narrower(Protocol):
    """What keeps vectors in fewer bytes."""

    def wide(self, path: ScopePath, before: datetime, after: int, most: int) -> tuple[Sequence[int], Sequence[Floats]]:
        """The next chunks, by number above `after`, of memories said before then whose vectors are float32."""
        ...

    def narrow(
        self, path: ScopePath, numbers: Sequence[int], vectors: Sequence[Floats], form: Literal["float16", "int8"]
    ) -> None:
        """Keep these vectors in that form, in one transaction; chunks that are gone by now stay gone."""
        ...
