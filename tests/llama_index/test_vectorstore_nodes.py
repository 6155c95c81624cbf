"""Nodes that come back as they were, and what others stored as nodes."""

from __future__ import annotations

import pytest
from llama_index.core.schema import (
    BaseNode,
    Document,
    ImageDocument,
    ImageNode,
    IndexNode,
    MediaResource,
    Node,
    NodeRelationship,
    RelatedNodeInfo,
    TextNode,
)
from llama_index.core.vector_stores.types import MetadataFilter, MetadataFilters, VectorStoreQuery

from llama_index_memgarden import MemGardenIndex, MemGardenVectorStore
from memgarden import Garden
from tests.llama_index.conftest import ask, source


def test_nodes_are_got_by_id_and_filter(store: MemGardenVectorStore) -> None:
    """In the order of the ids, or of their arrival."""
    odd = MetadataFilters(filters=[MetadataFilter(key="kind", value="odd")])
    assert [node.node_id for node in store.get_nodes(["d", "nobody", "a"])] == ["d", "a"]
    assert [node.node_id for node in store.get_nodes(filters=odd)] == ["b", "d"]
    assert [node.node_id for node in store.get_nodes(["a", "d"], odd)] == ["d"]
    assert store.get_nodes([]) == []


EVERY_KIND: list[BaseNode] = [
    TextNode(
        text="text with a template",
        id_="t",
        metadata={"a": {"deep": [1, None, "x"]}, "l": ["y"], "none": None, "tags": "t", "kind": "k"},
        excluded_embed_metadata_keys=["a"],
        text_template="{content}|{metadata_str}",
        start_char_idx=3,
        end_char_idx=9,
        relationships={
            **source("doc"),
            NodeRelationship.NEXT: RelatedNodeInfo(node_id="i", metadata={"m": 1}, hash="h"),
            NodeRelationship.CHILD: [RelatedNodeInfo(node_id="c1"), RelatedNodeInfo(node_id="c2")],
        },
    ),
    IndexNode(text="an index node", id_="i", index_id="other-index", metadata={"x": 1}),
    ImageNode(text="", id_="img", image="aGVsbG8=", image_mimetype="image/png", metadata={"x": 2}),
    ImageNode(text="a caption", id_="img2", image_url="https://example.com/a.png"),
    Document(text="a document", id_="d", metadata={"x": 3}),
    ImageDocument(text="a caption", id_="imgdoc", image="aGVsbG8=", metadata={"x": 4}),
    Node(
        id_="n",
        text_resource=MediaResource(text="multimodal text"),
        image_resource=MediaResource(data=b"aGk=", mimetype="image/png"),
    ),
    TextNode(text="   ", id_="blank"),
    TextNode(text="-", id_="dash"),
]


@pytest.mark.parametrize("given", EVERY_KIND, ids=[node.node_id for node in EVERY_KIND])
@pytest.mark.parametrize("embedded", [False, True])
def test_nodes_come_back_as_they_were(garden: Garden, given: BaseNode, embedded: bool) -> None:
    """Of every class, with metadata, relationships and templates; by id, and by a query that finds them."""
    store = MemGardenVectorStore(garden, "alice")
    node = given.model_copy(deep=True)
    vector = garden.embedder.embed([given.get_content() or "picture"])[0].tolist()
    node.embedding = vector if embedded else None
    store.add([node])
    (back,) = store.get_nodes([node.node_id])
    assert type(back) is type(given) and back.to_dict() == given.to_dict() and back.hash == given.hash
    (found,) = store.query(VectorStoreQuery(query_embedding=vector, similarity_top_k=1)).nodes or []
    assert found.to_dict() == given.to_dict()


def test_what_is_ours_in_metadata_is_reserved(store: MemGardenVectorStore) -> None:
    """A node that uses the name is refused, and nothing of the call is stored."""
    with pytest.raises(ValueError, match="rename"):
        store.add([TextNode(text="fine"), TextNode(text="x", metadata={"_llama_index": 1})])
    assert len(store.get_nodes()) == 4


def test_what_others_stored_is_a_node(garden: Garden) -> None:
    """A document by itself: found, filtered and deleted as one; records are not."""
    memory = garden.scope("alice").add("likes oolong", id="m", metadata={"source": "chat"})
    garden.scope("alice").add("kept", id="r", kind="record")
    store = MemGardenVectorStore(garden, "alice")
    (found,) = store.get_nodes()
    assert (found.node_id, found.get_content(), found.ref_doc_id) == ("m", "likes oolong", "m")
    assert found.metadata == {"source": "chat", "created_at": memory.created_at.isoformat()}
    chat = MetadataFilters(filters=[MetadataFilter(key="source", value="chat")])
    assert ask(store, "oolong", filters=chat) == ["m"] == ask(store, "oolong", doc_ids=["m"])
    store.delete("m")
    assert store.get_nodes() == []


def test_odd_metadata_of_others_is_theirs(garden: Garden) -> None:
    """Under our own name, or of our own kind: what is no node of LlamaIndex's is none."""
    scope = garden.scope("alice")
    for n, odd in enumerate(({}, 1, {"node": 1}, None)):
        scope.add(f"tea {n}", metadata={"_llama_index": odd})
    scope.add("tea of the kind", kind="node")
    store = MemGardenVectorStore(garden, "alice")
    assert len(ask(store)) == len(store.get_nodes()) == 5
    assert MemGardenIndex(store).ref_doc_info == {}
