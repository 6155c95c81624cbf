"""A LangChain vector store over one user's scope of a garden: hybrid search where others have cosines alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore, VectorStoreRetriever
from pydantic import model_validator

from langchain_memgarden.documents import document, of_metadata
from langchain_memgarden.embeddings import MemGardenEmbeddings, as_embedder
from langchain_memgarden.retriever import Mode
from langchain_memgarden.users import Place, User, scope_of
from memgarden import Adoption, Garden, Hit, Scope, shared_garden

__all__ = ["MemGardenVectorStore", "MemGardenVectorStoreRetriever"]

K = 4
FETCH_K = 20
ALL = 2**31 - 1
OF_SEARCH = frozenset({"mode", "alpha", "reranker", "min_score", "min_relevance", "since", "until", "phrases", "times"})
MODES: Mapping[str, Mode] = {"hybrid": "hybrid", "lexical": "lexical", "dense": "dense"}


class MemGardenVectorStore(VectorStore):
    """Documents in one user's scope, kept for good, found by words and meaning.

    Adding a Document with an id that is there replaces it. Scores are relevances: from 0 to 1, higher is better, and
    they mean the same for every question (see `memgarden.Hit.relevance`); the order is the search's, which looks at the
    hits together, and relevances need not fall along it. Every search takes `k`, `filter` (of the
    Documents' metadata, in memgarden's filter language, which holds Chroma's), `mode`, `alpha`, `reranker`,
    `min_score`, `min_relevance`, `since`, `until`, `phrases` and `times`, as `memgarden.Scope.search` has them; what is
    none of these is refused.

    Several frameworks may share a scope: what another one stored is a Document here.
    """

    def __init__(
        self,
        garden: Place = "./garden",
        user: User | None = None,
        *,
        embedding: Embeddings | None = None,
        mode: Mode = "hybrid",
        alpha: float | None = None,
    ) -> None:
        """Documents of `user` in a garden, which may be a folder or a URL; `embedding` makes its vectors.

        Without `embedding` the garden's own model does, which needs no key. `EmbedderMismatch` if the garden was made
        with another. `mode` and `alpha` are the searches' own unless they say otherwise.
        """
        self.garden: Garden = shared_garden(garden, embedder=as_embedder(embedding))
        self.scope: Scope = scope_of(self.garden, user)
        self._embeddings = embedding if embedding is not None else MemGardenEmbeddings(self.garden)
        self.adoption: Adoption | None = None
        """What became of the collection that the store was made from, if it was."""
        self._mode = mode
        self._alpha = alpha

    @property
    def _collection(self) -> CollectionView:
        # Programs that list what a vector store holds, mem0 among them, ask langchain-chroma's collection: there is no
        # method for it in LangChain's interface.
        return CollectionView(self.scope)

    @property
    def embeddings(self) -> Embeddings:
        """What makes the vectors."""
        return self._embeddings

    def add_documents(self, documents: list[Document], **kwargs: Any) -> list[str]:
        """Store Documents, those of known ids in place of what was there; returns their ids in order.

        `ids` has precedence over the Documents' own; a Document without gets a new one. `batch_size` is how many are
        embedded and committed at a time. `InvalidMemory` for what cannot be stored, with its number.
        """
        ids, size = kwargs.pop("ids", None), kwargs.pop("batch_size", None)
        _refuse(kwargs, "add_documents", {"ids", "batch_size"})
        if ids is not None and len(ids) != len(documents):
            raise ValueError(f"{len(ids)} ids came with {len(documents)} documents: give one a document")
        given = [one.id for one in documents] if ids is None else ids
        memories = [
            {"text": one.page_content, "metadata": one.metadata} | ({"id": str(own)} if own else {})
            for one, own in zip(documents, given, strict=True)
        ]
        return self.scope.add_many(memories, batch_size=size) if memories else []

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool | None:
        """Delete the Documents of these ids; those that are not there are no error. None deletes nothing and raises."""
        _refuse(kwargs, "delete", {"ids"})
        if ids is None:
            raise ValueError("delete takes the ids to delete: delete(ids=[...]); to delete all, list them first")
        self.scope.delete(ids)
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """The Documents of these ids, in the order of the ids, without those that are not there."""
        return [document(memory) for memory in map(self.scope.get, ids) if memory is not None]

    async def aget_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """As `get_by_ids`."""
        return await asyncio.to_thread(self.get_by_ids, ids)

    def similarity_search(self, query: str, k: int = K, **kwargs: Any) -> list[Document]:
        """The `k` best Documents for a question, best first."""
        return [document(hit.memory) for hit in self._search(query, k, kwargs)]

    def similarity_search_with_score(self, query: str, k: int = K, **kwargs: Any) -> list[tuple[Document, float]]:
        """The `k` best Documents with their relevance, 0 to 1."""
        return [(document(hit.memory), hit.relevance) for hit in self._search(query, k, kwargs)]

    def similarity_search_by_vector(self, embedding: list[float], k: int = K, **kwargs: Any) -> list[Document]:
        """The `k` Documents nearest to a vector `(d,)` of the store's `embeddings`."""
        return [document(hit.memory) for hit in self._nearest(embedding, k, kwargs)]

    def similarity_search_by_vector_with_relevance_scores(
        self, embedding: list[float], k: int = K, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """The `k` Documents nearest to a vector `(d,)` with their cosine to it, 0 at least."""
        return [(document(hit.memory), max(0.0, hit.score)) for hit in self._nearest(embedding, k, kwargs)]

    def max_marginal_relevance_search(
        self, query: str, k: int = K, fetch_k: int = FETCH_K, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        """`k` of the `fetch_k` best Documents, each unlike those before it; `lambda_mult` 1: relevance alone."""
        varied = kwargs | {"reranker": f"mmr:{lambda_mult}", "rerank_depth": fetch_k}
        return [document(hit.memory) for hit in self._search(query, k, varied)]

    def max_marginal_relevance_search_by_vector(
        self, embedding: list[float], k: int = K, fetch_k: int = FETCH_K, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        """As `max_marginal_relevance_search`, among the Documents nearest to a vector `(d,)`."""
        varied = kwargs | {"reranker": f"mmr:{lambda_mult}", "rerank_depth": fetch_k}
        return [document(hit.memory) for hit in self._nearest(embedding, k, varied)]

    async def amax_marginal_relevance_search(
        self, query: str, k: int = K, fetch_k: int = FETCH_K, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        """As `max_marginal_relevance_search`."""
        return await asyncio.to_thread(
            self.max_marginal_relevance_search, query, k=k, fetch_k=fetch_k, lambda_mult=lambda_mult, **kwargs
        )

    async def amax_marginal_relevance_search_by_vector(
        self, embedding: list[float], k: int = K, fetch_k: int = FETCH_K, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        """As `max_marginal_relevance_search_by_vector`."""
        return await asyncio.to_thread(
            self.max_marginal_relevance_search_by_vector, embedding, k, fetch_k, lambda_mult, **kwargs
        )

    def search(self, query: str, search_type: str, **kwargs: Any) -> list[Document]:
        """The search of that type: `similarity`, `mmr`, `similarity_score_threshold`, `hybrid`, `lexical`, `dense`."""
        if search_type in MODES:
            return self.similarity_search(query, **kwargs | {"mode": MODES[search_type]})
        return super().search(query, search_type, **kwargs)

    async def asearch(self, query: str, search_type: str, **kwargs: Any) -> list[Document]:
        """As `search`."""
        return await asyncio.to_thread(self.search, query, search_type, **kwargs)

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        return lambda score: score  # relevances already

    def as_retriever(self, **kwargs: Any) -> MemGardenVectorStoreRetriever:
        """A retriever with a `search_type` as in `search`; what is no field of it goes to each search, as `k=2`."""
        tags = [*(kwargs.pop("tags", None) or []), *self._get_retriever_tags()]
        return MemGardenVectorStoreRetriever(vectorstore=self, tags=tags, **kwargs)

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings | None = None,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        garden: Place = "./garden",
        user: User | None = None,
        **kwargs: Any,
    ) -> MemGardenVectorStore:
        """A store with these texts in it; the further keywords are those of `MemGardenVectorStore`."""
        store = cls(garden, user, embedding=embedding, **kwargs)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Store texts, as `add_documents` does; `ValueError` where there are more or fewer metadatas or ids."""
        several = list(texts)
        for name, given in (("metadatas", metadatas), ("ids", ids)):
            if given is not None and len(given) != len(several):
                raise ValueError(f"{len(given)} {name} came with {len(several)} texts: give one a text")
        documents = [
            Document(page_content=text, metadata=metadata or {})
            for text, metadata in zip(several, metadatas or [{}] * len(several), strict=True)
        ]
        return self.add_documents(documents, ids=ids, **kwargs)

    def _search(self, query: str, k: int, options: Mapping[str, Any]) -> list[Hit]:
        return self._ask(query, k, dict(options), None)

    def _nearest(self, embedding: Sequence[float], k: int, options: Mapping[str, Any]) -> list[Hit]:
        return self._ask("", k, dict(options) | {"mode": "dense"}, embedding)

    def _ask(self, query: str, k: int, options: dict[str, Any], vector: Sequence[float] | None) -> list[Hit]:
        where, depth = of_metadata(_mapping(options.pop("filter", None))), options.pop("rerank_depth", None)
        _refuse(options, "a search", OF_SEARCH | {"k", "filter"})
        own: dict[str, Any] = {"mode": self._mode, "alpha": self._alpha, "phrases": False} | options
        if depth is not None:
            own["rerank_depth"] = depth
        if vector is not None:
            own |= {"vector": np.asarray(vector, np.float32), "embedder": self.garden.embedder.name}
        return self.scope.search(query, k=k, where=where, **own)


class CollectionView:
    """The one method of a Chroma collection that others call on a store of langchain-chroma's."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def get(self, where: Mapping[str, Any] | None = None, limit: int | None = None) -> dict[str, list[Any]]:
        """Ids, documents and metadatas of what a filter of metadata lets through, in order of time."""
        found = self._scope.list(where=of_metadata(where), order="created_at", limit=ALL if limit is None else limit)
        return {
            "ids": [memory.id for memory in found],
            "documents": [memory.text for memory in found],
            "metadatas": [dict(memory.metadata) for memory in found],
        }


class MemGardenVectorStoreRetriever(VectorStoreRetriever):
    """LangChain's retriever over a vector store, with `hybrid`, `lexical` and `dense` among its `search_type`s.

    `k` and the other options of a search may be given to it, to `as_retriever` and to each call.
    """

    allowed_search_types: ClassVar[Collection[str]] = (*VectorStoreRetriever.allowed_search_types, *MODES)

    @model_validator(mode="before")
    @classmethod
    def _options(cls, values: dict[str, Any]) -> dict[str, Any]:
        own = set(cls.model_fields) | {field.alias for field in cls.model_fields.values()}
        loose = {name: value for name, value in values.items() if name not in own}
        if unknown := loose.keys() - OF_SEARCH - {"k", "filter", "fetch_k", "lambda_mult", "score_threshold"}:
            raise ValueError(f"neither a retriever nor a search has an option {sorted(unknown)}")
        kept = {name: value for name, value in values.items() if name in own}
        return kept | {"search_kwargs": {**(values.get("search_kwargs") or {}), **loose}}

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        return self.vectorstore.search(query, self.search_type, **self.search_kwargs | kwargs)

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        return await self.vectorstore.asearch(query, self.search_type, **self.search_kwargs | kwargs)


def _mapping(where: Any) -> Mapping[str, Any] | None:
    if where is not None and not isinstance(where, Mapping):
        raise TypeError(f"a filter is a mapping such as {{'page': {{'$gte': 3}}}}, not {type(where).__name__}")
    return where


def _refuse(options: Mapping[str, Any], what: str, known: Collection[str]) -> None:
    if unknown := sorted(options.keys() - set(known)):
        raise TypeError(f"{what} has no option {unknown}: the options are {', '.join(sorted(known))}")
