"""Both legs over the mask, and exact scores from both for every candidate of either."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from memgarden.protocols import Ranking
from memgarden.records import Floats, Ints

__all__ = ["DEPTH", "Candidates", "gather"]

DEPTH = 100  # of each leg: on chats the union then holds 95 % of what is relevant; 50 hold 91 %


class Candidates(NamedTuple):
    """The rows that either leg named, `(n,)` ascending, with each leg's `scores` and `ranks` of them, `(legs, n)`.

    `ceilings` are what each leg's scores can come up to.
    """

    names: tuple[str, ...]
    rows: Ints
    scores: Floats
    ranks: Ints
    ceilings: tuple[float, ...]

    def beside(self, names: tuple[str, ...], seen: Floats) -> Candidates:
        """The same with a row more of scores, and no ranks, for each of `names`."""
        ranks = np.concatenate([self.ranks, np.zeros(seen.shape, dtype=np.int64)])
        return Candidates(self.names + names, self.rows, np.concatenate([self.scores, seen]), ranks, self.ceilings)


def gather(names: Sequence[str], rankings: Sequence[Ranking], size: int) -> Candidates:
    """The union of the legs' lists over an index of `size` rows, with exact scores of what only the other leg found."""
    named = np.zeros(size, dtype=np.bool_)
    for ranking in rankings:
        named[ranking.rows] = True
    rows = named.nonzero()[0]
    place = np.empty(size, dtype=np.int64)  # of each row among the candidates; of the others whatever was there
    place[rows] = np.arange(len(rows))
    ranks = np.zeros((len(rankings), len(rows)), dtype=np.int64)
    for own, ranking in zip(ranks, rankings, strict=True):
        own[place[ranking.rows]] = np.arange(1, len(ranking.rows) + 1)
    scores = np.array([ranking.score_of(rows) for ranking in rankings])
    return Candidates(tuple(names), rows, scores, ranks, tuple(ranking.ceiling for ranking in rankings))
