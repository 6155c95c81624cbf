"""How likely it is that a hit is relevant, by a scale that is the same for every query.

A logistic curve over two measures that mean the same whatever is asked: the cosine, and how much of what BM25 could
give for the query the hit was given. It was fitted to the ten best hits of each query of three sets (questions to
paragraphs, to the turns of chats, to abstracts) beside those of the same queries asked of a collection that holds
no answer, all sets counting alike.

The cosines are those of all-MiniLM-L6-v2. Another model has cosines of its own: order and comparison hold, and what
figure to ask for is to be learned from one's own questions.
"""

from __future__ import annotations

import math

__all__ = ["relevance"]

BOTH = (-5.8, 5.2, 6.4)
COSINE = (-5.9, 8.5)
COVERAGE = (-4.4, 10.6)


def relevance(cosine: float | None, coverage: float | None) -> float:
    """From 0 to 1. `coverage` is BM25's score by the most it could be; None for a leg that was not asked."""
    if cosine is None or coverage is None:
        base, weight = COSINE if coverage is None else COVERAGE
        odds = base + weight * (cosine if coverage is None else coverage)  # type: ignore[operator]  # one is given
    else:
        odds = BOTH[0] + BOTH[1] * cosine + BOTH[2] * coverage
    return 1 / (1 + math.exp(-odds))
