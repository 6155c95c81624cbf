"""What LlamaIndex's Chroma store wrote is adopted into a garden."""

from __future__ import annotations

from pathlib import Path

import chromadb
import pytest
from llama_index.core.schema import BaseNode, Document, ImageNode

from llama_index_memgarden import from_chroma
from memgarden import Garden
from tests.llama_index.conftest import ask, nodes


@pytest.mark.parametrize("as_collection", [False, True])
def test_chroma_is_adopted(garden: Garden, tmp_path: Path, as_collection: bool) -> None:
    """Nodes that LlamaIndex's Chroma store wrote are the nodes they were; so are plain records of a collection."""
    from llama_index.core.vector_stores.utils import node_to_metadata_dict

    client = chromadb.PersistentClient(str(tmp_path / "chroma"))
    collection = client.create_collection("old", configuration={"hnsw": {"space": "cosine"}})
    own = nodes()
    vectors = garden.embedder.embed([node.text for node in own])
    collection.add(
        ids=[node.node_id for node in own],
        documents=[node.text for node in own],
        metadatas=[node_to_metadata_dict(node, remove_text=True, flat_metadata=True) for node in own],
        embeddings=vectors,
    )
    collection.add(
        ids=["plain"],
        documents=["a boat to Porto"],
        metadatas=[{"x": 1}],
        embeddings=garden.embedder.embed(["a boat to Porto"]),
    )

    class Wrapped:
        _collection = collection

    store = from_chroma(collection if as_collection else Wrapped(), garden, "alice")
    assert store.adoption is not None and store.adoption.adopted == 5 and store.adoption.kept_vectors
    back = {node.node_id: node for node in store.get_nodes()}
    for node in own:
        assert back[node.node_id].to_dict() == node.to_dict()
    assert back["plain"].metadata["x"] == 1
    assert ask(store, "a train to Lisbon", k=1) == ["c"] and ask(store, "tea", doc_ids=["doc1"])[0] == "b"
    assert collection.count() == 5


def test_pictures_and_documents_come_from_chroma_as_they_were(garden: Garden, tmp_path: Path) -> None:
    """Without text, too; what only looks like a node's is left as it is."""
    from llama_index.core.vector_stores.utils import node_to_metadata_dict

    client = chromadb.PersistentClient(str(tmp_path / "chroma"))
    collection = client.create_collection("old", configuration={"hnsw": {"space": "cosine"}})
    own: list[BaseNode] = [ImageNode(id_="i", image="aGVsbG8="), Document(id_="d", text="a document")]
    vectors = garden.embedder.embed(["picture", "a document"])
    collection.add(
        ids=[node.node_id for node in own],
        documents=[node.get_content() for node in own],
        metadatas=[node_to_metadata_dict(node, flat_metadata=True) for node in own],
        embeddings=vectors,
    )
    odd = garden.embedder.embed(["odd", "odder"])
    collection.add(
        ids=["o", "p"],
        documents=["odd", "odder"],
        metadatas=[{"_node_content": "[]"}, {"_node_content": 5}],
        embeddings=odd,
    )
    store = from_chroma(collection, garden, "alice")
    assert store.adoption is not None and store.adoption.refused == {} and store.adoption.adopted == 4
    back = {node.node_id: node for node in store.get_nodes()}
    for node in own:
        assert type(back[node.node_id]) is type(node) and back[node.node_id].to_dict() == node.to_dict()
    assert back["o"].get_content() == "odd" and back["p"].metadata["_node_content"] == 5
