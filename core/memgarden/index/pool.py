"""The scope indexes in memory: loaded when first asked, current at every search, evicted by bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from memgarden.errors import MemgardenError
from memgarden.index.columns import Outdated
from memgarden.index.scope_index import ScopeIndex
from memgarden.protocols import DenseLeg, LexicalLeg, ScopeSource
from memgarden.records import Changes, Head, ScopePath

__all__ = ["IndexPool"]

T = TypeVar("T")


@dataclass(slots=True)
class Slot:
    """A place for one scope's index, and the lock of whoever searches it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    index: ScopeIndex | None = None
    nbytes: int = 0


class IndexPool:
    """At most about `budget` bytes of scope indexes, least recently used out first."""

    def __init__(
        self, source: ScopeSource, budget: int, lexical: Callable[[], LexicalLeg], dense: Callable[[Head], DenseLeg]
    ) -> None:
        """`lexical` and `dense` make the empty legs of a new index, `dense` by where the scope stands."""
        self._source = source
        self._budget = budget
        self._lexical = lexical
        self._dense = dense
        self._slots: OrderedDict[ScopePath, Slot] = OrderedDict()
        self._lock = threading.Lock()
        self._nbytes = 0

    def use(self, path: ScopePath, work: Callable[[ScopeIndex | None], T]) -> T:
        """What `work` makes of the scope's index as of now, which is this thread's alone meanwhile.

        It is given None for a scope that was never written to. `Outdated` where others deleted what it was about to
        read: try again.
        """
        with self._lock:
            slot = self._slots.get(path)
            if slot is None:
                slot = self._slots[path] = Slot()
            self._slots.move_to_end(path)
        with slot.lock:
            try:
                slot.index = self._caught_up(path, slot.index)
                return work(slot.index)
            except (MemgardenError, Outdated):
                raise  # said before anything was changed
            except BaseException:
                slot.index = None  # interrupted, it may be half changed: the next search loads it anew
                raise
            finally:
                self._weigh(path, slot)

    def _caught_up(self, path: ScopePath, index: ScopeIndex | None) -> ScopeIndex | None:
        head = self._source.head(path)
        if head is None:
            return None
        if index is not None and index.head == head:
            return index
        changes = self._source.changes(path, None if index is None or index.wasteful else index.head)
        if changes is None:
            return None
        if index is None or changes.whole:
            return ScopeIndex(changes, self._lexical(), self._dense(changes.head), self._source)
        index.apply(changes)
        return index

    def made_of(self, changes: Changes, source: ScopeSource) -> ScopeIndex:
        """An index of what is in no scope, and in no pool: of a whole set of memories that `source` gives out."""
        return ScopeIndex(changes, self._lexical(), self._dense(changes.head), source)

    def _weigh(self, path: ScopePath, slot: Slot) -> None:
        nbytes = slot.index.nbytes if slot.index else 0
        with self._lock:
            if self._slots.get(path) is not slot:
                return  # evicted while it was in use: it goes with its user
            if slot.index is None:
                del self._slots[path]  # names that were only asked for must not pile up
            self._nbytes += nbytes - slot.nbytes
            slot.nbytes = nbytes
            while self._nbytes > self._budget and len(self._slots) > 1:
                _, evicted = self._slots.popitem(last=False)
                self._nbytes -= evicted.nbytes

    def stats(self) -> tuple[int, int]:
        """How many indexes are held, and their bytes."""
        with self._lock:
            return len(self._slots), self._nbytes
