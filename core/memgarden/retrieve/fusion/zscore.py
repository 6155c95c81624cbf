"""Standard scores, added with weights.

The default: on the sets that the project measures it is on the plateau with max-normalised and theoretical-min-max
fusion, and above reciprocal rank fusion on every one. Bruch, Gai, Ingber 2023, "An Analysis of Fusion Functions for
Hybrid Retrieval", ACM TOIS 42(1).
"""

from __future__ import annotations

import numpy as np

from memgarden.records import Floats, Ints

__all__ = ["zscore"]


def zscore(scores: Floats, ranks: Ints, weights: Floats) -> Floats:
    """Each leg's scores less their mean over the candidates, by their standard deviation, times its weight.

    A leg that scores all candidates alike says nothing and gets zeros.
    """
    shares: Floats = scores - np.add.reduce(scores, axis=1, keepdims=True) / scores.shape[1]
    spreads = np.sqrt(np.vecdot(shares, shares) / scores.shape[1]).tolist()
    for share, spread, weight, own in zip(shares, spreads, weights.tolist(), scores, strict=True):
        # Scores that agree to rounding have a spread that is rounding too: dividing by it would make noise a signal.
        share *= 0 if spread <= 1e-6 * max(own.max(), -own.min()) else weight / spread
    return shares
