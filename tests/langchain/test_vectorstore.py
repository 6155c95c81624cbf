"""The vector store keeps what it is given, finds it by words and meaning, and refuses what it does not know."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chromadb
import numpy as np
import pytest
from langchain_chroma import Chroma
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langchain_core.indexing import InMemoryRecordManager, aindex, index

from langchain_memgarden import LangChainEmbedder, MemGardenEmbeddings, MemGardenVectorStore, from_chroma
from memgarden import EmbedderMismatch, Garden, InvalidMemory, InvalidScope
from memgarden.embed.hashing import HashingEmbedder

OPEN = Callable[..., Garden]
TEXTS = ["green tea in the morning", "black tea at night", "a train to Lisbon", "the cat Mia eats tuna"]


@pytest.fixture
def store(garden: Garden) -> MemGardenVectorStore:
    """Four Documents of alice's."""
    own = MemGardenVectorStore(garden, "alice")
    own.add_texts(TEXTS, [{"n": n, "kind": "even" if n % 2 == 0 else "odd"} for n in range(4)], ids=list("abcd"))
    MemGardenVectorStore(garden, "bob").add_texts(["tea of bob"])
    return own


def ids(documents: list[Document]) -> list[str | None]:
    return [document.id for document in documents]


def test_documents_come_back_whole(store: MemGardenVectorStore) -> None:
    """A long one too, which is searched in pieces."""
    long = Document(
        id="long", page_content="A line about herring. " * 200 + "At the end, a heron.", metadata={"a": {"b": [1]}}
    )
    store.add_documents([long])
    assert store.similarity_search("heron", k=1) == [long]
    assert store.get_by_ids(["long", "nobody", "a"])[0] == long
    assert ids(store.get_by_ids(["c", "nobody", "a", "b"])) == ["c", "a", "b"]


def test_scores_are_relevances(store: MemGardenVectorStore) -> None:
    """From 0 to 1, the same with `_with_relevance_scores`; a threshold leaves out what is below it."""
    scored = store.similarity_search_with_score("a train to Lisbon", k=4)
    assert scored[0][0].id == "c" and all(0 <= score <= 1 for _, score in scored)
    assert store.similarity_search_with_relevance_scores("a train to Lisbon", k=4) == scored
    best = scored[0][1]
    assert ids(
        [one for one, _ in store.similarity_search_with_relevance_scores("a train to Lisbon", score_threshold=best)]
    ) == ["c"]


def test_filters_are_of_metadata(store: MemGardenVectorStore) -> None:
    """Whatever its keys are called; Chroma's filters mean what they mean there."""
    assert sorted(map(str, ids(store.similarity_search("tea", filter={"kind": "odd"})))) == ["b", "d"]
    both = {"$and": [{"kind": {"$eq": "even"}}, {"$or": [{"n": {"$gt": 1}}, {"n": 7}]}]}
    assert ids(store.similarity_search("tea", filter=both)) == ["c"]
    assert ids(store.similarity_search("tea", filter={"$not": {"n": {"$in": [0, 1, 2]}}})) == ["d"]
    with pytest.raises(TypeError, match="a filter is a mapping"):
        store.similarity_search("tea", filter=lambda document: True)


def test_by_vector_the_nearest_is_first(store: MemGardenVectorStore) -> None:
    """With its cosine where scores are asked for."""
    vector = store.embeddings.embed_query(TEXTS[2])
    assert ids(store.similarity_search_by_vector(vector, k=1)) == ["c"]
    ((found, score),) = store.similarity_search_by_vector_with_relevance_scores(vector, k=1)
    assert found.id == "c" and score == pytest.approx(1, abs=1e-5)


def test_mmr_takes_what_is_unlike(store: MemGardenVectorStore) -> None:
    """Among `fetch_k`, by question and by vector, sync and async; `lambda_mult` 1 is the plain order."""
    store.add_texts(["green tea in the morning"], ids=["again"])
    plain = ids(store.similarity_search("green tea in the morning", k=2))
    assert set(plain) == {"a", "again"}
    assert ids(store.max_marginal_relevance_search("green tea in the morning", k=2, lambda_mult=1.0)) == plain
    varied = ids(store.max_marginal_relevance_search("green tea in the morning", k=2, lambda_mult=0.3))
    assert set(varied) != {"a", "again"}
    assert (
        ids(asyncio.run(store.amax_marginal_relevance_search("green tea in the morning", k=2, lambda_mult=0.3)))
        == varied
    )
    vector = store.embeddings.embed_query("green tea in the morning")
    by_vector = ids(store.max_marginal_relevance_search_by_vector(vector, k=2, lambda_mult=0.3))
    assert set(by_vector) != {"a", "again"}
    assert ids(asyncio.run(store.amax_marginal_relevance_search_by_vector(vector, k=2, lambda_mult=0.3))) == by_vector
    assert set(
        ids(store.max_marginal_relevance_search("green tea in the morning", k=2, fetch_k=2, lambda_mult=0.0))
    ) == set(plain)


def test_retrievers_search_as_they_are_told(store: MemGardenVectorStore) -> None:
    """By type; k and filter at the making and for a call; what is no option is refused."""
    for kind in ("similarity", "hybrid", "lexical", "dense", "mmr"):
        assert ids(store.as_retriever(search_type=kind, k=1).invoke("train Lisbon")) == ["c"]
        assert ids(asyncio.run(store.as_retriever(search_type=kind, k=1).ainvoke("train Lisbon"))) == ["c"]
    assert ids(store.as_retriever(search_type="lexical").invoke("Lisbon")) == ["c"]
    retriever = store.as_retriever(search_type="hybrid", search_kwargs={"k": 3}, filter={"kind": "odd"})
    assert len(retriever.invoke("tea")) == 2
    assert len(retriever.invoke("tea", k=1)) == 1
    threshold = store.as_retriever(
        search_type="similarity_score_threshold", search_kwargs={"score_threshold": 0.999999}
    )
    assert threshold.invoke("something else") == []
    with pytest.raises(ValueError, match="search_type"):
        store.as_retriever(search_type="nearest")
    with pytest.raises(ValueError, match="top_k"):
        store.as_retriever(top_k=3)
    with pytest.raises(TypeError, match="top_k"):
        store.similarity_search("tea", top_k=3)


def test_deleting_needs_ids(store: MemGardenVectorStore) -> None:
    """None wipes nothing; the missing are no error; a scope is not touched by another's ids."""
    with pytest.raises(ValueError, match="ids"):
        store.delete()
    assert len(store.similarity_search("tea", k=10)) == 4
    assert store.delete([]) and store.delete(["nobody"]) and store.delete(["a", "b"])
    assert sorted(map(str, ids(store.similarity_search("tea", k=10)))) == ["c", "d"]


def test_nothing_is_half_added(store: MemGardenVectorStore) -> None:
    """Counts that do not fit and what cannot be stored are errors that say so, and nothing of the call is there."""
    with pytest.raises(ValueError, match="1 ids came with 2 documents"):
        store.add_documents([Document(page_content="x"), Document(page_content="y")], ids=["x"])
    with pytest.raises(ValueError, match="1 metadatas came with 2 texts"):
        store.add_texts(["x", "y"], [{}])
    with pytest.raises(ValueError, match="3 ids came with 2 texts"):
        store.add_texts(["x", "y"], ids=["1", "2", "3"])
    with pytest.raises(InvalidMemory, match="JSON"):
        store.add_documents([Document(page_content="x"), Document(page_content="y", metadata={"o": object()})])
    with pytest.raises(InvalidMemory, match="empty"):
        store.add_texts(["x", " "])
    assert len(store.similarity_search("x", k=10)) == 4
    assert store.add_documents([]) == [] and store.add_texts([]) == []


def test_a_store_needs_a_user(garden: Garden) -> None:
    """There is no scope of everybody."""
    for nobody in (None, "", ()):
        with pytest.raises(InvalidScope, match="whose memories"):
            MemGardenVectorStore(garden, nobody)


def test_from_texts_and_documents(tmp_path: Path) -> None:
    """With a LangChain model as the garden's; it outlives the process's garden, and another model is refused."""
    model = DeterministicFakeEmbedding(size=32)
    store = MemGardenVectorStore.from_texts(
        ["foo", "bar"], model, [{"n": 1}, {"n": 2}], ids=["f", "b"], garden=tmp_path, user="alice"
    )
    assert store.embeddings is model
    assert ids(store.similarity_search("foo", k=1)) == ["f"]
    store.garden.close()
    again = MemGardenVectorStore.from_documents(
        [Document(page_content="baz", id="z")], model, garden=tmp_path, user="alice"
    )
    assert sorted(map(str, ids(again.similarity_search("foo", k=9)))) == ["b", "f", "z"]
    with pytest.raises(EmbedderMismatch):
        MemGardenVectorStore(tmp_path, "alice", embedding=DeterministicFakeEmbedding(size=16))
    again.garden.close()


@pytest.mark.parametrize("cleanup", [None, "incremental", "full", "scoped_full"])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_the_indexing_api_keeps_the_store_as_its_sources_are(garden: Garden, cleanup: Any, asynchronous: bool) -> None:
    """In every mode of cleaning up: added, skipped, updated, deleted."""
    store = MemGardenVectorStore(garden, "alice")
    manager = InMemoryRecordManager("memgarden")
    manager.create_schema()

    def run(texts: list[str]) -> dict[str, int]:
        documents = [Document(page_content=text, metadata={"source": text.split()[0]}) for text in texts]
        keep: dict[str, Any] = {"cleanup": cleanup, "source_id_key": "source", "key_encoder": "sha256"}
        if asynchronous:
            return dict(asyncio.run(aindex(documents, manager, store, **keep)))
        return dict(index(documents, manager, store, **keep))

    assert run(["one a", "two a", "two b"])["num_added"] == 3
    assert run(["one a", "two a", "two b"])["num_skipped"] == 3
    changed = run(["two a", "two c"])
    assert (changed["num_added"], changed["num_skipped"]) == (1, 1)
    left = {document.page_content for document in store.similarity_search("one two", k=10)}
    assert (
        left
        == {
            None: {"one a", "two a", "two b", "two c"},
            "incremental": {"one a", "two a", "two c"},
            "scoped_full": {"one a", "two a", "two c"},
            "full": {"two a", "two c"},
        }[cleanup]
    )


def test_a_chroma_store_becomes_a_hybrid_one(tmp_path: Path) -> None:
    """Documents, ids, metadata and vectors stay, and so does the Chroma store."""
    model = DeterministicFakeEmbedding(size=32)
    old = Chroma("old", model, client=chromadb.PersistentClient(str(tmp_path / "chroma")))
    old.add_texts(TEXTS, [{"n": n} for n in range(4)], ids=list("abcd"))
    new = from_chroma(old, tmp_path / "garden", "alice")
    assert new.adoption is not None and new.adoption.adopted == 4 and new.adoption.kept_vectors
    assert {
        document.id: (document.page_content, document.metadata) for document in new.similarity_search("tea", k=9)
    } == {id: (text, {"n": n}) for n, (id, text) in enumerate(zip("abcd", TEXTS, strict=True))}
    kept = new.scope.search("Lisbon", k=1)
    assert kept[0].id == "c"
    assert len(old.get()["ids"]) == 4
    new.garden.close()


def test_a_chroma_store_of_another_model_is_embedded_anew(garden: Garden, tmp_path: Path) -> None:
    """In a garden that has its own."""
    old = Chroma("old", DeterministicFakeEmbedding(size=32), client=chromadb.PersistentClient(str(tmp_path / "chroma")))
    old.add_texts(TEXTS, ids=list("abcd"))
    new = from_chroma(old, garden, "alice")
    assert new.adoption is not None and not new.adoption.kept_vectors
    assert isinstance(new.embeddings, MemGardenEmbeddings)
    assert ids(new.similarity_search("train to Lisbon", k=1)) == ["c"]


class Odd(Embeddings):
    """A model that names itself, gives vectors of any length, and none for what is blank."""

    model = "odd-1"

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[float(len(text)), 3.0, 0.0] if text.strip() else [0.0, 0.0, 0.0] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return [1.0, 2.0, 2.0]


def test_a_langchain_model_is_an_embedder() -> None:
    """Of unit vectors, by a name that tells models apart; questions by `embed_query`; and ours goes back as itself."""
    embedder = LangChainEmbedder(Odd())
    assert (embedder.name, embedder.dimension) == ("langchain:Odd:odd-1", 3)
    assert embedder.embed(["abcd"]).tolist() == [pytest.approx([0.8, 0.6, 0])]
    assert embedder.embed(["x"], query=True).tolist() == [pytest.approx([1 / 3, 2 / 3, 2 / 3])]
    assert embedder.embed([]).shape == (0, 3)
    assert LangChainEmbedder(Odd(), name="mine").name == "mine"
    size, count = embedder.window()
    assert size == 512 and count("") == 0 and count("ab cd ef gh") == 3


def test_our_embedder_is_a_langchain_model() -> None:
    """With the very vectors that the garden has."""
    own = HashingEmbedder(64)
    model = MemGardenEmbeddings(own)
    assert np.allclose(model.embed_documents(["tea", "cat"]), own.embed(["tea", "cat"]))
    assert np.allclose(model.embed_query("tea"), own.embed(["tea"], query=True)[0])


def test_a_text_that_a_model_has_no_direction_for_is_refused(open_garden: OPEN) -> None:
    """With nothing stored, rather than a vector that is none."""

    class Silent(Odd):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [[0.0, 0.0, 0.0] for _ in texts]

    store = MemGardenVectorStore(open_garden(embedder=LangChainEmbedder(Silent())), "alice")
    with pytest.raises(InvalidMemory, match="zero"):
        store.add_texts(["something"])
    assert store.scope.count() == 0


def test_quotes_in_a_question_are_quotes(store: MemGardenVectorStore) -> None:
    """The best are found whatever was typed; who wants phrases as conditions says so."""
    assert len(store.similarity_search('he said "never mind" about tea', k=4)) == 4
    assert store.similarity_search('he said "never mind" about tea', k=4, phrases=True) == []
