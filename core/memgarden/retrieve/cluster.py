"""Score regularization: among the best candidates, what resembles other good ones rises.

What is close to the relevant tends to be relevant too: van Rijsbergen's cluster hypothesis. Fernando Diaz 2005,
"Regularizing Ad Hoc Retrieval Scores", CIKM; here in one step, with all of the best as each other's neighbours.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from memgarden.records import Floats, Ints

__all__ = ["regularised"]

BEST = 20  # with 10 half of the gain is lost, with 50 little is added
ALONE = 1.0  # what no resemblance weighs beside the resemblances: a row that is like nothing gets next to nothing


def regularised(
    rows: Ints, scores: Floats, memories: Ints, vectors_of: Callable[[Ints], Floats], weight: float
) -> tuple[Floats, Floats]:
    """How good what resembles each candidate is, `(n,)` in the scores' unit, and what that adds to its score, `(n,)`.

    `scores` `(n,)` are the fused ones of `rows`, `memories` the memories that the rows belong to: chunks of one memory
    are no witnesses for each other. 0 for all but the 20 best, and for a row that resembles none of them.
    """
    seen = np.zeros(len(rows), dtype=np.float32)
    best = (-scores).argsort(kind="stable")[:BEST]
    memory = memories[best]
    vectors = vectors_of(rows[best])
    near = np.maximum(vectors @ vectors.T, 0)
    near *= near
    near *= near  # to the fourth power, or the many that are hardly alike would outweigh the few that are
    near[memory[:, np.newaxis] == memory] = 0
    above = scores[best] - np.add.reduce(scores) / len(scores)
    seen[best] = near @ above / (np.add.reduce(near, axis=1) + ALONE)
    return seen, weight * seen
