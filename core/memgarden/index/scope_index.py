"""The index of one scope: rows in order of arrival, a lexical and a dense leg over them, and masks for filters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from memgarden.growable import Growable
from memgarden.index.columns import ColumnStore, Outdated
from memgarden.index.filter import Node
from memgarden.index.turns import Turns
from memgarden.protocols import DenseLeg, DenseRows, LexicalLeg, LexicalRows, ScopeSource
from memgarden.records import NEVER, ROW, Changes, Flags, Head, Memory, Rows, to_micros
from memgarden.turns import said

__all__ = ["Outdated", "ScopeIndex"]

KEPT_MEMORIES = 1024  # memories of recent hits, so that a warm search asks SQL for its revision and nothing else
MEMORY_BYTES = 800  # what a kept memory takes beside its text, roughly


class ScopeIndex:
    """What is searched. Not for two threads at once: the pool hands it out under a lock."""

    def __init__(self, changes: Changes, lexical: LexicalLeg, dense: DenseLeg, source: ScopeSource) -> None:
        """`changes` are the whole scope; `lexical` and `dense` are empty; `source` reads memories and fields."""
        self.head: Head = changes.head
        self.lexical = lexical
        self.dense = dense
        self._source = source
        self._rows = Growable(ROW)
        self._alive = Growable(np.bool_)
        self._dead = 0
        self.chunked = False
        """Whether any memory has, or had, several chunks."""
        self.languages: tuple[int, ...] = ()
        """Those of its rows, ascending; the last row of one may be dead."""
        self._expiring = False
        self._records = False
        self._columns = ColumnStore(lambda after: source.fields(self.head.scope, after))
        self._memories: dict[int, Memory] = {}
        self._conversing = False
        self._turns: Turns | None = None
        self._speakers: dict[int, str] = {}
        self._memory_bytes = 0
        self._array_bytes = 0
        self.apply(changes)

    @property
    def rows(self) -> Rows:
        """`(rows,)` of dtype `ROW`, dead ones too."""
        return self._rows.view

    def apply(self, changes: Changes) -> None:
        """Take in what happened since `head`."""
        self.lexical.add(LexicalRows(changes.postings, changes.sizes, changes.rows["length"]))
        self.dense.add(DenseRows(changes.rows["chunk"], changes.vectors))
        first = len(self.rows)
        self._rows.extend(changes.rows)
        if not changes.rows["end"].all():
            # What no search finds has a row, for lists to filter, and is in no statistics.
            self._records = True
            self.lexical.remove(first + np.flatnonzero(changes.rows["end"] == 0))
        self._alive.extend(np.ones(len(changes.rows), dtype=np.bool_))
        codes = changes.rows["language"]
        if codes.any():
            self.languages = tuple(sorted({*self.languages, *np.unique(codes).tolist()}))
        elif len(codes) and 0 not in self.languages:
            self.languages = (0, *self.languages)
        memories = changes.rows["memory"]  # the chunks of one are written one after the other
        self.chunked = self.chunked or bool((memories[1:] == memories[:-1]).any())
        self._expiring = self._expiring or bool((changes.rows["expires_at"] != NEVER).any())
        # Row numbers of the record rise, so the chunks of the rows are in order and can be looked up by bisection.
        known = self.rows["chunk"]
        at = np.searchsorted(known, changes.removed)
        at = at[at < len(known)]
        gone = at[np.isin(known[at], changes.removed)]
        gone = np.unique(gone[self._alive.view[gone]])
        if len(gone):
            self._alive.view[gone] = False
            self._dead += len(gone)
            self.lexical.remove(gone[self.rows["end"][gone] > 0])
            self.dense.remove(gone)
        self._conversing = self._conversing or bool(changes.rows["session"].any())
        if self._turns is not None and (len(gone) or not self._turns.extend(self.rows)):
            self._turns = None  # made anew when it is next asked for
        self.head = changes.head
        self._weigh()

    @property
    def turns(self) -> Turns | None:
        """How its turns hang together; None for a scope that holds none. `Outdated` as in `memories`."""
        if self._turns is None and self._conversing:
            self._turns = Turns(self.rows, self._alive.view, self._names())
            self._weigh()
        return self._turns

    def _names(self) -> dict[int, str]:
        """The speakers by their hash, read from one memory of each."""
        living = self.rows[self._alive.view]
        present, first = np.unique(living["speaker"], return_index=True)
        unknown = {
            int(number): int(living["memory"][at])
            for number, at in zip(present, first, strict=True)
            if number and int(number) not in self._speakers
        }
        if unknown:
            memories = self.memories(list(unknown.values()))
            turns = {number: said(memories[pk]) for number, pk in unknown.items()}
            self._speakers |= {number: turn.speaker for number, turn in turns.items() if turn is not None}
        return {number: self._speakers[number] for number in present.tolist() if number in self._speakers}

    @property
    def wasteful(self) -> bool:
        """More rows are dead than alive: loading anew is cheaper than going on."""
        return self._dead * 2 > len(self.rows) + 1000

    def mask(
        self,
        now: datetime,
        since: datetime | None,
        until: datetime | None,
        where: Node | None,
        *,
        records: bool = False,
    ) -> Flags:
        """`(rows,)`: the rows a search may find: alive, not expired at `now`, said in `[since, until)`, and `where`.

        With `records`, those that no search finds are let through too.
        """
        mask = self._alive.view
        if self._records and not records:
            mask = mask & (self.rows["end"] > 0)
        if self._expiring:
            mask = mask & (self.rows["expires_at"] > to_micros(now))
        if since is not None:
            mask = mask & (self.rows["created_at"] >= to_micros(since))
        if until is not None:
            mask = mask & (self.rows["created_at"] < to_micros(until))
        if where is not None:
            if self._columns.require(where.fields(), self.rows["memory"], self._alive.view):
                self._weigh()
            mask = mask & where.mask(self._columns)
        return mask

    def whole(self, mask: Flags) -> list[Memory]:
        """The memories of the rows `(rows,)` that a mask lets through, each once; none is kept. `Outdated` as below."""
        pks = np.unique(self.rows["memory"][mask]).tolist()
        found = self._source.memories(self.head.scope, pks)
        if len(found) < len(pks):
            raise Outdated
        return list(found.values())

    def memories(self, pks: list[int]) -> Mapping[int, Memory]:
        """The memories of these row numbers, by row number; `Outdated` if one was deleted since `head`."""
        missing = [pk for pk in pks if pk not in self._memories]
        if missing:
            if len(self._memories) + len(missing) > KEPT_MEMORIES:
                self._memories = {pk: self._memories[pk] for pk in pks if pk in self._memories}
                self._memory_bytes = sum(map(_size, self._memories.values()))
            found = self._source.memories(self.head.scope, missing)
            if len(found) < len(missing):
                raise Outdated
            self._memory_bytes += sum(map(_size, found.values()))
            self._memories.update(found)
        return self._memories

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return self._array_bytes + self._memory_bytes + self.dense.nbytes  # which searches change, in large scopes

    def _weigh(self) -> None:
        own = self._rows.nbytes + self._alive.nbytes + self._columns.nbytes
        turns = self._turns.nbytes if self._turns is not None else 0
        self._array_bytes = self.lexical.nbytes + own + turns


def _size(memory: Memory) -> int:
    return MEMORY_BYTES + len(memory.text)
