"""All pairs of vectors that lie close to each other, exactly, without their full matrix.

Two unit vectors of cosine c are the square root of 2 - 2c apart, and no projection onto orthonormal axes takes them
further apart. So pairs are told from the few axes along which the vectors differ most (principal components, Pearson
1901), sorted by the first, and only what stays close there is compared whole. Nothing is missed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from memgarden.records import Floats, Ints

__all__ = ["Pairs", "near_pairs"]

AXES = 32
ROWS, COLUMNS = 512, 2048  # of a block: 4 MB, which stay in the processor's cache
SAMPLE = 10_000  # vectors that the axes are found from
ROUNDING = 1e-4  # what float32 may be off in the sum of a few hundred products
DENSE = 0.02  # share of a block's pairs from which it is cheaper to compare all of it whole
COMPARED = 50_000  # pairs that are compared whole at a time: 150 MB

Pairs = tuple[Ints, Ints, Floats]
"""Rows `a` and `b`, `(p,)` each, with `a` before `b`, and their cosines `(p,)`."""


def near_pairs(vectors: Floats, floor: float) -> Iterator[Pairs]:
    """Every two rows of `vectors` `(n, d)`, L2-normalised, whose cosine is `floor` or more, block by block."""
    if len(vectors) < 2:
        return
    reach = float(np.sqrt(max(0.0, 2 - 2 * floor))) + ROUNDING
    axes = _axes(vectors)
    places = vectors @ axes
    order = np.argsort(places[:, 0], kind="stable")
    places, first = places[order], places[order, 0]
    # |x - y|^2 / 2 = |x|^2 / 2 + |y|^2 / 2 - xy: as one product, with the halves as one more axis for each side.
    half = (places**2).sum(axis=1, keepdims=True) / 2
    one = np.ones_like(half)
    left = np.hstack([places, -half, one])
    right = np.ascontiguousarray(np.hstack([places, one, -half]))
    least = -(reach**2) / 2
    for start in range(0, len(order), ROWS):
        end = min(start + ROWS, len(order))
        last = int(np.searchsorted(first, first[end - 1] + reach, side="right"))
        for begin in range(start, last, COLUMNS):
            stop = min(begin + COLUMNS, last)
            close = left[start:end] @ right[begin:stop].T >= least
            if begin < end:  # each pair once, and no vector with itself
                close &= np.arange(begin, stop) > np.arange(start, end)[:, np.newaxis]
            found = np.count_nonzero(close)
            if not found:
                continue
            rows, columns = order[start:end], order[begin:stop]
            if found > DENSE * close.size:
                close &= vectors[rows] @ vectors[columns].T >= floor - ROUNDING
            at, to = np.nonzero(close)
            yield from _compared(vectors, rows[at], columns[to], floor)


def _compared(vectors: Floats, a: Ints, b: Ints, floor: float) -> Iterator[Pairs]:
    for start in range(0, len(a), COMPARED):
        one, other = a[start : start + COMPARED], b[start : start + COMPARED]
        cosines = np.einsum("ij,ij->i", vectors[one], vectors[other])
        kept = cosines >= floor
        if kept.any():
            one, other = one[kept], other[kept]
            yield np.minimum(one, other), np.maximum(one, other), cosines[kept]


def _axes(vectors: Floats) -> Floats:
    """The orthonormal axes `(d, a)` along which the vectors differ most, that first along which they do most."""
    step = max(1, len(vectors) // SAMPLE)
    some = vectors[::step]
    centred = some - some.mean(axis=0)
    _, found = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    axes: npt.NDArray[np.float32] = found[:, ::-1][:, :AXES].astype(np.float32)
    return np.ascontiguousarray(axes)
