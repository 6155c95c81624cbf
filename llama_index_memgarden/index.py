"""The one way to an index whose documents may change: nodes, hashes and all in one garden."""

from __future__ import annotations

from typing import Any

from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.storage.docstore.types import RefDocInfo

from llama_index_memgarden.nodes import NODE
from llama_index_memgarden.vectorstore import ALL, MemGardenVectorStore

__all__ = ["MemGardenIndex"]


class MemGardenIndex(VectorStoreIndex):
    """A `VectorStoreIndex` over a `MemGardenVectorStore` that knows its documents, now and in later processes.

    `refresh_ref_docs` stores what is new, replaces what changed and leaves the rest; `delete_ref_doc` forgets a
    document whole, so that it is stored anew when it comes again; `ref_doc_info` tells what there is.
    """

    def __init__(self, store: MemGardenVectorStore, **kwargs: Any) -> None:
        """Over what the store holds; the keywords are `VectorStoreIndex`'s, as `transformations`."""
        context = StorageContext.from_defaults(vector_store=store, docstore=store.docstore)
        super().__init__(
            nodes=[], storage_context=context, embed_model=kwargs.pop("embed_model", store.embed_model), **kwargs
        )

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
            document = memory.metadata[NODE]["ref_doc_id"]
            if document is None:
                continue
            if document not in found:
                own = {key: value for key, value in memory.metadata.items() if key != NODE}
                found[document] = RefDocInfo(node_ids=[], metadata=own)
            found[document].node_ids.append(memory.id)
        return found
