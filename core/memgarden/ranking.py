"""The best of many scores, the same way every time."""

from __future__ import annotations

import numpy as np

from memgarden.records import Floats, Ints

__all__ = ["best_rows"]


def best_rows(rows: Ints, scores: Floats, depth: int) -> Ints:
    """The `depth` of `rows` (ascending) with the highest `scores`, best first; ties go to the lower row."""
    if len(rows) > depth:
        # Partition alone picks any of those that tie for the last place: take what is above it, then the lowest ties.
        # From the low end: with many ties numpy is up to 18 times as slow from the high one.
        least = -np.partition(-scores, depth - 1)[depth - 1]
        above = np.flatnonzero(scores > least)
        ties = np.flatnonzero(scores == least)[: depth - len(above)]
        kept = np.concatenate([above, ties])
        kept.sort()
        rows, scores = rows[kept], scores[kept]
    return rows[np.argsort(-scores, kind="stable")]
