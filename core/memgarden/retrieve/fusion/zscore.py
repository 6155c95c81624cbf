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
    centred = scores - scores.mean(axis=1, keepdims=True)
    spread = np.sqrt(np.einsum("ij,ij->i", centred, centred) / scores.shape[1])
    # Scores that agree to rounding have a spread that is rounding too: dividing by it would make noise a signal.
    silent = spread <= 1e-6 * np.abs(scores).max(axis=1, initial=0)
    factors: Floats = (np.where(silent, 0, weights) / np.where(silent, 1, spread)).astype(np.float32)
    shares: Floats = centred * factors[:, None]
    return shares
