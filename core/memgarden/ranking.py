"""The best of many scores, the same way every time."""

from __future__ import annotations

import numpy as np

from memgarden.records import Floats, Ints

__all__ = ["best_rows", "standardised"]

ROUNDING = 1e-6


def best_rows(rows: Ints, scores: Floats, depth: int) -> Ints:
    """The `depth` of `rows` (ascending) with the highest `scores`, best first; ties go to the lower row."""
    if depth <= 0:
        return rows[:0]
    if len(rows) > depth:
        # From the low end: with many ties numpy is up to 18 times as slow from the high one.
        least = -np.partition(-scores, depth - 1)[depth - 1]
        kept = (scores >= least).nonzero()[0]
        if len(kept) > depth:  # several tie for the last place: the lowest rows among them have it
            ties = (scores[kept] == least).nonzero()[0]
            kept = np.delete(kept, ties[depth - len(kept) :])
        rows, scores = rows[kept], scores[kept]
    return rows[(-scores).argsort(kind="stable")]


def standardised(scores: Floats) -> Floats:
    """Scores `(n,)` less their mean, by their standard deviation; zeros where they agree to rounding."""
    shares = scores - scores.mean()
    spread = float(np.sqrt(np.vecdot(shares, shares) / len(scores)))
    # Dividing by a spread that is rounding would make noise a signal.
    meant = spread > ROUNDING * float(np.abs(scores).max())
    return shares / np.float32(spread) if meant else np.zeros_like(shares)
