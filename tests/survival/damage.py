"""Damage to Chroma's files, and what `health()` says of it."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from memgarden import Garden

__all__ = ["garbage", "problems"]


def garbage(file: Path) -> None:
    """Other bytes in the file's place, as many as there were."""
    file.write_bytes(np.random.default_rng(0).bytes(file.stat().st_size))


def problems(garden: Garden) -> list[str]:
    """What `health` says once it knows of something."""
    end = time.monotonic() + 60
    while (health := garden.health(deep=True)).ok:
        assert time.monotonic() < end, "health() knows nothing of it"
    return health.problems
