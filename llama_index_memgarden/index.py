"""The one way to an index whose documents may change: nodes, hashes and all in one garden."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from llama_index.core import Document, StorageContext, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.storage.docstore.types import RefDocInfo
from llama_index.core.vector_stores.types import BasePydanticVectorStore

from llama_index_memgarden.embeddings import as_embedder
from llama_index_memgarden.nodes import is_node, metadata_of, ref_doc_of
from llama_index_memgarden.vectorstore import ALL, MemGardenVectorStore
from memgarden import shared_garden

__all__ = ["MemGardenIndex"]


class MemGardenIndex(VectorStoreIndex):
    """A `VectorStoreIndex` over a `MemGardenVectorStore` that knows its documents, now and in later processes.

    `refresh_ref_docs` stores what is new, replaces what changed and leaves the rest; `delete_ref_doc` forgets a
    document whole, so that it is stored anew when it comes again; `ref_doc_info` tells what there is.
    """

    def __init__(self, store: MemGardenVectorStore, *, embed_model: BaseEmbedding | None = None, **kwargs: Any) -> None:
        """Over what the store holds; the keywords are `VectorStoreIndex`'s, as `transformations`.

        `EmbedderMismatch` for an `embed_model` whose vectors are not the garden's.
        """
        if embed_model is not None:
            shared_garden(store.client, embedder=as_embedder(embed_model))
        context = StorageContext.from_defaults(vector_store=store, docstore=store.docstore)
        self._inserting = threading.Lock()
        super().__init__(nodes=[], storage_context=context, embed_model=embed_model or store.embed_model, **kwargs)

    @classmethod
    def from_vector_store(
        cls, vector_store: BasePydanticVectorStore, embed_model: Any = None, **kwargs: Any
    ) -> MemGardenIndex:
        """An index over a `MemGardenVectorStore`."""
        if not isinstance(vector_store, MemGardenVectorStore):
            raise TypeError(f"a MemGardenIndex is over a MemGardenVectorStore, not {type(vector_store).__name__}")
        return cls(vector_store, embed_model=embed_model, **kwargs)

    @classmethod
    def from_documents(  # type: ignore[override]  # the same keywords, by one name
        cls, documents: Sequence[Document], storage_context: StorageContext | None = None, **kwargs: Any
    ) -> MemGardenIndex:
        """An index over the context's store, with these documents as they are now."""
        if storage_context is None:
            raise TypeError("say which store: storage_context=StorageContext.from_defaults(vector_store=...)")
        index = cls.from_vector_store(storage_context.vector_store, **kwargs)
        index.refresh_ref_docs(documents)
        return index

    def insert(self, document: Document, **insert_kwargs: Any) -> None:
        """Store a document, in place of what there is of it."""
        store: Any = self.vector_store
        with self._inserting:  # of two threads that insert one document, the later one sees what the earlier one stored
            store.delete(document.id_)
            super().insert(document, **insert_kwargs)

    async def ainsert(self, document: Document, **insert_kwargs: Any) -> None:
        """As `insert`."""
        store: Any = self.vector_store
        await store.adelete(document.id_)
        await super().ainsert(document, **insert_kwargs)

    def delete_ref_doc(self, ref_doc_id: str, delete_from_docstore: bool = False, **delete_kwargs: Any) -> None:
        """Delete a document's nodes and the hash by which it was known."""
        super().delete_ref_doc(ref_doc_id, delete_from_docstore=False, **delete_kwargs)
        self.docstore.delete_ref_doc(ref_doc_id, raise_error=False)

    async def adelete_ref_doc(self, ref_doc_id: str, delete_from_docstore: bool = False, **delete_kwargs: Any) -> None:
        """As `delete_ref_doc`."""
        await super().adelete_ref_doc(ref_doc_id, delete_from_docstore=False, **delete_kwargs)
        await self.docstore.adelete_ref_doc(ref_doc_id, raise_error=False)

    @property
    def ref_doc_info(self) -> dict[str, RefDocInfo]:
        """The documents by id, with the ids of their nodes and the metadata of the first."""
        found: dict[str, RefDocInfo] = {}
        store: Any = self.vector_store
        for memory in store.scope.list(where={"kind": "node"}, order="created_at", limit=ALL):
            document = ref_doc_of(memory) if is_node(memory) else None
            if document is None:
                continue
            if document not in found:
                found[document] = RefDocInfo(node_ids=[], metadata=metadata_of(memory))
            found[document].node_ids.append(memory.id)
        return found
