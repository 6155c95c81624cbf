"""Narrow vectors for old memories: what is lost is measured first, on the garden's own vectors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from memgarden.maintain.applying import rested
from memgarden.parts import Parts
from memgarden.records import Floats, ScopePath, utc_now
from memgarden.store.vectors import Form, narrowed, to_vector

__all__ = ["Narrowing", "narrow"]

AT_ONCE = 500  # vectors a transaction
SAMPLE = 2_000  # vectors that the loss is measured on
ASKED = 100  # of them, asked as questions
BEST = 10


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What narrow vectors save and lose, measured on a sample of those that are to be narrowed.

    `chunks` are to be narrowed, or were, if it is `applied`; `saved` bytes, about. `mean` and `worst` are cosines of a
    vector with its narrow form, `overlap` the share of the ten nearest of a vector that are the same; 1 for no sample.
    """

    form: Form
    applied: bool
    chunks: int
    saved: int
    mean: float
    worst: float
    overlap: float


def narrow(parts: Parts, prefix: ScopePath, form: Form, before: datetime, *, apply: bool) -> Narrowing:
    """Measure, and if it is to be applied make the vectors of what was said before then narrow."""
    paths = list(parts.catalogue.scopes(prefix, utc_now()))
    sample: list[Floats] = []
    count = saved = 0
    for path in paths:
        after = 0
        while True:
            numbers, vectors = parts.narrower.wide(path, before, after, AT_ONCE)
            if not numbers:
                break
            after, count = numbers[-1], count + len(numbers)
            saved += sum(vector.nbytes for vector in vectors) - len(numbers) * len(narrowed(vectors[0], form))
            sample += vectors[: SAMPLE - len(sample)]
            if apply:
                rested(lambda: parts.narrower.narrow(path, numbers, vectors, form))  # noqa: B023
    mean, worst, overlap = _loss(np.stack(sample), form) if sample else (1.0, 1.0, 1.0)
    return Narrowing(form, apply, count, saved, mean, worst, overlap)


def _loss(vectors: Floats, form: Form) -> tuple[float, float, float]:
    narrow = np.stack([to_vector(narrowed(vector, form)) for vector in vectors])
    cosines = np.einsum("ij,ij->i", vectors.astype(np.float64), narrow)
    same = [
        len(
            {*np.argsort(-(vectors @ asked), kind="stable")[:BEST]}
            & {*np.argsort(-(narrow @ asked), kind="stable")[:BEST]}
        )
        for asked in vectors[:: max(1, len(vectors) // ASKED)]
    ]
    return (
        min(1.0, float(cosines.mean())),
        min(1.0, float(cosines.min())),
        sum(same) / (len(same) * min(BEST, len(vectors))),
    )
