"""The dense leg of a scope that fits in memory: one matrix, every cosine computed, nothing approximated."""

from __future__ import annotations

import numpy as np

from memgarden.growable import Growable
from memgarden.protocols import DenseRows, Ranking
from memgarden.ranking import best_rows
from memgarden.records import Flags, Floats, Ints

__all__ = ["ExactVectors"]

NARROW = 4  # below one row in so many, picking the rows out first costs less than multiplying them all


class ExactVectors:
    """Cosine similarity by one product of a matrix `(rows, d)` float32 and the query."""

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._vectors = Growable(np.float32)

    @property
    def _matrix(self) -> Floats:
        return self._vectors.view.reshape(-1, self._dimension)

    def add(self, content: DenseRows) -> None:
        """Append rows, whose vectors are given."""
        if content.vectors is None:
            raise ValueError("an exact leg needs the vectors of its rows")
        self._vectors.extend(content.vectors.reshape(-1))

    def remove(self, rows: Ints) -> None:
        """Nothing to do: the mask keeps removed rows out."""

    def rank(self, query: Floats, mask: Flags, depth: int) -> Ranking:
        """The rows most similar to `query` `(d,)`, L2-normalised, among those that the mask lets through."""
        matrix = self._matrix
        rows = mask.nonzero()[0]
        if len(rows) * NARROW < len(matrix):
            best = best_rows(rows, np.vecdot(matrix[rows], query), depth)
            return Ranking(best, lambda wanted: np.vecdot(matrix[wanted], query))
        # Not `matrix @ query`: what is read once from memory and not from a cache, BLAS reads at half the speed.
        scores = np.vecdot(matrix, query)
        own = scores if len(rows) == len(scores) else scores[rows]
        return Ranking(best_rows(rows, own, depth), lambda wanted: scores[wanted])

    def vectors_of(self, rows: Ints) -> Floats:
        """A copy of the rows' vectors `(len(rows), d)`; rows never move, so it may be asked while others are added."""
        return self._matrix[rows]

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return self._vectors.nbytes
