"""A LlamaIndex vector store over one user's scope of a garden: every mode and filter that it claims."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode, MetadataMode, TextNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
    VectorStoreQueryResult,
)

from llama_index_memgarden.embeddings import MemGardenEmbedding, as_embedder
from llama_index_memgarden.filters import matches, narrowed
from llama_index_memgarden.nodes import NODE, REF_DOC, fields_of, metadata_of, node_of, ref_doc_of
from llama_index_memgarden.records import MemGardenDocumentStore
from llama_index_memgarden.users import Place, User, labels_of
from memgarden import Adoption, EmbedderMismatch, Garden, Hit, Memory, Scope, shared_garden

__all__ = ["MemGardenVectorStore"]

LEXICAL = (VectorStoreQueryMode.SPARSE, VectorStoreQueryMode.TEXT_SEARCH)
HYBRID = (VectorStoreQueryMode.HYBRID, VectorStoreQueryMode.SEMANTIC_HYBRID)
MODES = (VectorStoreQueryMode.DEFAULT, *LEXICAL, *HYBRID, VectorStoreQueryMode.MMR)
SAME_SPACE = 0.5  # cosine of a text's vector to the garden's own of it: other models stay near 0
BALANCE = 0.5  # mmr's, where the query says nothing
ALL, MOST_FOUND = 2**31 - 1, 10_000


class MemGardenVectorStore(BasePydanticVectorStore):
    """Nodes in one user's scope, kept for good.

    Adding a node with an id that is there replaces it. Modes: `default` (cosine), `sparse` and `text_search` (BM25),
    `hybrid` and `semantic_hybrid` (both, by `alpha`: 0 is BM25 alone, 1 vectors alone) and `mmr`; any other is a
    `ValueError`. Similarities are cosines, BM25 scores and, of hybrid queries, relevances from 0 to 1. All filters,
    operators and conditions are heeded exactly, nested ones too.

    One scope holds one vector space. A node's own embedding is taken if it has the garden's dimension; nodes without
    one are embedded by the garden. Let the index embed with `store.embed_model`, or make the garden with the index's
    model: `MemGardenVectorStore(folder, user="alice", embed_model=...)`.

    Serialised, it is an address: where the garden is, and whose scope.
    """

    stores_text: bool = True
    is_embedding_query: bool = True
    garden: str
    user: tuple[str, ...]

    _scope: Any = PrivateAttr()
    _garden: Any = PrivateAttr()
    _model: Any = PrivateAttr()
    _adoption: Any = PrivateAttr(default=None)
    _same_space: bool = PrivateAttr(default=False)

    def __init__(
        self,
        garden: Place = "./garden",
        user: User | None = None,
        *,
        embed_model: BaseEmbedding | None = None,
        **kwargs: Any,
    ) -> None:
        """Nodes of `user` in a garden, which may be a folder or a URL.

        `embed_model` makes the vectors of a garden that is new, or was made with it; `EmbedderMismatch` otherwise.
        """
        if unknown := kwargs.keys() - {"class_name", "stores_text", "is_embedding_query"}:
            raise TypeError(f"MemGardenVectorStore has no option {sorted(unknown)}")
        labels = labels_of(user)
        opened = shared_garden(garden, embedder=as_embedder(embed_model))
        super().__init__(stores_text=True, garden=opened.where, user=labels)  # type: ignore[call-arg]  # pydantic's
        self._garden = opened
        self._scope = opened.scope(*labels)
        self._model = embed_model if embed_model is not None else MemGardenEmbedding(opened)

    @classmethod
    def class_name(cls) -> str:
        """What LlamaIndex calls it."""
        return "MemGardenVectorStore"

    @property
    def client(self) -> Garden:
        """The garden."""
        garden: Garden = self._garden
        return garden

    @property
    def scope(self) -> Scope:
        """The user's scope."""
        scope: Scope = self._scope
        return scope

    @property
    def embed_model(self) -> BaseEmbedding:
        """What an index over the store embeds with."""
        model: BaseEmbedding = self._model
        return model

    @property
    def docstore(self) -> MemGardenDocumentStore:
        """A document store in the same garden: with it documents that change are noticed, in later processes too."""
        return MemGardenDocumentStore.of(self.client, self.user)

    @property
    def adoption(self) -> Adoption | None:
        """What became of the collection that the store was made from, if it was."""
        adoption: Adoption | None = self._adoption
        return adoption

    def add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """Store nodes, those of known ids in place of what was there; returns their ids.

        `EmbedderMismatch` for embeddings of another dimension than the garden's, with nothing stored.
        """
        own = self.client.embedder
        several = list({node.node_id: node for node in nodes}.values())  # of equal ids the last
        given = [node for node in several if node.embedding is not None]
        for node in given:
            if len(node.embedding or ()) != own.dimension:
                raise EmbedderMismatch(
                    f"the node {node.node_id!r} comes with {len(node.embedding or ())} dimensions, and the garden's "
                    f"vectors have {own.dimension} ({own.name}): let the index embed with store.embed_model"
                )
        bare = [fields_of(node) for node in several if node.embedding is None]
        if given:
            self._check_space(given)
            vectors = np.array([node.embedding for node in given], np.float32)
            self.scope.add_many([fields_of(node) for node in given], vectors=vectors, embedder=own.name)
        if bare:
            self.scope.add_many(bare)
        return [node.node_id for node in nodes]

    def _check_space(self, nodes: Sequence[BaseNode]) -> None:
        """`EmbedderMismatch` if the first text that comes with a vector shows that another model made it."""
        told = next((node for node in nodes if isinstance(node, TextNode) and node.text.strip()), None)
        if self._same_space or told is None:
            return
        texts = [told.get_content(metadata_mode=mode) for mode in (MetadataMode.EMBED, MetadataMode.NONE)]
        theirs = np.array(told.embedding, np.float32)
        cosines = self.client.embedder.embed(texts) @ theirs / (np.linalg.norm(theirs) or 1)
        if not cosines.max() >= SAME_SPACE:
            raise EmbedderMismatch(
                f"the vector of the node {told.node_id!r} is not one of {self.client.embedder.name!r} (cosine "
                f"{cosines.max():.2f} to its own of that text): let the index embed with store.embed_model"
            )
        self._same_space = True

    async def async_add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        """As `add`, in a thread."""
        return await asyncio.to_thread(self.add, nodes, **kwargs)

    def delete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        """Delete the nodes of a document; a node of none, and what others stored, is a document by itself."""
        found = [memory.id for memory in self.scope.list(where={REF_DOC: ref_doc_id}, limit=ALL)]
        memory = self.scope.get(ref_doc_id)
        alone = memory is not None and ref_doc_of(memory) in (None, memory.id)
        self.scope.delete([*found, *([ref_doc_id] if alone else [])])
        self.docstore.delete_ref_doc(ref_doc_id, raise_error=False)  # or it would not be stored when it comes again

    async def adelete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:
        """As `delete`, in a thread."""
        await asyncio.to_thread(self.delete, ref_doc_id)

    def get_nodes(self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None) -> list[BaseNode]:
        """The nodes of these ids, in their order, that pass the filters; all that pass where no ids are given."""
        return [node_of(memory) for memory in self._held(node_ids, filters)]

    async def aget_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None
    ) -> list[BaseNode]:
        """As `get_nodes`, in a thread."""
        return await asyncio.to_thread(self.get_nodes, node_ids, filters)

    def delete_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None, **delete_kwargs: Any
    ) -> None:
        """Delete the nodes of these ids that pass the filters. `ValueError` without either: `clear` deletes all."""
        if not node_ids and not _says_anything(filters):
            if node_ids is None:
                raise ValueError("delete_nodes takes ids or filters; clear() deletes everything")
            return
        held = self._held(node_ids, filters)
        self.scope.delete([memory.id for memory in held])
        for document in {ref_doc_of(memory) for memory in held} - {None}:
            self.docstore.delete_ref_doc(str(document), raise_error=False)

    async def adelete_nodes(
        self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None, **delete_kwargs: Any
    ) -> None:
        """As `delete_nodes`, in a thread."""
        await asyncio.to_thread(self.delete_nodes, node_ids, filters)

    def clear(self) -> None:
        """Delete everything in the user's scope."""
        self.scope.delete([memory.id for memory in self.scope.list(limit=ALL)])
        self.docstore.forget_all()

    async def aclear(self) -> None:
        """As `clear`, in a thread."""
        await asyncio.to_thread(self.clear)

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """The best nodes for a query, best first; `mmr_threshold` may come as a keyword, 1 looks at likeness alone."""
        if query.mode not in MODES:
            known = ", ".join(str(mode.value) for mode in MODES)
            raise ValueError(f"the mode {query.mode!r} is not supported: use one of {known}")
        hits = self._search(query, kwargs)
        hybrid = query.mode in HYBRID
        return VectorStoreQueryResult(
            nodes=[node_of(hit.memory, hit) for hit in hits],
            similarities=[hit.relevance if hybrid else hit.score for hit in hits],
            ids=[hit.id for hit in hits],
        )

    async def aquery(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        """As `query`, in a thread."""
        return await asyncio.to_thread(self.query, query, **kwargs)

    def _search(self, query: VectorStoreQuery, kwargs: Mapping[str, Any]) -> list[Hit]:
        """The hits of a query; the index narrows by its filters, and what is given out passes them exactly."""
        parts = [
            narrowed(query.filters),
            _of_documents(list(query.doc_ids)) if query.doc_ids else {},
            {"id": {"$in": list(query.node_ids)}} if query.node_ids else {},
        ]
        first = [part for part in parts if part]
        options = self._options(query, kwargs)
        hits = self.scope.search(where={"$and": first} if first else None, **options)
        if query.filters is not None and not all(matches(metadata_of(hit.memory), query.filters) for hit in hits):
            exact = [memory.id for memory in self._passing(first, query.filters)]
            hits = self.scope.search(where={"id": {"$in": exact}}, **options) if exact else []
        return hits

    def _options(self, query: VectorStoreQuery, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """What `Scope.search` is asked, but for its filter."""
        lexical, hybrid, top = query.mode in LEXICAL, query.mode in HYBRID, query.similarity_top_k
        chosen = query.sparse_top_k if lexical else query.hybrid_top_k if hybrid else None
        asked: dict[str, Any] = {
            "query": query.query_str or "",
            "k": top if chosen is None else chosen,
            "mode": "lexical" if lexical else "hybrid" if hybrid else "dense",
            "alpha": query.alpha if hybrid else None,
            "phrases": False,
        }
        if not lexical and query.query_embedding is not None:
            if len(query.query_embedding) != self.client.embedder.dimension:
                raise EmbedderMismatch(
                    f"the query comes with {len(query.query_embedding)} dimensions, and the garden's vectors have "
                    f"{self.client.embedder.dimension}: let the index embed with store.embed_model"
                )
            asked |= {"vector": np.array(query.query_embedding, np.float32), "embedder": self.client.embedder.name}
        if query.mode == VectorStoreQueryMode.MMR:
            threshold = kwargs.get("mmr_threshold", query.mmr_threshold)
            asked |= {
                "reranker": f"mmr:{BALANCE if threshold is None else threshold}",
                "rerank_depth": min(kwargs.get("mmr_prefetch_k") or max(4 * asked["k"], 20), MOST_FOUND),
            }
        return asked

    def _held(self, node_ids: Iterable[str] | None, filters: MetadataFilters | None) -> list[Memory]:
        if node_ids is None:
            return self._passing([narrowed(filters)] if narrowed(filters) else [], filters)
        found = [memory for memory in map(self.scope.get, node_ids) if memory is not None]
        return [memory for memory in found if matches(metadata_of(memory), filters)]

    def _passing(self, first: Sequence[Mapping[str, Any]], filters: MetadataFilters | None) -> list[Memory]:
        where = {"$and": [{"kind": {"$ne": "record"}}, *first]}
        return [
            memory
            for memory in self.scope.list(where=where, order="created_at", limit=ALL)
            if matches(metadata_of(memory), filters)
        ]

    def persist(self, persist_path: str, fs: Any = None) -> None:
        """Write the address to a file: what is stored is on disk already."""
        text = json.dumps(self.to_dict())
        if fs is not None:
            with fs.open(persist_path, "w") as file:
                file.write(text)
            return
        Path(persist_path).parent.mkdir(parents=True, exist_ok=True)
        Path(persist_path).write_text(text, encoding="utf-8")

    @classmethod
    def from_persist_path(cls, persist_path: str, fs: Any = None) -> MemGardenVectorStore:
        """The store whose address a file holds."""
        if fs is not None:
            with fs.open(persist_path, "r") as file:
                return cls.from_dict(json.load(file))
        return cls.from_dict(json.loads(Path(persist_path).read_text(encoding="utf-8")))

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:
        """The address."""
        return {"class_name": self.class_name(), "garden": self.garden, "user": list(self.user)}

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> MemGardenVectorStore:
        """The store at an address; `embed_model` as when it was made, where the garden's model is not its own."""
        return cls(data["garden"], data["user"], **kwargs)


def _of_documents(ids: list[str]) -> dict[str, Any]:
    """A filter of the nodes of documents, and of what is a document by itself."""
    foreign = {"$and": [{"id": {"$in": ids}}, {f"metadata.{NODE}": {"$exists": False}}]}
    return {"$or": [{REF_DOC: {"$in": ids}}, foreign]}


def _says_anything(filters: MetadataFilters | None) -> bool:
    """Whether there is a filter in it, however deep."""
    parts = filters.filters if filters is not None else []
    return any(not isinstance(one, MetadataFilters) or _says_anything(one) for one in parts)
