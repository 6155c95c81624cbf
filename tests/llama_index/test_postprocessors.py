"""memgarden's rerankers order nodes that come from anywhere; recency needs neither dates nor an order."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from llama_index.core.schema import NodeWithScore, TextNode

from llama_index_memgarden import MemGardenRecencyPostprocessor, MemGardenReranker, MemGardenRetriever
from memgarden import Garden, InvalidScope, Shortlist

NOW = datetime(2024, 5, 1, tzinfo=UTC)


def scored(*texts: str) -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(text=text, id_=text), score=0.5) for text in texts]


def longest(shortlist: Shortlist) -> list[int]:
    return [len(hit.text) for hit in shortlist.hits]


def test_the_best_come_first(garden: Garden) -> None:
    """`top_n` of them with their new scores, sync and async; the nodes that were given keep theirs."""
    given = scored("aa", "a", "aaaa", "aaa")
    reranker = MemGardenReranker(garden, reranker=longest, top_n=2)
    found = reranker.postprocess_nodes(given, query_str="q")
    assert [(one.node_id, one.score) for one in found] == [("aaaa", 4.0), ("aaa", 3.0)]
    assert {one.score for one in given} == {0.5}
    assert asyncio.run(reranker.apostprocess_nodes(given, query_str="q")) == found
    assert reranker.postprocess_nodes([], query_str="q") == []
    with pytest.raises(ValueError, match="question"):
        reranker.postprocess_nodes(given)
    with pytest.raises(TypeError, match="model"):
        MemGardenReranker(garden, model="x")


def test_named_rerankers_work(garden: Garden) -> None:
    """Mmr puts what says the same behind what says something else."""
    given = scored("green tea in the morning", "green tea in the morning ", "a train to Lisbon")
    found = MemGardenReranker(garden, reranker="mmr:0.3", top_n=2).postprocess_nodes(given, query_str="tea")
    assert [one.node_id for one in found] == ["green tea in the morning", "a train to Lisbon"]


def dated(date: Any, score: float | None) -> NodeWithScore:
    metadata = {} if date is None else {"created_at": date}
    return NodeWithScore(node=TextNode(text="x", id_=f"{date}", metadata=metadata), score=score)


def test_recency_is_weighed_in() -> None:
    """Whatever the order of the nodes and however a date is written; one without a date is kept, without recency."""
    week, year = NOW - timedelta(7), NOW - timedelta(365)
    nodes = [dated(None, 0.9), dated(year.isoformat(), 0.8), dated(week.isoformat(), 0.7), dated("no date", 0.1)]
    recency = MemGardenRecencyPostprocessor(weight=0.5, half_life_days=7, now=NOW)
    found = recency.postprocess_nodes(list(reversed(nodes)))
    assert [one.node_id for one in found] == [week.isoformat(), "None", year.isoformat(), "no date"]
    assert [one.score for one in found][:2] == [pytest.approx(0.5 * 0.75 + 0.5 * 0.5), pytest.approx(0.5)]
    assert [one.score for one in nodes] == [0.9, 0.8, 0.7, 0.1]
    for date in (week.timestamp(), week.replace(tzinfo=None).isoformat(), "2024-04-24"):
        assert recency.postprocess_nodes([dated(date, 1.0)])[0].score == pytest.approx(0.75)
    assert MemGardenRecencyPostprocessor(weight=0, now=NOW, top_n=1).postprocess_nodes(nodes)[0].node_id == "None"
    assert recency.postprocess_nodes([]) == []
    assert recency.postprocess_nodes([dated(None, None)])[0].score == pytest.approx(0.5)
    with pytest.raises(ValueError, match="weight"):
        MemGardenRecencyPostprocessor(weight=2)


def test_a_reranker_needs_no_user_and_a_store_does(garden: Garden) -> None:
    """It reads nobody's memories."""
    from llama_index_memgarden import MemGardenVectorStore

    MemGardenReranker(garden)
    with pytest.raises(InvalidScope):
        MemGardenVectorStore(garden)


def test_recency_works_on_memories(garden: Garden) -> None:
    """As our retriever gives them; a time without a zone is read as UTC."""
    scope = garden.scope("alice")
    scope.add("tea of old", id="old", created_at=NOW - timedelta(1000))
    scope.add("tea of late", id="new", created_at=NOW)
    found = MemGardenRetriever(scope).retrieve("tea")
    for now in (NOW, NOW.replace(tzinfo=None)):
        ordered = MemGardenRecencyPostprocessor(weight=1.0, now=now).postprocess_nodes(found)
        assert [one.node_id for one in ordered] == ["new", "old"] and ordered[0].score == pytest.approx(1)
