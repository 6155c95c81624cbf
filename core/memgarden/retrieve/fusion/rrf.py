"""Reciprocal rank fusion. Cormack, Clarke, Büttcher 2009, "Reciprocal Rank Fusion outperforms Condorcet", SIGIR."""

from __future__ import annotations

import numpy as np

from memgarden.records import Floats, Ints

__all__ = ["reciprocal_rank"]

K = 60  # the paper's constant; it is flat between 20 and 100


def reciprocal_rank(scores: Floats, ranks: Ints, weights: Floats) -> Floats:
    """`weight / (60 + rank)` for each leg whose list holds the candidate, 0 for the others."""
    shares = np.where(ranks > 0, weights[:, None] / (K + ranks), 0)
    return shares.astype(np.float32)
