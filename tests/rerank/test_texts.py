"""Texts from anywhere are reranked as hits are, and nothing is stored."""

from __future__ import annotations

import numpy as np
import pytest

from memgarden import Garden, InvalidQuery, Memory, RerankerFailed, Shortlist


def test_a_callable_orders_texts(garden: Garden) -> None:
    """Places are those of the texts given; equal scores keep their order."""

    def longest(shortlist: Shortlist) -> list[int]:
        return [len(hit.text) for hit in shortlist.hits]

    assert garden.rerank("q", ["a", "ccc", "bb", "dd"], reranker=longest) == [(1, 3.0), (2, 2.0), (3, 2.0), (0, 1.0)]
    assert garden.health().rows["memories"] == 0


def test_memories_are_taken_too(garden: Garden) -> None:
    """So that rerankers see their times and importance."""
    memories = [Memory("a", importance="low"), Memory("b", importance="high")]  # type: ignore[arg-type]

    def important(shortlist: Shortlist) -> list[int]:
        return [hit.memory.importance == "high" for hit in shortlist.hits]

    assert [place for place, _ in garden.rerank("q", memories, reranker=important)] == [1, 0]


def test_named_rerankers_embed_what_they_need(garden: Garden) -> None:
    """Mmr puts what says the same as a better text behind what says something else."""
    texts = ["green tea in the morning", "green tea in the morning", "a train to Lisbon"]
    assert [place for place, _ in garden.rerank("tea", texts, reranker="mmr:0.3")] == [0, 2, 1]


def test_nothing_comes_of_nothing(garden: Garden) -> None:
    """No texts give no places, and no reranker leaves the order."""
    assert garden.rerank("q", [], reranker="mmr") == []
    assert [place for place, _ in garden.rerank("q", ["b", "a"])] == [0, 1]


def test_what_is_wrong_is_said(garden: Garden) -> None:
    """One text alone, one memory twice, a reranker that gives what it should not."""
    with pytest.raises(InvalidQuery, match=r"rerank\(query, \[text\]\)"):
        garden.rerank("q", "text")
    memory = Memory("a")
    with pytest.raises(InvalidQuery, match="twice"):
        garden.rerank("q", [memory, memory])
    with pytest.raises(RerankerFailed):
        garden.rerank("q", ["a"], reranker=lambda shortlist: np.array([np.nan]))
