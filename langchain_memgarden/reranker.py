"""memgarden's rerankers for LangChain's `ContextualCompressionRetriever`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import ConfigDict

from memgarden import Garden, shared_garden

__all__ = ["RELEVANCE", "MemGardenReranker"]

RELEVANCE = "relevance_score"
"""Where LangChain's own rerankers put their scores."""


class MemGardenReranker(BaseDocumentCompressor):
    """Puts Documents from any retriever in a better order and keeps the best `top_n` (None for all).

    `reranker` is as in `memgarden.Scope.search`: `maxsim`, `mmr`, `cross-encoder:MODEL`, a callable, or several. The
    `garden` (an object, a folder or a URL) lends its model; nothing is stored. The score is in each Document's metadata
    as `relevance_score`; the Documents given are left as they are.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    garden: Garden | str | Path
    reranker: Any = "maxsim"
    top_n: int | None = None

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks = None
    ) -> Sequence[Document]:
        """The best Documents, best first."""
        texts = [document.page_content for document in documents]
        ordered = shared_garden(self.garden).rerank(query, texts, reranker=self.reranker) if texts else []
        return [
            documents[place].model_copy(update={"metadata": documents[place].metadata | {RELEVANCE: score}})
            for place, score in ordered[: self.top_n]
        ]

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks = None
    ) -> Sequence[Document]:
        """As `compress_documents`, in a thread."""
        return await asyncio.to_thread(self.compress_documents, documents, query, callbacks)
