"""How a test waits for what happens in the background."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["eventually"]


def eventually(holds: Callable[[], object], seconds: float = 15.0) -> None:
    """Return as soon as `holds` does; an `AssertionError` if it does not within these seconds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)
