"""A stand-in for a model: deterministic, instant, and near for texts that share words. It ships for tests."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from memgarden.errors import InvalidSetting
from memgarden.records import Floats

__all__ = ["HashingEmbedder"]

WINDOW = 256
"""Words that are read: as short as a real model's window, so that chunking has something to do."""

WORD = re.compile(r"\w+")
TRIGRAM_WEIGHT = 0.3
"""What a word's letter trigrams weigh beside the word itself: `garden` and `gardens` are near, not equal."""


class HashingEmbedder:
    """Signed feature hashing of words and their trigrams (Weinberger et al. 2009, arXiv:0902.2206).

    The same text gives the same vector in every process and on every machine.
    """

    def __init__(self, dimension: int = 384) -> None:
        if dimension < 1:
            raise InvalidSetting(f"dimension is 1 or more, not {dimension}")
        self._dimension = dimension

    @property
    def name(self) -> str:
        """`hashing-384`, with the dimension in place of 384."""
        return f"hashing-{self._dimension}"

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self._dimension

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Floats:
        """Vectors `(len(texts), dimension)`, float32, L2-normalised; queries are treated as any other text."""
        vectors = np.zeros((len(texts), self._dimension), np.float32)
        for row, text in enumerate(texts):
            found = [_features(word) for word in _words(text)[:WINDOW]]
            columns = np.concatenate([hashes for hashes, _ in found]) % np.uint64(self._dimension)
            weights = np.concatenate([weights for _, weights in found])
            vector = np.bincount(columns.astype(np.intp), weights, self._dimension)
            length = float(np.sqrt(vector @ vector))
            if length > 0:
                vectors[row] = vector / length
            else:  # every feature met its opposite, which takes a tiny dimension
                vectors[row, 0] = 1.0
        return vectors

    def window(self) -> tuple[int, Callable[[str], int]]:
        """256, and the function that counts words."""
        return WINDOW, _count


def _words(text: str) -> list[str]:
    folded = text.casefold()
    # A text without a word (emoji, punctuation, nothing) still needs a vector, and its own if it can be had.
    return WORD.findall(folded) or folded.split() or [""]


def _count(text: str) -> int:
    return len(_words(text)) if text.strip() else 0


# Bounded: a word's features are some 400 bytes.
@lru_cache(maxsize=65_536)
def _features(word: str) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.float64]]:
    """A word's features: their hashes and their signed weights, the word first."""
    edged = f"<{word}>"
    names = [word, *(f"#{edged[start : start + 3]}" for start in range(len(edged) - 2))]
    hashes = np.array([_hash(name) for name in names], np.uint64)
    weights = np.full(len(names), TRIGRAM_WEIGHT)
    weights[0] = 1.0
    # The sign takes the top bit and the column the rest, so that the two are independent.
    return hashes & np.uint64((1 << 63) - 1), np.where(hashes >> np.uint64(63), -weights, weights)


def _hash(feature: str) -> int:
    # Python's own hash differs from process to process. Surrogates pass: a str may hold them.
    return int.from_bytes(blake2b(feature.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
