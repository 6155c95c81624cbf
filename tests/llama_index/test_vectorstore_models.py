"""One scope, one embedding space: models and vectors that fit, and those that are refused."""

from __future__ import annotations

import asyncio
import pickle
from pathlib import Path

import pytest
from llama_index.core import MockEmbedding
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores.types import VectorStoreQuery

from llama_index_memgarden import LlamaIndexEmbedder, MemGardenEmbedding, MemGardenIndex, MemGardenVectorStore
from memgarden import EmbedderMismatch, Garden, shared_garden
from memgarden.embed.hashing import HashingEmbedder


def test_one_scope_holds_one_space(store: MemGardenVectorStore, garden: Garden, tmp_path: Path) -> None:
    """Embeddings of another dimension and models of another name are refused, for nodes, queries and gardens."""
    with pytest.raises(EmbedderMismatch, match="3 dimensions"):
        store.add([TextNode(text="x", embedding=[1.0, 2.0, 3.0])])
    with pytest.raises(EmbedderMismatch, match="3 dimensions"):
        store.query(VectorStoreQuery(query_embedding=[1.0, 2.0, 3.0], similarity_top_k=1))
    with pytest.raises(EmbedderMismatch):
        MemGardenVectorStore(garden, "alice", embed_model=MockEmbedding(embed_dim=64))
    own = MemGardenVectorStore(tmp_path / "own", "alice", embed_model=MockEmbedding(embed_dim=8))
    own.add([TextNode(text="x", id_="x")])
    assert own.get_nodes()[0].node_id == "x" and own.client.embedder.dimension == 8
    own.client.close()
    assert len(store.get_nodes()) == 4


def test_vectors_of_another_model_are_refused(garden: Garden) -> None:
    """Though they are as long: by the first text that comes with one, and by the model of an index."""
    store = MemGardenVectorStore(garden, "alice")
    with pytest.raises(EmbedderMismatch, match="cosine"):
        store.add([TextNode(text="green tea", embedding=[1.0] + [0.0] * 63)])
    with pytest.raises(EmbedderMismatch):
        MemGardenIndex(store, embed_model=MockEmbedding(embed_dim=64))
    assert store.get_nodes() == []


def test_models_are_wrapped_both_ways() -> None:
    """A model by its class and name, its queries by its own method; ours with the very vectors it has."""

    class Odd(MockEmbedding):
        def _get_query_embedding(self, query: str) -> list[float]:
            return [0.0, 2.0]

    embedder = LlamaIndexEmbedder(Odd(embed_dim=2, model_name="odd-1"))
    assert embedder.name.endswith(":odd-1") and embedder.dimension == 2
    assert embedder.embed(["a", "b"]).shape == (2, 2) and embedder.embed([]).shape == (0, 2)
    assert embedder.embed(["a"], query=True).tolist() == [[0.0, 1.0]]
    own = HashingEmbedder(16)
    model = MemGardenEmbedding(own)
    assert model.get_text_embedding("tea") == own.embed(["tea"])[0].tolist()
    assert asyncio.run(model.aget_query_embedding("tea")) == own.embed(["tea"], query=True)[0].tolist()
    assert asyncio.run(model.aget_text_embedding_batch(["a", "b"])) == own.embed(["a", "b"]).tolist()


def test_a_model_goes_to_other_processes(tmp_path: Path) -> None:
    """By its garden's address, as `IngestionPipeline.run(num_workers=2)` sends it."""
    shared = shared_garden(tmp_path / "g", embedder=HashingEmbedder(64))
    model = pickle.loads(pickle.dumps(MemGardenEmbedding(shared)))
    assert model.get_text_embedding("tea") == shared.embedder.embed(["tea"])[0].tolist()
    alone = pickle.loads(pickle.dumps(MemGardenEmbedding(HashingEmbedder(64))))
    with pytest.raises(ValueError, match="make it of a garden"):
        alone.get_text_embedding("tea")
    shared.close()
