"""Theoretical min-max: from the lowest score that a leg could give to the highest that it gave, added with weights.

Bruch, Gai, Ingber 2023, "An Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS 42(1): the lowest of the
candidates depends on how many there are, the lowest possible does not.
"""

from __future__ import annotations

import numpy as np

from memgarden.records import Floats, Ints

__all__ = ["theoretical_min_max"]

LOWEST = np.array([[0.0], [-1.0]], dtype=np.float32)  # of BM25 and of a cosine, which take turns


def theoretical_min_max(scores: Floats, ranks: Ints, weights: Floats) -> Floats:
    """`(score - lowest) / (highest - lowest)` times the leg's weight, `lowest` 0 for BM25 and -1 for cosines."""
    lowest = np.tile(LOWEST, (len(scores) // 2 + 1, 1))[: len(scores)]
    above = np.maximum(scores - lowest, 0)  # rounding can put a cosine below -1
    span = above.max(axis=1, keepdims=True)
    shares: Floats = above / np.where(span > 0, span, 1) * weights[:, None]
    return shares
