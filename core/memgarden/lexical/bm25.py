"""BM25 in Lucene's form over the rows of one scope, with statistics that are exact at every moment."""

from __future__ import annotations

import math
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from memgarden.errors import InvalidSetting
from memgarden.lexical.segments import Block, Found, Segment, Tail, build_segment, join_blocks, merge_segments
from memgarden.protocols import LexicalRows, Ranking
from memgarden.ranking import best_rows
from memgarden.records import Flags, Floats, Ints, Terms

__all__ = ["BM25"]

Norms = npt.NDArray[np.floating[Any]]

# 4,096 postings are some 200 short texts: looked through in 2 us a term, sorted in 100 us.
TAIL_CAPACITY = 4096
MAX_LOOSE = 4


class BM25:
    """The sum over the query's terms of `weight * idf * tf / (tf + k1 * (1 - b + b * dl / avgdl))`.

    `idf = ln(1 + (N - df + .5) / (df + .5))`, never negative; `N`, `df` and `avgdl` are those of the rows that were
    not removed, whatever the mask. This is Lucene 8's formula, Robertson's without the constant factor `k1 + 1`
    (Kamphuis, de Vries, Boytsov, Lin: Which BM25 Do You Mean?, ECIR 2020). The defaults suit
    documents; for short turns .9 and .4 are the usual choice. Raises `InvalidSetting` for `k1` below 0 or `b` outside
    0 to 1.

    The terms of a row, and of a query, are distinct, their counts and weights above 0. An index is not safe to
    change while another thread uses it.
    """

    def __init__(self, k1: float = 1.2, b: float = 0.5) -> None:
        if not (math.isfinite(k1) and k1 >= 0):
            raise InvalidSetting(f"BM25 needs k1 of 0 or more, not {k1!r}")
        if not 0 <= b <= 1:
            raise InvalidSetting(f"BM25 needs b between 0 and 1, not {b!r}")
        self._k1, self._b = k1, b
        self._segments: list[Segment] = []
        # Sorting is most of what loading a scope costs, and many are searched once: a large block waits for its second
        # search, and the first looks through all of it.
        self._loose: list[Block] = []
        self._loose_searched = False
        self._tail = Tail(TAIL_CAPACITY)
        self._lengths = np.zeros(0, np.int64)
        self._alive = np.zeros(0, np.bool_)
        self._rows = 0
        self._live_rows = 0
        self._live_length = 0
        self._unswept = 0  # removed rows whose postings may still lie in a segment or in the tail
        self._norms: Norms | None = None

    def add(self, content: LexicalRows) -> None:
        """Append rows; `ValueError` if the sizes do not add up to the postings."""
        sizes, lengths, postings = content.sizes, content.lengths, content.postings
        if len(sizes) != len(lengths) or int(sizes.sum()) != len(postings):
            raise ValueError(f"{len(sizes)} sizes of {sizes.sum()} postings, {len(lengths)} lengths, {len(postings)}")
        first, self._rows = self._rows, self._rows + len(sizes)
        self._reserve(self._rows)
        self._lengths[first : self._rows] = lengths
        self._alive[first : self._rows] = True
        self._live_rows += len(sizes)
        self._live_length += int(lengths.sum())
        self._norms = None
        block = Block(
            postings["term"], np.repeat(np.arange(first, self._rows, dtype=np.int32), sizes), postings["count"]
        )
        if not self._tail.put(block):
            self._loose.append(join_blocks([self._tail.take(), block]) if len(self._tail) else block)
            if len(self._loose) > MAX_LOOSE:
                self._sort_loose()

    def remove(self, rows: Ints) -> None:
        """Forget rows; `ValueError`, and nothing done, for a row that there is not, is gone or comes twice."""
        rows = np.asarray(rows, dtype=np.int64)
        known = (rows >= 0) & (rows < self._rows)
        if not known.all() or not self._alive[rows].all() or len(np.unique(rows)) != len(rows):
            raise ValueError(f"rows {rows.tolist()} are not all rows of this index, each once and not yet removed")
        self._alive[rows] = False
        self._live_rows -= len(rows)
        self._live_length -= int(self._lengths[rows].sum())
        self._unswept += len(rows)
        self._norms = None
        # Once half of what a search reads is removed rows, one pass over all of it is paid back at once.
        if self._unswept > self._live_rows:
            self._sweep()

    def rank(self, query: tuple[Terms, Floats], mask: Flags, depth: int) -> Ranking:
        """The best `depth` rows that `mask` `(rows,)` lets through, each with a term of the query.

        `score_of` is exact for every row there was at the time of the call, masked or not; 0 for a row without a
        term of the query and for a removed one.
        """
        if mask.shape != (self._rows,):
            raise ValueError(f"the mask has shape {mask.shape}: ({self._rows},) needed, a flag for each row")
        scores, ceiling = self._score(*query)
        return Ranking(_best(scores, mask, depth), lambda rows: scores[rows], ceiling)

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        norms = 0 if self._norms is None else self._norms.nbytes
        postings = sum(part.nbytes for part in self._segments) + sum(part.nbytes for part in self._loose)
        return postings + self._tail.nbytes + self._lengths.nbytes + self._alive.nbytes + norms

    def _score(self, terms: Terms, weights: Floats) -> tuple[Floats, float]:
        """Every row's score, and what a row that is full of every term would come near to."""
        if self._loose_searched:
            self._sort_loose()
        parts: list[Segment | Block | Tail] = [*self._segments, *self._loose, self._tail]
        found = [self._living(each) for part in parts for each in part.find(terms)]
        self._loose_searched = bool(self._loose)
        frequencies = [0] * len(terms)
        for i, rows, _ in found:
            frequencies[i] += len(rows)
        factors = [
            weight * math.log1p((self._live_rows - df + 0.5) / (df + 0.5))
            for weight, df in zip(weights.tolist(), frequencies, strict=True)
        ]
        if not found:
            return np.zeros(self._rows, np.float32), sum(factors)
        # In the query's order, so that the same rows get the same sums however their postings lie.
        found.sort(key=itemgetter(0))
        rows = np.concatenate([rows for _, rows, _ in found], dtype=np.int64)
        shares = np.concatenate([counts for _, _, counts in found], dtype=np.float64)
        # In place and in one type: this is most of what a search computes, and casting on the way doubles it.
        saturation = self._row_norms().take(rows)
        saturation += shares
        shares /= saturation
        shares *= np.array([factors[i] for i, _, _ in found]).repeat([len(rows) for _, rows, _ in found])
        return np.bincount(rows, shares, minlength=self._rows).astype(np.float32), sum(factors)

    def _sort_loose(self) -> None:
        blocks, self._loose, self._loose_searched = self._loose, [], False
        for block in blocks:
            self._push(build_segment(block))

    def _living(self, found: Found) -> Found:
        if not self._unswept:
            return found
        i, rows, counts = found
        alive = self._alive[rows]
        return i, rows[alive], counts[alive]

    def _row_norms(self) -> Norms:
        if self._norms is not None:
            return self._norms
        # Where no row has a counted term, all lengths are 0 and any average does.
        average = self._live_length / self._live_rows if self._live_length else 1.0
        norms: Norms = self._k1 * (1 - self._b + self._b * self._lengths[: self._rows] / average)
        self._norms = norms
        return norms

    def _reserve(self, rows: int) -> None:
        if rows > len(self._alive):
            # An eighth more than is needed: writes stay cheap and a scope that is only read wastes little.
            grow = rows + rows // 8 + 16 - len(self._alive)
            self._lengths = np.concatenate([self._lengths, np.zeros(grow, np.int64)])
            self._alive = np.concatenate([self._alive, np.zeros(grow, np.bool_)])

    def _push(self, segment: Segment) -> None:
        """Keep segments such that each is more than twice the next: their number is logarithmic."""
        self._segments.append(segment)
        while len(self._segments) > 1 and len(self._segments[-2]) <= 2 * len(self._segments[-1]):
            merged = merge_segments([self._segments.pop(-2), self._segments.pop()], self._alive)
            if merged is not None:
                self._segments.append(merged)

    def _sweep(self) -> None:
        self._sort_loose()
        if len(self._tail):
            self._segments.append(build_segment(self._tail.take()))
        merged = merge_segments(self._segments, self._alive) if self._segments else None
        self._segments = [] if merged is None else [merged]
        self._unswept = 0


def _best(scores: Floats, mask: Flags, depth: int) -> Ints:
    """The `depth` highest rows above 0 that the mask lets through, ties to the lower row."""
    rows = ((scores > 0) & mask).nonzero()[0]
    return best_rows(rows, scores[rows], depth)
