"""Maximal marginal relevance: what says the same as a better hit goes down.

Carbonell, Goldstein 1998, "The Use of MMR, Diversity-Based Reranking for Reordering Documents and Producing Summaries",
SIGIR.
"""

from __future__ import annotations

import numpy as np

from memgarden.errors import InvalidSetting
from memgarden.protocols import Reranker, RerankerTools, Shortlist
from memgarden.ranking import unit_range
from memgarden.records import Floats

__all__ = ["MaximalMarginalRelevance", "make"]

BALANCE = 0.7
"""Variety has its price: see `lambda_` in the class."""


class MaximalMarginalRelevance:
    """Takes hits one by one, each the best of `lambda_ * relevance - (1 - lambda_) * likeness to those taken`.

    Relevance is the hit's score, brought to 0..1 over the shortlist; likeness is the cosine to the most similar hit
    taken, 0 at least. `lambda_` 1 keeps the order and 0 looks at variety alone.
    """

    def __init__(self, lambda_: float = BALANCE) -> None:
        if not 0 <= lambda_ <= 1:
            raise InvalidSetting(f"lambda, the weight of relevance in mmr, is from 0 to 1, not {lambda_}")
        self._lambda = np.float32(lambda_)

    def __call__(self, shortlist: Shortlist) -> Floats:
        """What each hit was worth `(n,)` when it was taken: never more than the one before."""
        relevance = self._lambda * unit_range(np.array([hit.score for hit in shortlist.hits], np.float32))
        vectors = shortlist.vectors()
        worth = np.empty_like(relevance)
        nearest = np.zeros_like(relevance)
        for _ in range(len(worth)):
            value = relevance - nearest
            taken = int(value.argmax())
            worth[taken] = value[taken]
            relevance[taken] = -np.inf
            likeness = np.vecdot(vectors, vectors[taken])  # one by one: a table of thousands squared is too large
            np.maximum(nearest, (1 - self._lambda) * likeness, out=nearest)
        return worth


def make(argument: str, tools: RerankerTools) -> Reranker:
    """`mmr`, or `mmr:0.5` with the weight of relevance."""
    try:
        return MaximalMarginalRelevance(float(argument) if argument else BALANCE)
    except ValueError as error:
        raise InvalidSetting(f"write the weight of relevance, from 0 to 1, as in 'mmr:0.5': {error}") from error
