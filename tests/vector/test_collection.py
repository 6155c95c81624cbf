"""A garden's collection, in a folder and on a server."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import cast

import chromadb
import numpy as np
import pytest
from chromadb import Where
from langchain_chroma import Chroma

from memgarden.errors import ChromaError
from memgarden.vector.client import connect, disconnect, refusals
from memgarden.vector.collection import LARGE, ChromaIndex, collection_name
from memgarden.vector.folder import segments_of
from tests.chroma_server import Server
from tests.vector.outbox import DIMENSION, record


@pytest.fixture
def index(target: str, request: pytest.FixtureRequest) -> ChromaIndex:
    index = ChromaIndex(target, request.node.nodeid, "test", DIMENSION)
    request.addfinalizer(index.close)
    return index


def read(index: ChromaIndex, *ids: str) -> chromadb.GetResult:
    return index._open().get(ids=list(ids), include=["documents", "metadatas", "embeddings"])


def test_it_holds_what_was_stored_and_not_deleted(index: ChromaIndex) -> None:
    index.upsert([record(str(n)) for n in range(10)])
    index.delete(["3", "7", "never there"])
    assert index.count() == 8
    assert sorted(index.ids()) == [str(n) for n in range(10) if n not in (3, 7)]
    index.upsert([])
    index.delete([])
    assert index.count() == 8


def test_a_chunk_replaces_what_stood_under_its_id_and_leaves_no_stale_key(index: ChromaIndex) -> None:
    index.upsert([record("1", "old", {"stale": 1, "kept": "a"})])
    new = replace(record("2", "new", {"kept": "b"}), id="1")
    index.upsert([record("1", "between"), new])
    found = read(index, "1")
    assert index.count() == 1
    assert found["documents"] == ["new"]
    assert found["metadatas"] is not None
    assert {key: value for key, value in found["metadatas"][0].items() if key[:3] != "mg."} == {"kept": "b"}
    np.testing.assert_allclose(np.asarray(found["embeddings"])[0], new.vector, atol=1e-6)


def test_more_than_one_batch_and_one_page_are_stored_and_listed(tmp_path: Path) -> None:
    index = ChromaIndex(tmp_path / "chroma", "garden", "test", 2)
    vector = np.array([0.6, 0.8], np.float32)
    index.upsert([replace(record("0"), id=str(n), vector=vector) for n in range(5_500)])
    assert len(set(index.ids())) == index.count() == 5_500
    index.delete([str(n) for n in range(5_490)])
    assert index.count() == 10
    index.close()


def test_reset_leaves_an_empty_collection_that_can_be_filled(index: ChromaIndex) -> None:
    index.upsert([record("1"), record("2")])
    index.reset()
    assert index.count() == 0
    index.upsert([record("2")])
    assert index.ids() == ["2"]


def test_reset_frees_the_disk_that_the_vectors_took(tmp_path: Path) -> None:
    index = ChromaIndex(tmp_path / "chroma", "garden", "test", DIMENSION)
    index.upsert([record("1")])
    [old] = segments_of(tmp_path / "chroma", index.name)
    assert old.is_dir()
    index.reset()
    assert not old.exists()
    assert segments_of(tmp_path / "chroma", index.name) != [old]
    index.close()


def test_reset_takes_a_new_dimension_and_anything_else_refuses_it(
    index: ChromaIndex, request: pytest.FixtureRequest
) -> None:
    index.upsert([record("1")])
    other = ChromaIndex(index._target, request.node.nodeid, "other", 4)
    with pytest.raises(ChromaError, match="memgarden reindex"):
        other.count()
    other.reset()
    other.upsert([replace(record("1"), vector=np.ones(4, np.float32))])
    assert other.count() == 1
    other.close()


def test_a_vector_of_another_dimension_is_a_chroma_error_that_names_the_chunk(index: ChromaIndex) -> None:
    index.upsert([record("1")])
    with pytest.raises(ChromaError, match="chunk 22") as caught:
        index.upsert([replace(record("22"), vector=np.ones(4, np.float32))])
    assert caught.value.__cause__ is not None
    assert index.count() == 1


@pytest.mark.parametrize(("expected", "graph"), [(0, (16, 100, 50)), (LARGE, (32, 200, 100))])
def test_the_graph_is_chosen_by_size_and_the_space_is_cosine(
    tmp_path: Path, expected: int, graph: tuple[int, int, int]
) -> None:
    index = ChromaIndex(tmp_path / "chroma", "garden", "test", DIMENSION, expected)
    settings = index._open().configuration_json["hnsw"]
    assert (settings["max_neighbors"], settings["ef_construction"], settings["ef_search"]) == graph
    assert (settings["space"], settings["sync_threshold"]) == ("cosine", 1_000)
    index.close()


def test_a_plain_client_and_langchain_read_the_users_own_keys(tmp_path: Path) -> None:
    client = connect(tmp_path / "chroma")
    index = ChromaIndex(client, "garden", "test", DIMENSION)
    index.upsert(
        [record("1", "She moved.", {"topic": "home", "tags": ["a", "b"]}), record("2", "Tea.", {"topic": "x"})]
    )
    name = collection_name("garden")
    plain = client.get_collection(name, embedding_function=None)
    assert plain.get(where={"topic": "home"})["documents"] == ["She moved."]
    assert plain.get(where=cast(Where, {"tags": {"$contains": "b"}}))["ids"] == ["1"]
    assert plain.get(where={"mg.scope": "/acme/alice"})["ids"] == ["1", "2"]
    store = Chroma(name, client=client)
    [document] = store.similarity_search_by_vector(record("1").vector.tolist(), k=1, filter={"topic": "home"})
    assert (document.id, document.page_content, document.metadata["topic"]) == ("1", "She moved.", "home")
    index.close()
    assert plain.count() == 2, "a client that was handed in stays open"
    disconnect(client)


@pytest.mark.parametrize("tried", [True, False])
def test_a_folder_that_chroma_cannot_open_is_set_aside_by_reset(tmp_path: Path, tried: bool) -> None:
    folder = tmp_path / "chroma"
    index = ChromaIndex(folder, "garden", "test", DIMENSION)
    index.upsert([record("1")])
    index.close()
    (folder / "chroma.sqlite3").write_bytes(b"no database" * 1_000)
    if tried:
        with pytest.raises(ChromaError, match="memgarden reindex"):
            index.count()
    index.reset()
    index.upsert([record("2")])
    assert index.ids() == ["2"]
    assert (tmp_path / "chroma.broken" / "chroma.sqlite3").exists()
    index.close()


def test_lost_vectors_are_there_again_after_reset_and_refill(tmp_path: Path) -> None:
    folder = tmp_path / "chroma"
    index = ChromaIndex(folder, "garden", "test", DIMENSION)
    index.upsert([record(str(n)) for n in range(1_500)])
    index.close()
    for segment in segments_of(folder, index.name):
        shutil.rmtree(segment)
    index.reset()
    index.upsert([record(str(n)) for n in range(1_500)])
    found = index._open().query(query_embeddings=record("7").vector[None], n_results=1)
    assert found["ids"] == [["7"]]
    index.close()


def test_a_dead_server_is_a_chroma_error_and_a_returning_one_needs_a_close_only(server: Server) -> None:
    index = ChromaIndex(server.url, "garden", "test", DIMENSION)
    index.upsert([record("1")])
    server.stop()
    with pytest.raises(ChromaError, match="Nothing is lost"):
        index.upsert([record("2")])
    with pytest.raises(ChromaError, match="Could not connect"):
        connect(server.url)
    index.close()
    server.start()
    assert index.ids() == ["1"]
    index.close()


def test_a_server_that_hangs_is_given_up(server: Server) -> None:
    index = ChromaIndex(server.url, "garden", "test", DIMENSION, timeout=5)
    index.upsert([record("1")])
    server.freeze()
    began = time.monotonic()
    with pytest.raises(ChromaError, match="Timeout"):
        index.upsert([record("2")])
    assert time.monotonic() - began < 30  # and not the 60 s of a server for which nothing is said
    server.thaw()
    index.close()


def test_chromadb_is_imported_when_it_is_used_and_not_before() -> None:
    script = """
import sys
import memgarden.vector.adopt, memgarden.vector.collection, memgarden.vector.process, memgarden.vector.serve
from memgarden.registry import resolve
from memgarden.vector import INDEXES
resolve("vector index", INDEXES, "chroma")("/nonexistent", "garden", "test", 8)
assert "chromadb" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_panic_of_chromas_native_code_is_a_chroma_error_and_ctrl_c_is_not() -> None:
    panic = type("PanicException", (BaseException,), {})
    with pytest.raises(ChromaError, match="could not count: PanicException: out of range"), refusals("count"):
        raise panic("out of range")
    with pytest.raises(KeyboardInterrupt), refusals("count"):
        raise KeyboardInterrupt
    with pytest.raises(ZeroDivisionError), refusals("count"):
        raise ZeroDivisionError
