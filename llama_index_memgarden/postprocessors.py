"""memgarden's rerankers for LlamaIndex, and recency that works for nodes in any order and without dates."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from llama_index.core.bridge.pydantic import Field, PrivateAttr
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle

from llama_index_memgarden.users import Place
from memgarden import shared_garden

__all__ = ["MemGardenRecencyPostprocessor", "MemGardenReranker"]

SECONDS_A_DAY = 86_400


class MemGardenReranker(BaseNodePostprocessor):
    """Puts nodes from any retriever in a better order and keeps the best `top_n` (None for all).

    `reranker` is as in `memgarden.Scope.search`: `maxsim`, `mmr`, `cross-encoder:MODEL`, a callable, or several. The
    garden lends its model; nothing is stored. The nodes given are left as they are.
    """

    reranker: Any = "maxsim"
    top_n: int | None = None
    _garden: Any = PrivateAttr()

    def __init__(self, garden: Place = "./garden", **kwargs: Any) -> None:
        """`reranker` and `top_n` as keywords."""
        if unknown := kwargs.keys() - {"reranker", "top_n", "callback_manager"}:
            raise TypeError(f"MemGardenReranker has no option {sorted(unknown)}")
        super().__init__(**kwargs)
        self._garden = shared_garden(garden)

    @classmethod
    def class_name(cls) -> str:
        """What LlamaIndex calls it."""
        return "MemGardenReranker"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if query_bundle is None:
            raise ValueError("a reranker needs the question: postprocess_nodes(nodes, query_str=...)")
        texts = [one.node.get_content(metadata_mode=MetadataMode.NONE) for one in nodes]
        ordered = self._garden.rerank(query_bundle.query_str, texts, reranker=self.reranker) if texts else []
        return [NodeWithScore(node=nodes[place].node, score=score) for place, score in ordered[: self.top_n]]

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._postprocess_nodes, nodes, query_bundle)


class MemGardenRecencyPostprocessor(BaseNodePostprocessor):
    """Weighs how new a node is into its score, and puts the nodes in that order, whatever theirs was.

    A node's score becomes `(1 - weight) * score + weight * half ** (age / half_life_days)`, its score being brought to
    0..1 over the nodes at hand. The date is read from `date_key` of its metadata (ISO 8601, a datetime or seconds),
    where `MemGardenRetriever` puts when a memory was said; a node without one has no recency, and is kept.
    """

    weight: float = Field(default=0.3, ge=0, le=1)
    half_life_days: float = Field(default=30.0, gt=0)
    date_key: str = "created_at"
    top_n: int | None = None
    now: datetime | None = None

    @classmethod
    def class_name(cls) -> str:
        """What LlamaIndex calls it."""
        return "MemGardenRecencyPostprocessor"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        scores = [one.score or 0.0 for one in nodes]
        low, high = min(scores, default=0.0), max(scores, default=0.0)
        weighed = [
            NodeWithScore(
                node=one.node,
                score=(1 - self.weight) * ((score - low) / (high - low) if high > low else 1.0)
                + self.weight * self._recency(one.node.metadata.get(self.date_key)),
            )
            for one, score in zip(nodes, scores, strict=True)
        ]
        return sorted(weighed, key=lambda one: -(one.score or 0.0))[: self.top_n]

    def _recency(self, date: Any) -> float:
        """1 for now, half of it a half-life ago, 0 for what has no date."""
        try:
            if isinstance(date, int | float) and not isinstance(date, bool):
                time = datetime.fromtimestamp(date, UTC)
            else:
                time = date if isinstance(date, datetime) else datetime.fromisoformat(str(date))
        except (ValueError, OverflowError, OSError):
            return 0.0
        time = time if time.tzinfo else time.replace(tzinfo=UTC)
        now = self.now or datetime.now(UTC)
        age = ((now if now.tzinfo else now.replace(tzinfo=UTC)) - time).total_seconds() / SECONDS_A_DAY
        return float(0.5 ** (max(0.0, age) / self.half_life_days))
