"""Score regularization: among the best candidates, what resembles other good ones rises.

What is close to the relevant tends to be relevant too: van Rijsbergen's cluster hypothesis. Fernando Diaz 2005,
"Regularizing Ad Hoc Retrieval Scores", CIKM; here in one step, with all of the best as each other's neighbours.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from memgarden.records import Floats, Ints

__all__ = ["resembled"]

BEST = 20  # twice what is shown by default: a resemblance to what nobody gets to see says little


def resembled(
    rows: Ints, scores: Floats, memory_of: Ints | None, vectors_of: Callable[[Ints], Floats]
) -> tuple[Ints, Floats]:
    """The places of the 20 best of `rows`, and how good what resembles each of these is, in the scores' unit.

    That is the mean of the others' `scores` (the fused ones of `rows`, above their own mean), weighted by the fourth
    power of the cosine: or the many that are hardly alike would outweigh the few that are. 0 weighs 1 in it, as if a
    row were its own witness and had nothing to say; so what resembles nothing gets next to nothing. Chunks of one
    memory (`memory_of` a row of the index; None where each has but one) are no witnesses for each other.
    """
    best = (-scores).argsort(kind="stable")[:BEST]
    found = rows[best]
    vectors = vectors_of(found)
    # Of a copy: for a matrix by its own transpose BLAS takes another way, which for so few rows is half as fast.
    near = np.maximum(vectors @ vectors.copy().T, 0)
    near *= near
    near *= near
    if memory_of is not None:
        memories = memory_of[found]
        near[memories[:, np.newaxis] == memories] = 0
    near.ravel()[:: len(near) + 1] = 1
    above = scores[best] - np.add.reduce(scores) / len(scores)
    return best, (near @ above - above) / np.add.reduce(near, axis=1)
