"""Relevance, recency and importance together, as agents that live for long weigh what they remember.

Park et al. 2023, "Generative Agents: Interactive Simulacra of Human Behavior", UIST, arXiv:2304.03442.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memgarden.errors import InvalidSetting
from memgarden.protocols import Reranker, RerankerTools, Shortlist
from memgarden.ranking import standardised, unit_range
from memgarden.records import Floats, Importance

__all__ = ["Boosted", "Published", "make"]

DAY = 86_400
HALF_LIFE = 30.0
"""Days: a memory of last month counts half of one of today. Between 7 and 365 it makes no difference to the sets."""

RECENCY = 0.1
IMPORTANCE = 0.1
PUBLISHED_WEIGHTS = (0.7, 0.2, 0.1)
PUBLISHED_HALF_LIFE = 5.76
"""Days: .995 an hour, as published."""

NOTHING = 1e-3
"""Of recency. Memories that were stored in one go differ by seconds, which must not become a difference."""


class Boosted:
    """The standard score of relevance, and small boosts for what is recent and what is important.

    Boosts are in standard deviations of the shortlist's relevance: they decide between hits that are about equally
    relevant and nothing else. `recency` goes to what was said now, half of it to what was said `half_life` days ago;
    `importance` to what is critical, none of it to what is low.
    """

    def __init__(
        self, *, recency: float = RECENCY, importance: float = IMPORTANCE, half_life: float = HALF_LIFE
    ) -> None:
        _check(half_life, recency, importance)
        self._recency = recency
        self._importance = importance
        self._half_life = half_life

    def __call__(self, shortlist: Shortlist) -> Floats:
        """`(n,)`."""
        scores = standardised(_relevance(shortlist))
        scores += self._recency * _recency(shortlist, self._half_life)
        scores += self._importance * _importance(shortlist)
        return scores


class Published:
    """A weighted sum of relevance, recency and importance, each brought to 0..1 over the shortlist, as published.

    Where one of them is the same for all hits, or nearly so, it says nothing. On long chats this costs relevance: what
    is asked is seldom what is recent.
    """

    def __init__(self, weights: Sequence[float] = PUBLISHED_WEIGHTS, *, half_life: float = PUBLISHED_HALF_LIFE) -> None:
        """`weights` of relevance, recency and importance."""
        if len(weights) != 3:
            raise InvalidSetting(f"weights are of relevance, recency and importance, not {weights!r}")
        _check(half_life, *weights)
        self._weights = tuple(weights)
        self._half_life = half_life

    def __call__(self, shortlist: Shortlist) -> Floats:
        """`(n,)`."""
        relevance, recency, importance = self._weights
        scores = relevance * unit_range(_relevance(shortlist))
        scores += recency * unit_range(_recency(shortlist, self._half_life), least=NOTHING)
        scores += importance * unit_range(_importance(shortlist))
        return scores


def _relevance(shortlist: Shortlist) -> Floats:
    return np.array([hit.score for hit in shortlist.hits], np.float32)


def _recency(shortlist: Shortlist, half_life: float) -> Floats:
    """`(n,)` from 1 for now, and for what is dated ahead, towards 0."""
    ages = [(shortlist.now - hit.memory.created_at).total_seconds() / DAY for hit in shortlist.hits]
    return np.exp2(-np.maximum(ages, 0) / half_life).astype(np.float32)


def _importance(shortlist: Shortlist) -> Floats:
    """`(n,)` from 0 for low to 1 for critical."""
    span = Importance.CRITICAL - Importance.LOW
    return np.array([(hit.memory.importance - Importance.LOW) / span for hit in shortlist.hits], np.float32)


def _check(half_life: float, *weights: float) -> None:
    if not half_life > 0 or not all(weight >= 0 for weight in weights):
        raise InvalidSetting(f"half_life is above 0 days and weights are 0 or more, not {half_life} and {weights}")


def make(argument: str, tools: RerankerTools) -> Reranker:
    """`memory` for small boosts, `memory:published` for the weighted sum of the paper."""
    if argument not in ("", "published"):
        raise InvalidSetting(f"write 'memory' or 'memory:published', not 'memory:{argument}'")
    return Published() if argument else Boosted()
