"""Collections that others wrote."""

from __future__ import annotations

import shutil
from pathlib import Path

import chromadb
import numpy as np
import pytest
from langchain_chroma import Chroma
from langchain_core.embeddings import Embeddings

from memgarden.errors import ChromaError
from memgarden.vector.adopt import read_collection
from memgarden.vector.client import connect, disconnect
from memgarden.vector.folder import segments_of
from memgarden.vector.pages import Page
from tests.chroma_server import Server


class FakeEmbeddings(Embeddings):
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[float(len(text)), 1.0, 0.5] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def joined(pages: list[Page]) -> dict[str, tuple[str | None, object, list[float]]]:
    return {
        key: (document, metadata, vector.tolist())
        for page in pages
        for key, document, metadata, vector in zip(*page, strict=True)
    }


def test_a_large_collection_comes_in_pages_that_hold_every_record_once(tmp_path: Path) -> None:
    client = connect(tmp_path / "chroma")
    collection = client.create_collection("plain", embedding_function=None, metadata={"hnsw:space": "cosine"})
    vectors = np.random.default_rng(0).normal(size=(12_000, 8)).astype(np.float32)
    for start in range(0, 12_000, 4_000):
        part = range(start, start + 4_000)
        collection.add(
            ids=[str(n) for n in part],
            embeddings=vectors[start : start + 4_000],
            documents=[f"text {n}" for n in part],
            metadatas=[{"n": n} for n in part],
        )
    disconnect(client)
    with read_collection(tmp_path / "chroma", "plain") as reader:
        assert (reader.count, reader.dimension, reader.space) == (12_000, 8, "cosine")
        pages = list(reader)
    assert all(page.embeddings.dtype == np.float32 and len(page.ids) <= 1_000 for page in pages)
    found = joined(pages)
    assert len(found) == sum(len(page.ids) for page in pages) == 12_000
    assert found["11999"][:2] == ("text 11999", {"n": 11_999})
    np.testing.assert_allclose([found[str(n)][2] for n in range(12_000)], vectors, atol=1e-6)


def test_what_langchain_wrote_is_read_from_a_server(shared_server: Server) -> None:
    client = chromadb.HttpClient("127.0.0.1", shared_server.port)
    store = Chroma("langchain", FakeEmbeddings(), client=client)
    store.add_texts(["one", "three"], metadatas=[{"page": 1, "tags": ["a", "b"]}, {}], ids=["a", "b"])
    with read_collection(shared_server.url, "langchain") as reader:
        assert (reader.count, reader.dimension, reader.space) == (2, 3, "l2")
        assert joined(list(reader)) == {
            "a": ("one", {"page": 1, "tags": ["a", "b"]}, [3.0, 1.0, 0.5]),
            "b": ("three", None, [5.0, 1.0, 0.5]),
        }


def test_records_without_a_document_or_metadata_yield_none(tmp_path: Path) -> None:
    client = connect(tmp_path / "chroma")
    collection = client.create_collection("bare", embedding_function=None)
    collection.add(ids=["1", "2"], embeddings=np.array([[1, 2], [3, 4]], np.float32))
    collection.add(ids=["3"], embeddings=np.array([[5, 6]], np.float32), documents=["text"])
    reader = read_collection(client, "bare")
    assert [each[:2] for each in joined(list(reader)).values()] == [(None, None), (None, None), ("text", None)]
    reader.close()
    assert collection.count() == 3, "a client that was handed in stays open"
    disconnect(client)


def test_an_empty_collection_has_no_dimension_and_no_pages(tmp_path: Path) -> None:
    client = connect(tmp_path / "chroma")
    client.create_collection("empty", embedding_function=None)
    reader = read_collection(client, "empty")
    assert (reader.count, reader.dimension, list(reader)) == (0, 0, [])
    disconnect(client)


def test_a_collection_with_chromas_own_embedding_function_is_read_without_it(tmp_path: Path) -> None:
    client = connect(tmp_path / "chroma")
    collection = client.create_collection("default")  # chromadb's default function, which would download a model
    collection.add(ids=["1"], embeddings=np.array([[1, 2]], np.float32), documents=["text"])
    assert joined(list(read_collection(client, "default"))) == {"1": ("text", None, [1.0, 2.0])}
    disconnect(client)


def test_a_missing_collection_is_an_error_that_names_those_there_are(tmp_path: Path) -> None:
    client = connect(tmp_path / "chroma")
    for name in ("notes", "papers"):
        client.create_collection(name, embedding_function=None)
    disconnect(client)
    with pytest.raises(ChromaError, match=r"no collection 'note': there are notes, papers"):
        read_collection(tmp_path / "chroma", "note")


def test_a_folder_without_chroma_is_an_error_and_stays_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(ChromaError, match="no Chroma database"):
        read_collection(tmp_path, "any")
    assert list(tmp_path.iterdir()) == []


def test_lost_vectors_are_an_error_and_not_half_a_collection(tmp_path: Path) -> None:
    client = connect(tmp_path / "chroma")
    collection = client.create_collection("lost", embedding_function=None)
    collection.add(ids=[str(n) for n in range(2_000)], embeddings=np.ones((2_000, 2), np.float32))
    disconnect(client)
    [segment] = segments_of(tmp_path / "chroma", "lost")
    shutil.rmtree(segment)
    with pytest.raises(ChromaError, match="lost"), read_collection(tmp_path / "chroma", "lost") as reader:
        list(reader)
