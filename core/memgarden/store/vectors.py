"""Vectors as bytes: float32, or narrower on request, told apart by their length.

Float32 takes four bytes a dimension, so its length is even. A narrow one has a first byte that says what it is, and a
length that is odd.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from memgarden.records import Floats

__all__ = ["VECTOR", "Form", "narrowed", "to_vector", "to_vectors"]

VECTOR = np.dtype("<f4")
HALF, BYTES, PADDED = b"\x01", b"\x02", b"\x03"
Form = Literal["float16", "int8"]


def narrowed(vector: Floats, form: Form) -> bytes:
    """A vector `(d,)` in two bytes a dimension, or in one with a scale of its own."""
    if form == "float16":
        half: bytes = vector.astype("<f2").tobytes()
        return HALF + half
    scale = max(float(np.abs(vector).max()) / 127, 1e-12)
    body: bytes = np.array([scale], dtype=VECTOR).tobytes() + np.rint(vector / scale).astype(np.int8).tobytes()
    return BYTES + body if len(body) % 2 == 0 else PADDED + body + b"\0"


def to_vector(blob: bytes) -> Floats:
    """The vector `(d,)`, L2-normalised if it was kept narrow, since rounding takes it off the sphere."""
    if len(blob) % 2 == 0:
        return np.frombuffer(blob, dtype=VECTOR)
    if blob[:1] == HALF:
        wide = np.frombuffer(blob, dtype="<f2", offset=1).astype(np.float32)
    else:
        end = len(blob) - (blob[:1] == PADDED)
        scale = np.frombuffer(blob, dtype=VECTOR, count=1, offset=1)
        wide = np.frombuffer(blob[5:end], dtype=np.int8).astype(np.float32) * scale
    normal: Floats = wide / max(float(np.linalg.norm(wide)), 1e-12)
    return normal


def to_vectors(blobs: Sequence[bytes], dimension: int) -> Floats:
    """One matrix `(n, dimension)` of vectors, a blob each."""
    joined = b"".join(blobs)
    if len(joined) == len(blobs) * dimension * VECTOR.itemsize:  # none is narrow, and nothing is to be looked at
        return np.frombuffer(joined, dtype=VECTOR).reshape(-1, dimension)
    return np.stack([to_vector(blob) for blob in blobs]).astype(VECTOR, copy=False)
