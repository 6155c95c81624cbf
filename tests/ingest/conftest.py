"""Conversations, and an embedder that counts and fails when it is told to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from memgarden.embed.hashing import HashingEmbedder


def talk(scope: str | list[str], session: str, turns: int, *, first: int = 0, **more: Any) -> dict[str, Any]:
    """A conversation whose messages have neither ids nor times."""
    said = [{"role": "user", "content": f"{session} says {n} of {scope}"} for n in range(first, first + turns)]
    return {"scope": scope, "session_id": session, "messages": said, **more}


class Counting:
    """The hashing embedder; `fail` is asked about the texts of each call, and may raise."""

    def __init__(self) -> None:
        self._inner = HashingEmbedder(64)
        self.texts: list[str] = []
        self.calls = 0
        self.fail: Callable[[Sequence[str]], object] = lambda texts: None

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def dimension(self) -> int:
        return self._inner.dimension

    def window(self) -> tuple[int, Callable[[str], int]]:
        return self._inner.window()

    def embed(self, texts: Sequence[str], *, query: bool = False) -> np.ndarray:
        self.calls += 1
        self.fail(texts)
        self.texts += texts
        return self._inner.embed(texts, query=query)


@pytest.fixture
def counting() -> Counting:
    return Counting()
