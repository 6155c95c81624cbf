"""Standard scores, added with weights.

The default: on the sets that the project measures it is on the plateau with max-normalised and theoretical-min-max
fusion, and above reciprocal rank fusion on every one (`python -m benchmarks.fusions`). Bruch, Gai, Ingber 2023, "An
Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS 42(1).
"""

from __future__ import annotations

import numpy as np

from memgarden.ranking import ROUNDING
from memgarden.records import Floats, Ints

__all__ = ["zscore"]


def zscore(scores: Floats, ranks: Ints, weights: Floats) -> Floats:
    """Each leg's scores less their mean over the candidates, by their standard deviation, times its weight.

    A leg that scores all candidates alike says nothing and gets zeros.
    """
    shares: Floats = scores - np.add.reduce(scores, axis=1, keepdims=True) / scores.shape[1]
    count = scores.shape[1]
    spreads = np.sqrt(np.vecdot(shares, shares) / count).tolist()
    sizes = (np.vecdot(scores, scores) / count).tolist()
    for share, spread, size, weight in zip(shares, spreads, sizes, weights.tolist(), strict=True):
        # Scores that agree to rounding have a spread that is rounding too: dividing by it would make noise a signal.
        share *= 0 if spread**2 <= ROUNDING**2 * size else weight / spread
    return shares
