"""A LlamaIndex retriever over one scope of a garden."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import NodeRelationship, NodeWithScore, QueryBundle, RelatedNodeInfo, TextNode

from memgarden import Hit, Scope

__all__ = ["MemGardenRetriever"]


class MemGardenRetriever(BaseRetriever):
    """The best memories of `scope` for a question, best first, as nodes with the garden's scores.

    A node's id is the memory's, its text the chunk that matched best and its metadata the memory's own. `alpha` is the
    weight of the dense leg, None for the garden's. A query's own embedding is not looked at: who knows which model
    made it.
    """

    def __init__(
        self,
        scope: Scope,
        *,
        similarity_top_k: int = 4,
        where: Mapping[str, Any] | None = None,
        mode: Literal["hybrid", "lexical", "dense"] = "hybrid",
        alpha: float | None = None,
        callback_manager: CallbackManager | None = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(callback_manager=callback_manager, verbose=verbose)
        self._scope = scope
        self._similarity_top_k = similarity_top_k
        self._where = where
        self._mode = mode
        self._alpha = alpha

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = self._scope.search(
            query_bundle.query_str,
            k=self._similarity_top_k,
            where=self._where,
            mode=self._mode,
            alpha=self._alpha,
        )
        return [_node(hit) for hit in hits]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


def _node(hit: Hit) -> NodeWithScore:
    node = TextNode(
        text=hit.text,
        id_=hit.id,
        metadata=dict(hit.memory.metadata),
        start_char_idx=hit.start,
        end_char_idx=hit.end,
        # Without a source a node's `ref_doc_id` is None, which LlamaIndex's stores write as the text "None".
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=hit.id)},
    )
    return NodeWithScore(node=node, score=hit.score)
