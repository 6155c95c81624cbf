"""What the tests of the vector store share: alice's four nodes, and asking for them in any mode."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores.types import VectorStoreQuery, VectorStoreQueryMode

from llama_index_memgarden import MemGardenVectorStore
from memgarden import Garden

TEXTS = ["green tea in the morning", "black tea at night", "a train to Lisbon", "the cat Mia eats tuna"]


def source(id_: str) -> dict[NodeRelationship, RelatedNodeInfo]:
    return {NodeRelationship.SOURCE: RelatedNodeInfo(node_id=id_)}


def nodes() -> list[TextNode]:
    return [
        TextNode(
            text=text,
            id_="abcd"[n],
            metadata={"n": n, "kind": "odd" if n % 2 else "even"},
            relationships=source(f"doc{n % 2}"),
        )
        for n, text in enumerate(TEXTS)
    ]


@pytest.fixture
def store(garden: Garden) -> MemGardenVectorStore:
    """Four nodes of two documents of alice's."""
    own = MemGardenVectorStore(garden, "alice")
    own.add(nodes())
    MemGardenVectorStore(garden, "bob").add([TextNode(text="tea of bob", id_="bobs")])
    return own


def ask(store: MemGardenVectorStore, text: str = "tea", mode: str = "hybrid", k: int = 10, **options: Any) -> list[str]:
    embedded = None if mode in ("sparse", "text_search") else store.embed_model.get_query_embedding(text)
    query = VectorStoreQuery(
        query_str=text, query_embedding=embedded, similarity_top_k=k, mode=VectorStoreQueryMode(mode), **options
    )
    result = store.query(query)
    assert [node.node_id for node in result.nodes or []] == result.ids
    assert len(result.similarities or []) == len(result.ids or [])
    return list(result.ids or [])
