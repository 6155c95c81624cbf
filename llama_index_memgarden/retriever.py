"""A LlamaIndex retriever over one user's memories."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import NodeWithScore, QueryBundle, QueryType
from llama_index.core.vector_stores.types import MetadataFilters

from llama_index_memgarden.filters import matches, narrowed
from llama_index_memgarden.nodes import metadata_of, node_of
from llama_index_memgarden.users import Place, User, labels_of
from memgarden import Hit, InvalidScope, Reranker, Scope, shared_garden

__all__ = ["MemGardenRetriever"]

ALL = 2**31 - 1
# LlamaIndex traces each method that overrides one of its own, and the one it calls in turn: the same work, told twice.
# What is left of it `python -m benchmarks.adapters` prints.
RETRIEVE: Any = getattr(BaseRetriever.retrieve, "__wrapped__", BaseRetriever.retrieve)
ARETRIEVE: Any = getattr(BaseRetriever.aretrieve, "__wrapped__", BaseRetriever.aretrieve)


class MemGardenRetriever(BaseRetriever):
    """The best memories of a user for a question, best first, as nodes with the garden's scores.

    What LlamaIndex stored comes back as the node it was, with its relationships; of what others stored a node's id is
    the memory's, its text the chunk that matched best (between the turns around it, with `context`) and its metadata
    the memory's own. A query's own embedding is not looked at: who knows which model made it.

    Whose memories: the `scope`, or a garden (an object, a folder or a URL) with a `user`, or a garden alone; then each
    call names its user, as in `retrieve(question, user="alice")`. A retriever that has a user never looks at another's.
    """

    def __init__(
        self,
        garden: Scope | Place,
        user: User | None = None,
        *,
        similarity_top_k: int = 4,
        filters: MetadataFilters | None = None,
        where: Mapping[str, Any] | None = None,
        mode: Literal["hybrid", "lexical", "dense"] = "hybrid",
        alpha: float | None = None,
        reranker: str | Reranker | None = None,
        min_relevance: float | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        context: int = 0,
        phrases: bool = True,
        times: bool = True,
        callback_manager: CallbackManager | None = None,
        verbose: bool = False,
    ) -> None:
        """`filters` are LlamaIndex's, `where` memgarden's; both hold. The rest is as in `memgarden.Scope.search`."""
        super().__init__(callback_manager=callback_manager, verbose=verbose)
        if isinstance(garden, Scope) and user is not None:
            raise InvalidScope("a scope is a user's already: leave the user out")
        self._garden = None if isinstance(garden, Scope) else shared_garden(garden)
        self._scope = garden if isinstance(garden, Scope) else None
        if self._garden is not None and user is not None:
            self._scope = self._garden.scope(*labels_of(user))
        self._filters = [] if filters is None else [filters]
        self._where = [] if where is None else [where]
        self._search: dict[str, Any] = {
            "k": similarity_top_k,
            "mode": mode,
            "alpha": alpha,
            "reranker": reranker,
            "min_relevance": min_relevance,
            "since": since,
            "until": until,
            "context": context,
            "phrases": phrases,
            "times": times,
        }

    def retrieve(
        self, str_or_query_bundle: QueryType, *, filters: MetadataFilters | None = None, user: User | None = None
    ) -> list[NodeWithScore]:
        """The nodes for a question. `filters` of a call narrow the retriever's and never replace them."""
        found: list[NodeWithScore] = RETRIEVE(self._for_call(filters, user), str_or_query_bundle)
        return found

    async def aretrieve(
        self, str_or_query_bundle: QueryType, *, filters: MetadataFilters | None = None, user: User | None = None
    ) -> list[NodeWithScore]:
        """As `retrieve`; the search is done in a thread."""
        found: list[NodeWithScore] = await ARETRIEVE(self._for_call(filters, user), str_or_query_bundle)
        return found

    def _for_call(self, filters: MetadataFilters | None, user: User | None) -> MemGardenRetriever:
        """Itself, or one that is narrowed for a call."""
        if filters is None and user is None:
            return self
        own = copy.copy(self)
        own._filters = self._filters if filters is None else [*self._filters, filters]
        if user is not None:
            labels = labels_of(user)
            if self._scope is not None and self._scope.path != labels:
                raise InvalidScope(f"this retriever is of {self._scope.path!r} and finds nobody else's: make another")
            if self._garden is not None:
                own._scope = self._garden.scope(*labels)
        return own

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        if self._scope is None:
            labels_of(None)
        return [NodeWithScore(node=node_of(hit.memory, hit), score=hit.score) for hit in self._hits(query_bundle)]

    def _hits(self, query_bundle: QueryBundle) -> list[Hit]:
        """The hits; the index narrows by the filters, and what is given out passes them exactly."""
        scope: Any = self._scope
        parts = [dict(part) for part in (*self._where, *map(narrowed, self._filters)) if part]
        where = {"$and": parts} if parts else None

        def passes(memory: Any) -> bool:
            return all(matches(metadata_of(memory), one) for one in self._filters)

        found: list[Hit] = scope.search(query_bundle.query_str, where=where, **self._search)
        if self._filters and not all(passes(hit.memory) for hit in found):
            exact = [memory.id for memory in scope.list(where=where, limit=ALL) if passes(memory)]
            found = scope.search(query_bundle.query_str, where={"id": {"$in": exact}}, **self._search) if exact else []
        return found

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)
