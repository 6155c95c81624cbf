"""The dense leg of a large scope: its vectors lie in Chroma, and in memory only while Chroma cannot be asked."""

from __future__ import annotations

import time

import numpy as np

from memgarden.errors import ChromaError
from memgarden.growable import Growable
from memgarden.protocols import DenseRows, Nearest, Ranking, VectorSource, Waiting
from memgarden.ranking import best_rows
from memgarden.records import Flags, Floats, Ints

__all__ = ["LargeLeg", "LargeScopes"]

MOST_WAITING = 1_000
"""Chunks that may be on their way to Chroma: their vectors are read from SQL for each query, 4 us each."""

PART = 10_000
"""Vectors that are read into memory at a time."""

RETRY = 5.0
"""Seconds for which the vectors stay in memory once they had to be loaded; then Chroma is asked again."""

SPARE = 1.5
"""How many more chunks are fetched than a filter's share of the scope calls for: it is never spread quite evenly."""


class LargeScopes:
    """What the legs of all large scopes of a garden work with."""

    def __init__(self, dimension: int, source: VectorSource, outbox: Waiting, nearest: Nearest) -> None:
        self.dimension, self.source, self.outbox, self.nearest = dimension, source, outbox, nearest

    def leg(self, scope: int) -> LargeLeg:
        """An empty leg for the scope of that number."""
        return LargeLeg(scope, self)

    def how(self, scope: int) -> tuple[str, str | None]:
        """How a search of that scope now finds vectors, `chroma` or `exact`; and what Chroma says if it refuses."""
        if self.outbox.waiting(scope, MOST_WAITING) is None:
            return "exact", None
        try:
            self.nearest(scope, np.full(self.dimension, self.dimension**-0.5, np.float32), 1)
        except ChromaError as error:
            return "exact", str(error)
        return "chroma", None


class LargeLeg:
    """Chroma's nearest, merged with an exact look at what has yet to get there; exact where that is no more work."""

    def __init__(self, scope: int, parts: LargeScopes) -> None:
        self._scope, self._parts = scope, parts
        self._chunks = Growable(np.int64)
        self._removed = 0
        self._matrix: Floats | None = None
        self._exact_until = 0.0

    def add(self, content: DenseRows) -> None:
        """Append rows; vectors are not kept."""
        self._chunks.extend(content.chunks)

    def remove(self, rows: Ints) -> None:
        """The mask keeps removed rows out, and Chroma deletes them."""
        self._removed += len(rows)

    def rank(self, query: Floats, mask: Flags, depth: int) -> Ranking:
        """The rows most similar to `query` `(d,)`, L2-normalised, among those that the mask lets through."""
        if self._matrix is not None and time.monotonic() < self._exact_until:
            return self._from_memory(query, mask.nonzero()[0], depth)
        try:
            found = self._found(query, mask, depth)
        except ChromaError:
            found = None
        if found is None:
            self._exact_until = time.monotonic() + RETRY
            return self._from_memory(query, mask.nonzero()[0], depth)
        self._matrix = None
        known, scores = found
        return Ranking(best_rows(known, scores, depth), lambda wanted: self._scores(query, wanted, known, scores))

    def vectors_of(self, rows: Ints) -> Floats:
        """The vectors `(len(rows), d)` of rows, read from SQL; zeros for what is gone by then."""
        wanted, place = np.unique(self._chunks.view[rows], return_inverse=True)
        found = np.zeros((len(wanted), self._parts.dimension), np.float32)
        chunks, vectors = self._parts.source.vectors(self._scope, wanted)
        found[np.searchsorted(wanted, chunks)] = vectors
        return found[place]

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return self._chunks.nbytes + (0 if self._matrix is None else self._matrix.nbytes)

    def _found(self, query: Floats, mask: Flags, depth: int) -> tuple[Ints, Floats] | None:
        """Rows, ascending, that hold the best `depth`, and their scores; None where Chroma cannot be asked."""
        living, allowed = len(self._chunks.view) - self._removed, int(np.count_nonzero(mask))
        # What is fetched beyond the filter is thrown away: it is worth it while the filter's own rows are more.
        most = int(depth * SPARE * living / max(allowed, 1)) if allowed < living else depth
        while most < allowed:
            waiting = self._parts.outbox.waiting(self._scope, MOST_WAITING)
            if waiting is None:
                return None
            # In this order: what no longer waited is in Chroma. And whoever emptied Chroma meanwhile noted it first.
            chunks, cosines = self._parts.nearest(self._scope, query, most)
            if self._parts.outbox.waiting(self._scope, MOST_WAITING) is None:
                return None
            fresh = self._rows_of(waiting, mask)
            near, places = np.unique(self._places(chunks), return_index=True)
            kept = mask[near.clip(0)] & (near >= 0) & ~np.isin(near, fresh)
            near, scores = near[kept], cosines[places][kept]
            if len(near) + len(fresh) >= depth:
                both = np.concatenate([near, fresh])
                order = both.argsort()
                return both[order], np.concatenate([scores, self._read(query, fresh)])[order]
            if 2 * len(chunks) < min(most, living - len(waiting)):
                return None  # the collection does not hold what it should
            most *= 4
        rows = mask.nonzero()[0]
        return rows, self._read(query, rows)

    def _scores(self, query: Floats, wanted: Ints, known: Ints, scores: Floats) -> Floats:
        at = np.searchsorted(known, wanted).clip(max=max(len(known) - 1, 0))
        have = known[at] == wanted if len(known) else np.zeros(len(wanted), np.bool_)
        result = np.empty(len(wanted), np.float32)
        result[have] = scores[at[have]]
        result[~have] = self._read(query, wanted[~have])
        return result

    def _read(self, query: Floats, rows: Ints) -> Floats:
        """Exact scores of rows, ascending, by vectors from SQL; 0 for those deleted meanwhile."""
        result = np.zeros(len(rows), np.float32)
        if len(rows):
            wanted = self._chunks.view[rows]
            chunks, vectors = self._parts.source.vectors(self._scope, wanted)
            result[np.searchsorted(wanted, chunks)] = np.vecdot(vectors, query)
        return result

    def _places(self, chunks: Ints) -> Ints:
        """The row of each chunk, -1 for those that this index does not know: newer than it, or deleted before it."""
        known = self._chunks.view
        at = np.searchsorted(known, chunks).clip(max=max(len(known) - 1, 0))
        return np.where(known[at] == chunks, at, -1) if len(known) else np.full(len(chunks), -1)

    def _rows_of(self, chunks: Ints, mask: Flags) -> Ints:
        rows = self._places(chunks)
        rows = rows[rows >= 0]
        return rows[mask[rows]]

    def _from_memory(self, query: Floats, rows: Ints, depth: int) -> Ranking:
        """Exact, over vectors that are read from SQL once and kept until Chroma is asked again."""
        known = self._chunks.view
        matrix = self._matrix
        held = 0 if matrix is None else len(matrix)
        if held < len(known):
            grown = np.zeros((len(known), self._parts.dimension), np.float32)
            if matrix is not None:
                grown[:held] = matrix
            for first in range(held, len(known), PART):
                wanted = known[first : first + PART]
                chunks, vectors = self._parts.source.vectors(self._scope, wanted)
                grown[first + np.searchsorted(wanted, chunks)] = vectors
            self._matrix = matrix = grown
        assert matrix is not None
        scores = np.vecdot(matrix, query)
        return Ranking(best_rows(rows, scores[rows], depth), lambda wanted: scores[wanted])
