"""A LangChain retriever over one scope of a garden."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever, LangSmithRetrieverParams

from memgarden import Hit, Scope

__all__ = ["SCORE", "MemGardenRetriever"]

SCORE = "memgarden_score"
"""Where `with_scores` puts a score: a name that no memory's own metadata is likely to have."""

Mode = Literal["hybrid", "lexical", "dense"]


class MemGardenRetriever(BaseRetriever):
    """The best memories of `scope` for a question, best first, as Documents.

    A Document's `id` is the memory's, its `page_content` the chunk that matched best and its `metadata` the memory's
    own; `with_scores` adds the score to it. `alpha` None means the garden's. `k`, `where`, `mode` and `alpha` may be
    given for one call, as in `invoke(question, k=1)`: a call's `where` narrows the retriever's and never replaces it.
    """

    scope: Scope
    k: int = 4
    where: dict[str, Any] | None = None
    mode: Mode = "hybrid"
    alpha: float | None = None
    with_scores: bool = False

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        # Only what is declared here reaches us from `invoke`, and the rest is refused.
        k: int | None = None,
        where: Mapping[str, Any] | None = None,
        mode: Mode | None = None,
        alpha: float | None = None,
    ) -> list[Document]:
        return self._search(query, k, where, mode, alpha)

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,
        k: int | None = None,
        where: Mapping[str, Any] | None = None,
        mode: Mode | None = None,
        alpha: float | None = None,
    ) -> list[Document]:
        return await asyncio.to_thread(self._search, query, k, where, mode, alpha)

    def _search(
        self, query: str, k: int | None, where: Mapping[str, Any] | None, mode: Mode | None, alpha: float | None
    ) -> list[Document]:
        hits = self.scope.search(
            query,
            k=self.k if k is None else k,
            where=_both(self.where, where),
            mode=self.mode if mode is None else mode,
            alpha=self.alpha if alpha is None else alpha,
        )
        return [self._document(hit) for hit in hits]

    def _document(self, hit: Hit) -> Document:
        metadata = dict(hit.memory.metadata)
        if self.with_scores:
            metadata[SCORE] = hit.score
        return Document(id=hit.id, page_content=hit.text, metadata=metadata)

    def _get_ls_params(self, **kwargs: Any) -> LangSmithRetrieverParams:
        return LangSmithRetrieverParams(ls_retriever_name="memgarden", ls_vector_store_provider="memgarden")


def _both(own: Mapping[str, Any] | None, given: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """A filter that holds where both do."""
    if own is None or given is None:
        return given if own is None else own
    return {"$and": [own, given]}
