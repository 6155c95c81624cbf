"""An array that grows at its end without being copied each time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Growable"]


class Growable:
    """A numpy array whose first axis grows; capacity doubles, so appending costs the same however long it is."""

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self._array: npt.NDArray[Any] = np.empty(0, dtype=dtype)
        self.view = self._array
        """What was appended so far: a view, good until the next `extend`."""

    def extend(self, values: npt.NDArray[Any]) -> None:
        """Append `values`. The first are taken as they are: they are the index's from then on."""
        if not len(values):
            return  # what was taken as it is may be read-only, even for the writing of nothing
        held = len(self.view)
        needed = held + len(values)
        if not held and values.dtype == self._array.dtype:
            self._array = self.view = values  # most scopes are loaded once, and need no second copy
            return
        if needed > len(self._array):
            grown = np.empty(max(needed, 2 * len(self._array)), dtype=self._array.dtype)
            grown[:held] = self.view
            self._array = grown
        self._array[held:needed] = values
        self.view = self._array[:needed]

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return self._array.nbytes
