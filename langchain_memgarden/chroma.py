"""From a langchain-chroma store to a garden, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_memgarden.embeddings import as_embedder
from langchain_memgarden.users import Place, User
from langchain_memgarden.vectorstore import MemGardenVectorStore
from memgarden import EmbedderMismatch, shared_garden

if TYPE_CHECKING:
    from langchain_chroma import Chroma

__all__ = ["from_chroma"]


def from_chroma(
    store: Chroma, garden: Place = "./garden", user: User | None = None, **options: Any
) -> MemGardenVectorStore:
    """A hybrid store with everything that a `langchain_chroma.Chroma` holds: documents, ids, metadata and vectors.

    The Chroma store is read and left as it is. A garden that is made here takes the store's embedding function, so that
    the vectors stay; in a garden with another embedder the documents are embedded anew. The result's `adoption` says
    which, how many were taken, and why what was refused was. Further keywords are those of `MemGardenVectorStore`.
    """
    embedding = store.embeddings
    try:
        opened = shared_garden(garden, embedder=as_embedder(embedding))
    except EmbedderMismatch:
        opened, embedding = shared_garden(garden), None
    target = MemGardenVectorStore(opened, user, embedding=embedding, **options)
    target.adoption = opened.adopt_chroma(store._client, store._collection.name, scope=target.scope.path)
    return target
