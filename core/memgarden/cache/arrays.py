"""Arrays that are dear to make and small enough to keep for a while."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Any

import numpy.typing as npt

from memgarden.errors import InvalidSetting

__all__ = ["BoundedArrays"]

ENTRY_BYTES = 300  # what an entry takes beside its array and the strings of its key, roughly


class BoundedArrays:
    """At most `budget` bytes of arrays by key, least recently used out first; safe for threads."""

    def __init__(self, budget: int) -> None:
        if budget < 0:
            raise InvalidSetting(f"the budget of a cache is 0 bytes or more, not {budget}")
        self._budget = budget
        self._entries: OrderedDict[Hashable, tuple[npt.NDArray[Any], int]] = OrderedDict()
        self._nbytes = 0
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return self._nbytes

    def load(self, keys: Sequence[Hashable]) -> list[npt.NDArray[Any] | None]:
        """The array of each key, None where there is none."""
        found: list[npt.NDArray[Any] | None] = []
        with self._lock:
            for key in keys:
                entry = self._entries.get(key)
                if entry is not None:
                    self._entries.move_to_end(key)
                found.append(None if entry is None else entry[0])
        return found

    def save(self, keys: Sequence[Hashable], arrays: Sequence[npt.NDArray[Any]]) -> None:
        """Keep `arrays[i]` for `keys[i]`; they are the cache's from then on."""
        with self._lock:
            for key, array in zip(keys, arrays, strict=True):
                _, before = self._entries.pop(key, (None, 0))
                size = array.nbytes + _size(key)
                self._entries[key] = array, size
                self._nbytes += size - before
            while self._nbytes > self._budget:
                _, (_, size) = self._entries.popitem(last=False)
                self._nbytes -= size


def _size(key: Hashable) -> int:
    return ENTRY_BYTES + sum(sys.getsizeof(part) for part in key) if isinstance(key, tuple) else ENTRY_BYTES
