"""What a garden is made of, put together by `build` and handed to the objects that a user holds."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from memgarden.erasure import Copies, Eraser, Task
from memgarden.errors import GardenClosed
from memgarden.index.pool import IndexPool
from memgarden.ingest.prepare import Preparer
from memgarden.observe.retrieved import Retrieved
from memgarden.protocols import (
    Expander,
    ExpanderTools,
    Expanding,
    Fusion,
    MemorySink,
    MemorySource,
    Mirror,
    Outbox,
    Reranker,
    Reranking,
    Span,
)
from memgarden.records import ChunkInfo, ScopePath
from memgarden.surplus import Compactor, Narrower
from memgarden.turns import Signals
from memgarden.upkeep import Shift, Upkeep

__all__ = ["Audit", "Catalogue", "Parts", "RefillableOutbox"]


INHERITED: list[Parts] = []
renewing = threading.Lock()


def _unlock() -> None:
    global renewing
    renewing = threading.Lock()


os.register_at_fork(after_in_child=_unlock)


class Catalogue(Protocol):
    """What can be said of the garden as a whole."""

    def scopes(self, prefix: ScopePath, now: datetime) -> dict[ScopePath, int]:
        """The scopes at and below `prefix` that hold memories at `now`, with how many. Reads across scopes."""
        ...

    def expired(self, now: datetime) -> dict[ScopePath, int]:
        """The scopes that hold memories which have expired at `now`, with how many. Reads across scopes."""
        ...

    def large(self) -> dict[int, ScopePath]:
        """The scopes that have a Chroma collection of their own, by number. Reads across scopes."""
        ...

    def size(self) -> dict[str, int]:
        """Rows of each table, by name."""
        ...

    def nbytes(self) -> int:
        """Bytes of the database."""
        ...

    def check(self) -> list[str]:
        """What the database's own integrity check finds; nothing for a sound one."""
        ...


class RefillableOutbox(Outbox, Protocol):
    """An outbox that can be asked to send everything anew."""

    def erase(self) -> bool:
        """As `refill`, and nothing is to be left in Chroma's files; False for a garden that never had a Chroma."""
        ...

    def erasing(self) -> bool:
        """Whether Chroma has yet to erase what was forgotten."""
        ...

    def worn(self) -> Mapping[int, tuple[int, int]]:
        """By the scope's number, 0 for the shared one: what a collection was given, and what was deleted from it."""
        ...

    def rebuild(self, scope: int) -> None:
        """Have a collection built anew beside itself: a large scope's own, or for 0 the shared one."""
        ...

    def refill(self) -> None:
        """Ask for an empty collection and for every chunk there is, in place of whatever was waiting."""
        ...


class Audit(Protocol):
    """What the last comparison of Chroma with the record found."""

    def finding(self) -> str | None:
        """What was wrong, in words; None for nothing."""
        ...


@dataclass(slots=True)
class Parts:
    """Everything that a garden and its scopes work with. `mirror` is None for a garden without Chroma.

    `searched` says how a search of the large scope of that number finds its vectors, and what Chroma says if it
    refuses. `archives` is the folder for what leaves the garden, None where there is no place for one.

    `chroma` is what its Chroma is, and `chroma_folder` where that keeps its files, or would in a garden that is open
    without one; None for a server and a client. `erase_here` erases one in the garden's own folder if nobody owns it:
    None if there is nothing, False if somebody does. `erase_archived` deletes what was archived of what is to be
    forgotten. `note_archives` keeps where the archives are, for those who open the garden with another folder or none.
    """

    id: str
    where: str
    facts: dict[str, str]
    source: MemorySource
    sink: MemorySink
    upkeep: Upkeep
    shift: Shift
    archives: Path | None
    retrieved: Retrieved
    catalogue: Catalogue
    outbox: RefillableOutbox
    audit: Audit
    mirror: Mirror | None
    preparer: Preparer
    describe: Callable[[str, Sequence[Span], str], list[ChunkInfo]]
    pool: IndexPool
    fusion: Callable[[str], Fusion]
    default_fusion: str
    signals: Signals
    alpha: float
    rerankers: Callable[[Reranking | None], Sequence[tuple[str, Reranker]]]
    expanders: Callable[[Expanding, ExpanderTools], Sequence[tuple[str, Expander]]]
    searched: Callable[[int], tuple[str, str | None]]
    backup: Callable[[Path], None]
    release: Callable[[], None]
    renew: Callable[[], Parts]
    eraser: Eraser
    compactor: Compactor
    narrower: Narrower
    chroma: Literal["none", "folder", "server"]
    erase_here: Callable[[], bool | None]
    chroma_folder: Path | None
    erase_archived: Callable[[Task], Copies]
    note_archives: Callable[[], None]
    closed: bool = False
    pid: int = field(default_factory=os.getpid)

    def opened(self) -> Parts:
        """Itself; `GardenClosed` after the garden was closed. In a forked child everything is made anew first."""
        if self.closed:
            raise GardenClosed("this garden was closed: open it again with Garden.open(...)")
        # Not a count kept by hooks of Python's: servers that fork in C, as uWSGI does, run none.
        if self.pid != os.getpid():
            with renewing:
                if self.pid != os.getpid():
                    self._leave_parent()
        return self

    def _leave_parent(self) -> None:
        """Connections, locks and threads do not survive a fork; what the child needs it opens itself."""
        # Kept and never closed: to close a connection of the parent's here could end its locks there.
        INHERITED.append(replace(self))
        fresh = self.renew()
        for own in fields(self):  # `pid` last: from then on the other threads of the child go ahead
            setattr(self, own.name, getattr(fresh, own.name))

    def wrote(self) -> None:
        """Something was committed: Chroma may follow."""
        if self.mirror is not None:
            self.mirror.wake()
