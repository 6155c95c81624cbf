"""Standard scores, added with weights.

The default: on the sets that the project measures it is on the plateau with max-normalised and theoretical-min-max
fusion, and above reciprocal rank fusion on every one (`python -m benchmarks.fusions`). Bruch, Gai, Ingber 2023, "An
Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS 42(1).
"""

from __future__ import annotations

import math

import numpy as np

from memgarden.ranking import ROUNDING
from memgarden.records import Floats, Ints

__all__ = ["zscore"]


def zscore(scores: Floats, ranks: Ints, weights: Floats) -> Floats:
    """Each leg's scores less their mean over the candidates, by their standard deviation, times its weight.

    A leg that scores all candidates alike says nothing and gets zeros.
    """
    count = scores.shape[1]
    wide = scores.astype(np.float64)  # in which squares can be subtracted
    means = [total / count for total in np.add.reduce(wide, axis=1).tolist()]
    squares = [total / count for total in np.vecdot(wide, wide).tolist()]
    for own, mean, square, weight in zip(wide, means, squares, weights.tolist(), strict=True):
        variance = square - mean**2
        own -= mean
        # Scores that agree to rounding have a spread that is rounding too: dividing by it would make noise a signal.
        own *= weight / math.sqrt(variance) if variance > ROUNDING**2 * square else 0
    return wide.astype(np.float32)
