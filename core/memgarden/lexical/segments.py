"""Postings by term: immutable sorted segments and a short unsorted tail, as in Lucene and other LSM designs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from memgarden.records import Flags, Ints, Terms

__all__ = ["Block", "Counts", "Found", "Rows", "Segment", "Tail", "build_segment", "join_blocks", "merge_segments"]

Rows = npt.NDArray[np.int32]
Counts = npt.NDArray[np.uint32]
Found = tuple[int, Rows, Counts]


@dataclass(frozen=True, slots=True)
class Block:
    """Postings in any order: `terms`, `rows` and `counts` are `(p,)` each."""

    terms: Terms
    rows: Rows
    counts: Counts

    def find(self, query: Terms) -> list[Found]:
        """For each term of the query that is here: its place in the query, rows and counts. Looks at every posting."""
        found = []
        for i, term in enumerate(query):
            at = (self.terms == term).nonzero()[0]
            if len(at):
                found.append((i, self.rows[at], self.counts[at]))
        return found

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes: 16 a posting."""
        return self.terms.nbytes + self.rows.nbytes + self.counts.nbytes


@dataclass(frozen=True, slots=True)
class Segment:
    """Postings sorted by term: those of `terms[i]` (sorted, distinct) lie at `offsets[i]:offsets[i + 1]`."""

    terms: Terms
    offsets: Ints
    rows: Rows
    counts: Counts

    def __len__(self) -> int:
        return len(self.rows)

    def find(self, query: Terms) -> list[Found]:
        """As `Block.find`, by bisection."""
        terms, offsets, rows, counts = self.terms, self.offsets, self.rows, self.counts
        found = []
        for i, (place, term) in enumerate(zip(terms.searchsorted(query).tolist(), query.tolist(), strict=True)):
            if place < len(terms) and terms.item(place) == term:
                start, end = offsets.item(place), offsets.item(place + 1)
                found.append((i, rows[start:end], counts[start:end]))
        return found

    def unpack(self) -> Block:
        """The postings, term by term."""
        return Block(np.repeat(self.terms, np.diff(self.offsets)), self.rows, self.counts)

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes: 8 a posting, 16 a distinct term."""
        return self.terms.nbytes + self.offsets.nbytes + self.rows.nbytes + self.counts.nbytes


def build_segment(block: Block) -> Segment:
    """Sort postings, at least one, by term."""
    # Stable, not for the order of rows: numpy's stable sort is linear in runs that are sorted already, so in merges,
    # and three to five times as fast as its default where few terms make up most postings, as in all text.
    order = np.argsort(block.terms, kind="stable")
    terms = block.terms[order]
    first = np.empty(len(terms), dtype=np.bool_)
    first[0] = True
    np.not_equal(terms[1:], terms[:-1], out=first[1:])
    starts = np.flatnonzero(first)
    return Segment(terms[starts], np.append(starts, len(terms)), block.rows[order], block.counts[order])


def merge_segments(segments: Sequence[Segment], alive: Flags) -> Segment | None:
    """One segment of the postings of several, without those of removed rows; None if nothing is left."""
    joined = join_blocks([segment.unpack() for segment in segments])
    keep = alive[joined.rows]
    if not keep.any():
        return None
    return build_segment(Block(joined.terms[keep], joined.rows[keep], joined.counts[keep]))


def join_blocks(blocks: Sequence[Block]) -> Block:
    """The postings of several blocks one after the other."""
    return Block(
        np.concatenate([block.terms for block in blocks]),
        np.concatenate([block.rows for block in blocks]),
        np.concatenate([block.counts for block in blocks]),
    )


class Tail:
    """The newest postings, unsorted: a write is three copies, a search looks through all of them."""

    def __init__(self, capacity: int) -> None:
        self._block = Block(np.empty(capacity, np.uint64), np.empty(capacity, np.int32), np.empty(capacity, np.uint32))
        self._used = 0

    def __len__(self) -> int:
        return self._used

    def put(self, block: Block) -> bool:
        """Append postings; False, and nothing done, if they do not fit."""
        end = self._used + len(block.terms)
        if end > len(self._block.terms):
            return False
        self._block.terms[self._used : end] = block.terms
        self._block.rows[self._used : end] = block.rows
        self._block.counts[self._used : end] = block.counts
        self._used = end
        return True

    def take(self) -> Block:
        """The postings, handed over: the tail is empty after it and its memory is written anew."""
        taken = self._view()
        self._used = 0
        return taken

    def _view(self) -> Block:
        used = self._used
        return Block(self._block.terms[:used], self._block.rows[:used], self._block.counts[:used])

    def find(self, query: Terms) -> list[Found]:
        """As `Block.find`."""
        return self._view().find(query) if self._used else []

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return self._block.nbytes
