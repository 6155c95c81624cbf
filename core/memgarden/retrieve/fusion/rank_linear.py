"""A linear combination of the legs' rank similarities.

Lee 1997, "Analyses of Multiple Evidence Combination", SIGIR, scores a document by its place in a list of `n` as
`1 - (rank - 1) / n`; the weights are those of Vogt, Cottrell 1999, "Fusion Via a Linear Combination of Scores",
Information Retrieval 1(3).
"""

from __future__ import annotations

import numpy as np

from memgarden.records import Floats, Ints

__all__ = ["rank_linear"]


def rank_linear(scores: Floats, ranks: Ints, weights: Floats) -> Floats:
    """`weight * (1 - (rank - 1) / n)` for each leg whose list of `n` holds the candidate, 0 for the others."""
    sizes = np.maximum(ranks.max(axis=1, keepdims=True), 1)
    shares = np.where(ranks > 0, weights[:, None] * (1 - (ranks - 1) / sizes), 0)
    return shares.astype(np.float32)
