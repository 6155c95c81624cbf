"""A garden with small limits, whose scopes become large quickly, and vectors in clusters as those of texts are."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from memgarden import Garden
from memgarden.records import Floats

DIMENSION = 64
LIMIT = 200
NAME = f"hashing-{DIMENSION}"


def vectors(count: int, seed: int = 0) -> Floats:
    """`(count, 64)` around 20 centres that are always the same."""
    centres = np.random.default_rng(99).normal(size=(20, DIMENSION))
    rng = np.random.default_rng(seed)
    found = centres[rng.integers(0, 20, count)] + rng.normal(size=(count, DIMENSION))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def fill(garden: Garden, scope: str, count: int, seed: int = 0) -> Floats:
    """Memories `0`, `1`, ... with their number as metadata; returns their vectors."""
    given = vectors(count, seed)
    items = [{"text": f"{scope} note {n}", "id": str(n), "metadata": {"n": n}} for n in range(count)]
    garden.scope(scope).add_many(items, vectors=given, embedder=NAME)
    return given


def near(garden: Garden, scope: str, vector: Floats, k: int = 10, **options: object) -> list[str]:
    """The ids of what a search by vector alone finds."""
    found = garden.scope(scope).search("x", mode="dense", vector=vector, embedder=NAME, k=k, **options)  # type: ignore[arg-type]
    return [hit.id for hit in found]


def settled(garden: Garden, **how: str) -> None:
    """Wait until the large scopes are these, searched in these ways, and nothing waits."""
    wanted = {(scope,): way for scope, way in how.items()}
    end = time.monotonic() + 40
    while (health := garden.health()).large != wanted or health.outbox:
        assert time.monotonic() < end, f"large: {health.large}, {health.outbox} wait, {health.problems}"
        time.sleep(0.05)


@pytest.fixture
def open_large(open_garden: Callable[..., Garden]) -> Callable[..., Garden]:
    """Opens the test's garden with its Chroma and a limit of 200 chunks."""
    return lambda **changes: open_garden(**({"chroma": "auto", "exact_limit": LIMIT} | changes))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The garden's folder."""
    return tmp_path / "garden"
