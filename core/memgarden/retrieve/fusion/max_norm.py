"""Scores as parts of the leg's highest, added with weights.

A score keeps its distance from 0, which is what BM25 gives a text without a word of the query.
"""

from __future__ import annotations

import numpy as np

from memgarden.records import Floats, Ints

__all__ = ["max_norm"]


def max_norm(scores: Floats, ranks: Ints, weights: Floats) -> Floats:
    """Each leg's scores by the highest of the candidates', times the leg's weight.

    The highest in size, where all or the largest are below 0: no share is larger than the weight.
    """
    highest = np.maximum(np.abs(scores).max(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    shares: Floats = scores / highest * weights[:, None]
    return shares
