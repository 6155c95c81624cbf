"""From LlamaIndex's Chroma store, or any Chroma collection, to a garden, in one line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import BaseNode, TextNode

from llama_index_memgarden.nodes import CLASSES
from llama_index_memgarden.users import Place, User
from llama_index_memgarden.vectorstore import MemGardenVectorStore
from memgarden import EmbedderMismatch

__all__ = ["from_chroma"]

CONTENT, KIND = "_node_content", "_node_type"


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
    adoption = target.client.adopt_chroma(collection, scope=target.user)
    target._adoption = adoption
    for id_ in list(adoption.refused):  # a picture has no text, and is a node nevertheless
        node = _without_text(collection, id_)
        if node is not None:
            target.add([node])
            del adoption.refused[id_]
            adoption.adopted += 1
    return target


def _decoded(metadata: Mapping[str, Any]) -> BaseNode | None:
    """The node that LlamaIndex's stores for Chroma write into metadata; None for what is none."""
    try:
        data = json.loads(metadata[CONTENT])
        if not isinstance(data, dict) or "id_" not in data:
            return None
        node = CLASSES[metadata.get(KIND, TextNode.class_name())].from_dict(data)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return node


def _without_text(collection: Any, id_: str) -> BaseNode | None:
    found = collection.get(ids=[id_], include=["metadatas", "embeddings"])
    node = _decoded((found["metadatas"] or [None])[0] or {})
    if node is not None:
        node.embedding = [float(number) for number in found["embeddings"][0]]
    return node
