"""What a query costs beside the plain hybrid one: `python -m benchmarks.profiles`.

The same texts and vectors as documents and as the turns of a chat, asked in turn, so that a noisy minute hits both; the
plain query with `maxsim` over states that are cached; and questions that the default model embeds first. Medians.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.speed import DIMENSION, texts, unit_vectors, words

SIZES = (1_000, 10_000)
ASKED = 300
START = datetime(2024, 1, 1, tzinfo=UTC)
SESSION = 25  # turns


def turn(number: int, text: str) -> dict[str, Any]:
    """A memory that is a turn: two speakers in sessions of 25 turns."""
    metadata = {"speaker": ("Ann", "Bob")[number % 2], "session_id": f"s{number // SESSION}"}
    return {"text": text, "metadata": metadata, "created_at": START + timedelta(minutes=number)}


def medians(kinds: dict[str, Callable[[int], object]]) -> dict[str, float]:
    """Milliseconds by kind, asked in turn."""
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    for number in range(ASKED + 20):
        for name, ask in kinds.items():
            start = time.perf_counter()
            ask(number)
            taken[name].append(time.perf_counter() - start)
    return {name: round(statistics.median(own[20:]) * 1000, 3) for name, own in taken.items()}


def measure() -> dict[str, Any]:
    """By the number of memories in the scope."""
    from memgarden import Garden

    vocabulary = words()
    queries = [" ".join(text.split()[:6]) for text in texts(vocabulary, 64, 1_000_001)]
    asked = unit_vectors(64, 1_000_001)
    result: dict[str, Any] = {}
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder, Garden.open(folder, chroma=None) as garden:
            name = garden.embedder.name
            given = {"vectors": unit_vectors(size, 1), "embedder": name}
            content = texts(vocabulary, size, 1)
            documents, chat = garden.scope("documents"), garden.scope("chat")
            documents.add_many(content, **given)
            chat.add_many([turn(number, text) for number, text in enumerate(content)], **given)

            def search(scope: Any, number: int, name: str = name, **options: Any) -> object:
                at = number % 64
                return scope.search(queries[at], k=10, vector=asked[at], embedder=name, **options)

            for number in range(64):  # so that the states are cached
                search(documents, number, reranker="maxsim")
            figures = medians(
                {
                    "plain": lambda number, search=search, scope=documents: search(scope, number),
                    "conversation": lambda number, search=search, scope=chat: search(scope, number),
                    "maxsim": lambda number, search=search, scope=documents: search(scope, number, reranker="maxsim"),
                    "embedded": lambda number, scope=documents: scope.search(f"{queries[number % 64]} {number}?", k=10),
                }
            )
            figures["conversation_over_plain"] = round(figures["conversation"] / figures["plain"], 2)
            result[f"{size} memories"] = figures
    return {"dimension": DIMENSION, "p50_ms": result}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
