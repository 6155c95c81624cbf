"""LlamaIndex's vector store contract, over ours: modes, upserts, deletion, nodes that come back as they were."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chromadb
import pytest
from llama_index.core import MockEmbedding, StorageContext, VectorStoreIndex
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
from llama_index.core.vector_stores.types import (
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)

from llama_index_memgarden import (
    LlamaIndexEmbedder,
    MemGardenEmbedding,
    MemGardenIndex,
    MemGardenVectorStore,
    from_chroma,
)
from memgarden import EmbedderMismatch, Garden, InvalidScope, shared_garden
from memgarden.embed.hashing import HashingEmbedder

OPEN = Callable[..., Garden]
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


def test_adding_is_upserting(store: MemGardenVectorStore) -> None:
    """By node id: nothing is stored twice, and what changed is found as it is now."""
    assert store.add(nodes()) == list("abcd")
    assert len(store.get_nodes()) == 4
    store.add([TextNode(text="oolong in the afternoon", id_="a")])
    assert ask(store, "oolong", "sparse") == ["a"] and len(store.get_nodes()) == 4
    assert store.add([]) == []


@pytest.mark.parametrize("mode", ["default", "sparse", "text_search", "hybrid", "semantic_hybrid", "mmr"])
def test_every_mode_it_claims(store: MemGardenVectorStore, mode: str) -> None:
    """Finds the node that was asked for first, sync and async, and never another user's."""
    found = ask(store, "a train to Lisbon", mode)
    assert found[0] == "c" and set(found) <= set("abcd")
    if mode in ("sparse", "text_search"):
        assert ask(store, "Lisbon", mode) == ["c"] and ask(store, "zebra", mode) == []
    else:
        assert len(found) == 4
    query = VectorStoreQuery(query_str="a train to Lisbon", similarity_top_k=2, mode=VectorStoreQueryMode(mode))
    assert asyncio.run(store.aquery(query)).ids == found[:2]


@pytest.mark.parametrize("mode", ["svm", "logistic_regression", "linear_regression"])
def test_other_modes_are_refused(store: MemGardenVectorStore, mode: str) -> None:
    """And never answered by another."""
    with pytest.raises(ValueError, match="not supported"):
        ask(store, "tea", mode)


def test_alpha_is_heeded_at_its_ends(store: MemGardenVectorStore) -> None:
    """0 is BM25 alone, 1 the vectors alone."""
    assert ask(store, "Lisbon tuna", alpha=0.0) == ask(store, "Lisbon tuna", "sparse")
    assert ask(store, "Lisbon tuna", alpha=1.0) == ask(store, "Lisbon tuna", "default")


def test_each_mode_has_its_own_k(store: MemGardenVectorStore) -> None:
    """`sparse_top_k` and `hybrid_top_k` before `similarity_top_k`."""
    assert len(ask(store, "tea", "sparse", k=9, sparse_top_k=1)) == 1
    assert len(ask(store, "tea", "hybrid", k=9, hybrid_top_k=2)) == 2
    assert len(ask(store, "tea", "default", k=3, sparse_top_k=1, hybrid_top_k=1)) == 3


def test_mmr_takes_what_is_unlike(store: MemGardenVectorStore) -> None:
    """By the query's threshold or the call's, 0 included."""
    store.add([TextNode(text=TEXTS[0], id_="again")])
    vector = store.embed_model.get_query_embedding(TEXTS[0])
    plain = VectorStoreQuery(query_embedding=vector, similarity_top_k=2)
    assert set(store.query(plain).ids or []) == {"a", "again"}
    varied = VectorStoreQuery(
        query_embedding=vector, similarity_top_k=2, mode=VectorStoreQueryMode.MMR, mmr_threshold=0.2
    )
    assert set(store.query(varied).ids or []) != {"a", "again"}
    alike = VectorStoreQuery(query_embedding=vector, similarity_top_k=2, mode=VectorStoreQueryMode.MMR)
    assert set(store.query(alike, mmr_threshold=1.0).ids or []) == {"a", "again"}
    assert set(store.query(alike, mmr_threshold=0.0).ids or []) != {"a", "again"}


def test_node_ids_and_doc_ids_narrow(store: MemGardenVectorStore) -> None:
    """In every mode, together with filters; an empty list narrows nothing."""
    filters = MetadataFilters(filters=[MetadataFilter(key="n", value=1, operator=FilterOperator.GT)])
    for mode in ("default", "hybrid", "mmr"):
        assert set(ask(store, "tea", mode, node_ids=["a", "b", "nobody"])) == {"a", "b"}
        assert set(ask(store, "tea", mode, doc_ids=["doc1"])) == {"b", "d"}
        assert set(ask(store, "tea", mode, doc_ids=["doc1"], filters=filters)) == {"d"}
        assert len(ask(store, "tea", mode, node_ids=[], doc_ids=[])) == 4


def test_deletion_deletes(store: MemGardenVectorStore) -> None:
    """The nodes of a document, the nodes named, those that pass a filter; for every mode, at once."""
    store.delete("nobody")
    store.delete("doc1")
    for mode in ("default", "sparse", "hybrid"):
        assert set(ask(store, "tea train cat", mode)) <= {"a", "c"}
    store.delete_nodes(["a", "nobody"])
    assert [node.node_id for node in store.get_nodes()] == ["c"]
    store.delete_nodes([])
    with pytest.raises(ValueError, match="clear"):
        store.delete_nodes()
    with pytest.raises(ValueError, match="clear"):
        store.delete_nodes(filters=MetadataFilters(filters=[]))
    store.delete_nodes(filters=MetadataFilters(filters=[MetadataFilter(key="n", value=2)]))
    assert store.get_nodes() == []


def test_none_is_no_document(store: MemGardenVectorStore) -> None:
    """Nodes without a source stay when a document called "None" is deleted, and that document's own go."""
    store.add([TextNode(text="an orphan", id_="o"), TextNode(text="of None", id_="n", relationships=source("None"))])
    store.delete("None")
    assert {node.node_id for node in store.get_nodes()} == {*"abcd", "o"}


def test_clearing_is_of_one_user(store: MemGardenVectorStore, garden: Garden) -> None:
    """Everything of alice's, nothing of bob's."""
    store.clear()
    assert store.get_nodes() == [] and ask(store) == []
    assert [node.node_id for node in MemGardenVectorStore(garden, "bob").get_nodes()] == ["bobs"]


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


def test_an_index_works_over_it(garden: Garden) -> None:
    """Built, asked, added to and deleted from, as over any store."""
    store = MemGardenVectorStore(garden, "alice")
    context = StorageContext.from_defaults(vector_store=store)
    documents = [Document(text=text, id_=f"d{n}") for n, text in enumerate(TEXTS)]
    index = VectorStoreIndex.from_documents(documents, storage_context=context, embed_model=store.embed_model)
    retriever = index.as_retriever(vector_store_query_mode="hybrid", similarity_top_k=2, alpha=0.5)
    assert retriever.retrieve("a train to Lisbon")[0].node.ref_doc_id == "d2"
    index.insert(Document(text="a boat to Porto", id_="d9"))
    again = VectorStoreIndex.from_vector_store(store, embed_model=store.embed_model)
    assert again.as_retriever(similarity_top_k=1).retrieve("a boat to Porto")[0].node.ref_doc_id == "d9"
    again.delete_ref_doc("d9")
    assert "d9" not in {found.node.ref_doc_id for found in retriever.retrieve("a boat to Porto")}


def test_it_is_an_address(garden: Garden, tmp_path: Path) -> None:
    """Serialised, persisted and loaded again, it is the same user's in the same garden."""
    shared = shared_garden(tmp_path / "g", embedder=HashingEmbedder(64))
    store = MemGardenVectorStore(tmp_path / "g", ("acme", "alice"))
    store.add(nodes())
    assert MemGardenVectorStore.class_name() == "MemGardenVectorStore" == store.to_dict()["class_name"]
    assert len(MemGardenVectorStore.from_dict(json.loads(json.dumps(store.to_dict()))).get_nodes()) == 4
    store.persist(str(tmp_path / "address" / "store.json"))
    loaded = MemGardenVectorStore.from_persist_path(str(tmp_path / "address" / "store.json"))
    assert loaded.user == ("acme", "alice") and len(loaded.get_nodes()) == 4
    shared.close()


def test_a_store_needs_a_user(garden: Garden) -> None:
    """A string or a path of them; anything else is refused."""
    for wrong in (None, "", (), 42, {"alice": 1}):
        with pytest.raises(InvalidScope, match="user"):
            MemGardenVectorStore(garden, wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="collection"):
        MemGardenVectorStore(garden, "alice", collection="x")


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


def test_vectors_of_another_model_are_refused(garden: Garden) -> None:
    """Though they are as long: by the first text that comes with one, and by the model of an index."""
    store = MemGardenVectorStore(garden, "alice")
    with pytest.raises(EmbedderMismatch, match="cosine"):
        store.add([TextNode(text="green tea", embedding=[1.0] + [0.0] * 63)])
    with pytest.raises(EmbedderMismatch):
        MemGardenIndex(store, embed_model=MockEmbedding(embed_dim=64))
    assert store.get_nodes() == []


def test_of_equal_ids_the_last_is_kept(garden: Garden) -> None:
    """Whichever of them came with a vector."""
    store = MemGardenVectorStore(garden, "alice")
    vector = store.embed_model.get_text_embedding("first")
    store.add([TextNode(text="first", id_="x", embedding=vector), TextNode(text="second", id_="x")])
    store.add([TextNode(text="second", id_="y"), TextNode(text="first", id_="y", embedding=vector)])
    assert {node.node_id: node.get_content() for node in store.get_nodes()} == {"x": "second", "y": "first"}


def test_filters_that_say_nothing_delete_nothing(store: MemGardenVectorStore) -> None:
    """However deep the nothing is; and a large k is no error."""
    for nothing in (MetadataFilters(filters=[]), MetadataFilters(filters=[MetadataFilters(filters=[])])):
        with pytest.raises(ValueError, match="clear"):
            store.delete_nodes(filters=nothing)
    assert len(ask(store, mode="mmr", k=5000)) == 4


def test_a_model_goes_to_other_processes(tmp_path: Path) -> None:
    """By its garden's address, as `IngestionPipeline.run(num_workers=2)` sends it."""
    shared = shared_garden(tmp_path / "g", embedder=HashingEmbedder(64))
    model = pickle.loads(pickle.dumps(MemGardenEmbedding(shared)))
    assert model.get_text_embedding("tea") == shared.embedder.embed(["tea"])[0].tolist()
    alone = pickle.loads(pickle.dumps(MemGardenEmbedding(HashingEmbedder(64))))
    with pytest.raises(ValueError, match="make it of a garden"):
        alone.get_text_embedding("tea")
    shared.close()


def test_concurrent_work_is_whole(garden: Garden) -> None:
    """A hundred adds, queries and deletions at once."""
    store = MemGardenVectorStore(garden, "alice")

    async def one(n: int) -> None:
        await store.async_add([TextNode(text=f"tea number {n}", id_=f"t{n}", relationships=source(f"d{n}"))])
        result = await store.aquery(
            VectorStoreQuery(query_str=f"tea number {n}", similarity_top_k=200, mode=VectorStoreQueryMode.SPARSE)
        )
        assert f"t{n}" in (result.ids or [])
        if n % 2:
            await store.adelete(f"d{n}")

    async def work() -> None:
        await asyncio.gather(*(one(n) for n in range(100)))

    asyncio.run(work())
    assert {node.node_id for node in store.get_nodes()} == {f"t{n}" for n in range(0, 100, 2)}


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
