"""A LangChain retriever over one user's memories."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, cast

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever, LangSmithRetrieverParams
from langchain_core.runnables.config import RunnableConfig
from pydantic import ConfigDict, model_validator

from langchain_memgarden.documents import SCORE, both, document
from langchain_memgarden.users import labels_of, named_user, scope_of
from memgarden import Garden, InvalidScope, Scope, shared_garden

__all__ = ["MemGardenRetriever", "Mode"]

Mode = Literal["hybrid", "lexical", "dense"]
EXPLANATION = "memgarden_explanation"
CALL = frozenset({"user", "k", "filter", "mode", "alpha", "reranker", "min_score", "min_relevance", "since", "until"})
CALL_OPTIONS = CALL | {"context", "phrases", "times", "now", "with_scores", "explain"}


class MemGardenRetriever(BaseRetriever):
    """The best memories of a user for a question, best first, as Documents.

    A Document's `id` is the memory's, its `page_content` the chunk that matched best (between the turns around it,
    with `context`) and its `metadata` the memory's own. `with_scores` adds the score to it as `memgarden_score`, and
    `explain` what each leg said as `memgarden_explanation`. The other fields are the arguments of
    `memgarden.Scope.search`, where `filter` is `where`; None means the garden's own.

    Whose memories: a `scope`, or a `garden` (an object, a folder or a URL) with a `user`, or a `garden` alone; then
    each call names its user, by `invoke(question, user="alice")`, by `config["configurable"]["user_id"]` or by the
    `user_id` of the context of the LangGraph run it is part of. A retriever that has a user never looks at another's: a
    call that names one is refused, and its config is not asked.

    Every option may be given for one call, as in `invoke(question, k=1)`. A call's `filter` narrows the retriever's and
    never replaces it.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    garden: Garden | str | Path | None = None
    user: str | tuple[str, ...] | None = None
    scope: Scope | None = None
    k: int = 4
    filter: dict[str, Any] | None = None
    mode: Mode = "hybrid"
    alpha: float | None = None
    reranker: Any = None
    min_score: float | None = None
    min_relevance: float | None = None
    since: datetime | None = None
    until: datetime | None = None
    context: int = 0
    phrases: bool = True
    times: bool = True
    now: datetime | None = None
    with_scores: bool = False
    explain: bool = False

    @model_validator(mode="after")
    def _has_a_place(self) -> MemGardenRetriever:
        if (self.scope is None) == (self.garden is None):
            raise ValueError("a retriever takes a scope, or a garden with or without a user: give one of the two")
        if self.scope is not None and self.user is not None:
            raise ValueError("a scope is a user's already: leave the user out")
        return self

    def invoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> list[Document]:
        """The Documents for a question; options of the call as keywords."""
        return super().invoke(input, config, **self._named(config, kwargs))

    async def ainvoke(self, input: str, config: RunnableConfig | None = None, **kwargs: Any) -> list[Document]:
        """As `invoke`; the search is done in a thread."""
        return await super().ainvoke(input, config, **self._named(config, kwargs))

    def _named(self, config: RunnableConfig | None, options: dict[str, Any]) -> dict[str, Any]:
        """The options with the user that the config names, where nobody else did."""
        if self.scope is not None or self.user is not None or options.get("user") is not None:
            return options
        user = named_user(config)
        return options if user is None else options | {"user": user}

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **options: Any
    ) -> list[Document]:
        return self._search(query, options)

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **options: Any
    ) -> list[Document]:
        return await asyncio.to_thread(self._search, query, options)

    def _search(self, query: str, options: dict[str, Any]) -> list[Document]:
        if unknown := options.keys() - CALL_OPTIONS:
            raise TypeError(
                f"a call has no option {sorted(unknown)}: the options are {', '.join(sorted(CALL_OPTIONS))}"
            )
        narrowed = both(self.filter, options.pop("filter", None))
        scope = self._scope(options.pop("user", None))
        asked = self.model_copy(update={name: value for name, value in options.items() if value is not None})
        hits = scope.search(
            query,
            k=asked.k,
            where=narrowed,
            mode=asked.mode,
            alpha=asked.alpha,
            reranker=asked.reranker,
            min_score=asked.min_score,
            min_relevance=asked.min_relevance,
            since=asked.since,
            until=asked.until,
            context=asked.context,
            phrases=asked.phrases,
            times=asked.times,
            now=asked.now,
        )
        documents = []
        for hit in hits:
            found = document(hit.memory, hit.passage)
            if asked.with_scores:
                found.metadata[SCORE] = hit.score
            if asked.explain:
                found.metadata[EXPLANATION] = hit.explain()
            documents.append(found)
        return documents

    def _scope(self, user: Any) -> Scope:
        own = self.scope.path if self.scope is not None else self.user
        if own is not None and user is not None and labels_of(user) != labels_of(own):
            raise InvalidScope(
                f"this retriever is of {own!r} and finds nobody else's: make one without a user, or another"
            )
        if self.garden is None:
            return cast("Scope", self.scope)  # one of the two there is, as was checked when it was made
        return scope_of(shared_garden(self.garden), self.user if user is None else user)

    def _get_ls_params(self, **kwargs: Any) -> LangSmithRetrieverParams:
        return LangSmithRetrieverParams(ls_retriever_name="memgarden", ls_vector_store_provider="memgarden")
