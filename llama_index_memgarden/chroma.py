"""From LlamaIndex's Chroma store, or any Chroma collection, to a garden, in one line."""

from __future__ import annotations

import json
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.utils import metadata_dict_to_node

from llama_index_memgarden.nodes import fields_of
from llama_index_memgarden.users import Place, User
from llama_index_memgarden.vectorstore import ALL, MemGardenVectorStore
from memgarden import EmbedderMismatch, Memory

__all__ = ["from_chroma"]

CONTENT = "_node_content"


def from_chroma(
    store: Any, garden: Place = "./garden", user: User | None = None, *, embed_model: BaseEmbedding | None = None
) -> MemGardenVectorStore:
    """A store with everything that a `ChromaVectorStore`, or a `chromadb.Collection`, holds.

    The collection is read and left as it is. Its vectors stay if they are of the garden's model, which is `embed_model`
    where the garden is made here; otherwise the nodes are embedded anew. The result's `adoption` says which, how many
    were taken, and why what was refused was. LlamaIndex's nodes stay the nodes they are.
    """
    collection = getattr(store, "_collection", None) or store
    try:
        target = MemGardenVectorStore(garden, user, embed_model=embed_model)
    except EmbedderMismatch:
        target = MemGardenVectorStore(garden, user)
    target._adoption = target.client.adopt_chroma(collection, scope=target.user)
    for memory in target.scope.list(where={CONTENT: {"$exists": True}}, limit=ALL):
        _restore(target, memory)
    return target


def _restore(target: MemGardenVectorStore, memory: Memory) -> None:
    """What Chroma had flattened into metadata is a node again; its vector stays."""
    try:
        node: BaseNode = metadata_dict_to_node(dict(memory.metadata), memory.text)
    except (ValueError, json.JSONDecodeError):
        return  # written by something else under the same name: it stays what it is
    fields = fields_of(node)
    target.scope.update(memory.id, metadata=fields["metadata"], kind=fields["kind"])
