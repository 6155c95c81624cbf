"""The best of many scores, the same way every time."""

from __future__ import annotations

import numpy as np

from memgarden.records import Floats, Ints

__all__ = ["ROUNDING", "best_rows", "standardised", "unit_range"]

ROUNDING = 1e-6


def best_rows(rows: Ints, scores: Floats, depth: int) -> Ints:
    """The `depth` of `rows` (ascending) with the highest `scores`, best first; ties go to the lower row."""
    if depth <= 0:
        return rows[:0]
    falling = -scores
    if len(rows) > depth:
        # From the low end: with many ties numpy is up to 18 times as slow from the high one.
        parted = falling.copy()
        parted.partition(depth - 1)
        least = parted[depth - 1]
        kept = (falling <= least).nonzero()[0]
        if len(kept) > depth:  # several tie for the last place: the lowest rows among them have it
            ties = (falling[kept] == least).nonzero()[0]
            kept = np.delete(kept, ties[depth - len(kept) :])
        rows, falling = rows[kept], falling[kept]
    return rows[falling.argsort(kind="stable")]


def standardised(scores: Floats) -> Floats:
    """Scores `(n,)` less their mean, by their standard deviation; zeros where they agree to rounding."""
    wide = scores.astype(np.float64)  # in which no square of a float32 is too large
    shares = wide - wide.mean()
    spread = float(np.sqrt(np.vecdot(shares, shares) / len(shares)))
    # Dividing by a spread that is rounding would make noise a signal.
    meant = spread > ROUNDING * float(np.abs(wide).max())
    found: Floats = (shares / spread if meant else np.zeros_like(shares)).astype(np.float32)
    return found


def unit_range(scores: Floats, least: float = 0.0) -> Floats:
    """Scores `(n,)` brought to 0..1; zeros where they agree to rounding, or are `least` apart or less."""
    wide = scores.astype(np.float64)
    low = float(wide.min())
    span = float(wide.max()) - low
    meant = span > max(least, ROUNDING * float(np.abs(wide).max()))
    found: Floats = ((wide - low) / span if meant else np.zeros_like(wide)).astype(np.float32)
    return found
