"""What the tests of moving share: texts, and a garden as it is, but for when it was stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import chromadb
import pytest

from memgarden import Garden, Memory
from memgarden.vector.client import connect, disconnect

LONG = "\n".join(f"  The {n}th harbour has {n * 7} boats and a crane. \n" for n in range(200)) + "\n\n  "


def everything(garden: Garden) -> dict[tuple[str, ...], list[Memory]]:
    """All memories by scope."""
    return {
        path: [replace(memory, stored_at=None) for memory in garden.scope(*path).list(order="id", limit=10_000)]
        for path in garden.scopes()
    }


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Any]:
    """A Chroma in a folder of its own."""
    opened: chromadb.api.ClientAPI = connect(tmp_path / "chroma")
    yield opened
    disconnect(opened)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Garden]:
    """Another empty garden, of the same embedder."""
    with Garden.open(tmp_path / "other", embedder="hashing:64", chroma=None) as opened:
        yield opened
