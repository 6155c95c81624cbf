"""A weighted sum of scores that are brought to 0..1 by the candidates' own lowest and highest."""

from __future__ import annotations

import numpy as np

from memgarden.records import Floats, Ints

__all__ = ["weighted"]


def weighted(scores: Floats, ranks: Ints, weights: Floats) -> Floats:
    """Min-max normalised scores times the leg's weight; a leg that scores all alike gets zeros."""
    low = scores.min(axis=1, keepdims=True)
    span = scores.max(axis=1, keepdims=True) - low
    shares: Floats = (scores - low) / np.where(span > 0, span, 1) * weights[:, None]
    return shares
