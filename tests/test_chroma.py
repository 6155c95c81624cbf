"""Chroma follows the record: it gets everything, in the background, and what it loses or refuses loses nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import chromadb
import numpy as np
import pytest

from memgarden import ChromaError, Garden, Memory
from memgarden.vector.collection import collection_name

OPEN = Callable[..., Garden]


def mirrored(tmp_path: Path, garden: Garden) -> dict[str, tuple[str, str]]:
    """What a plain chromadb client sees of a closed garden: scope and text by memory id."""
    client = chromadb.PersistentClient(str(tmp_path / "garden" / "chroma"))
    found = client.get_collection(collection_name(garden._parts.id)).get(include=["documents", "metadatas"])
    return {
        str(metadata["mg.memory_id"]): (str(metadata["mg.scope"]), text)
        for metadata, text in zip(found["metadatas"] or [], found["documents"] or [], strict=True)
    }


def test_a_plain_client_reads_what_the_garden_wrote(open_garden: OPEN, tmp_path: Path) -> None:
    """After close: every chunk that is, none that was, with the user's own metadata keys and the scope."""
    with open_garden(chroma="auto") as garden:
        garden.scope("alice", "x/y").add_many([Memory(f"note {n}", id=f"a{n}", metadata={"n": n}) for n in range(300)])
        garden.scope("bob").add("to be replaced", id="b")
        garden.flush()
        garden.scope("bob").add("replaced", id="b")
        garden.scope("alice", "x/y").delete([f"a{n}" for n in range(100)])
        garden.flush()
        assert garden.health().outbox == 0 and garden.health().ok
    expected = {f"a{n}": ("/alice/x~1y", f"note {n}") for n in range(100, 300)} | {"b": ("/bob", "replaced")}
    assert mirrored(tmp_path, garden) == expected
    client = chromadb.PersistentClient(str(tmp_path / "garden" / "chroma"))
    vector = garden._parts.preparer.embedder.embed(["note 250"])[0]
    answer = client.get_collection(collection_name(garden._parts.id)).query(
        query_embeddings=[vector.tolist()], n_results=1, where={"n": 250}
    )
    assert answer["documents"] == [["note 250"]] and answer["distances"][0][0] == pytest.approx(0, abs=1e-5)


def test_writing_does_not_wait_for_chroma(open_garden: OPEN) -> None:
    """Neither the add nor the search that follows."""
    garden = open_garden(chroma="auto")
    start = time.perf_counter()
    garden.scope("alice").add("olive")
    assert [hit.text for hit in garden.scope("alice").search("olive")] == ["olive"]
    assert time.perf_counter() - start < 1.0 and garden.health().outbox == 1  # Chroma's import alone takes longer


def test_what_a_killed_process_left_in_the_outbox_goes_out_with_the_next(open_garden: OPEN, tmp_path: Path) -> None:
    """Nothing is lost between SQL and Chroma."""
    script = (
        "import sys, os\nfrom memgarden import Garden\n"
        "g = Garden.open(sys.argv[1], embedder='hashing:64')\n"
        "g.scope('alice').add_many([f'note {n}' for n in range(500)], batch_size=50)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path / "garden")], check=False)
    assert killed.returncode == -signal.SIGKILL
    with open_garden(chroma="auto") as garden:
        assert garden.scope("alice").count() == 500
        garden.flush()
    assert len(mirrored(tmp_path, garden)) == 500


def test_a_garden_without_chroma_can_be_given_one(open_garden: OPEN, tmp_path: Path) -> None:
    """It then gets all there is, and what processes without one write later."""
    with open_garden() as garden:
        garden.scope("alice").add_many([Memory(f"note {n}", id=f"{n}") for n in range(20)])
        assert garden.health().outbox == 0
    without = open_garden()
    with open_garden(chroma="auto") as garden:
        garden.flush()
        without.scope("alice").add("from a process without Chroma", id="late")
        garden.flush()
    assert mirrored(tmp_path, garden).keys() == {*map(str, range(20)), "late"}


@pytest.mark.parametrize("damage", ["delete", "truncate", "garbage", "no vectors"])
def test_a_damaged_chroma_is_rebuilt_from_the_record(open_garden: OPEN, tmp_path: Path, damage: str) -> None:
    """Searches go on, and `reindex` mends it."""
    with open_garden(chroma="auto") as garden:
        garden.scope("alice").add_many([Memory(f"note {n}", id=f"{n}") for n in range(50)])
        garden.flush()
    folder = tmp_path / "garden" / "chroma"
    if damage == "delete":
        shutil.rmtree(folder)
    elif damage == "truncate":
        os.truncate(folder / "chroma.sqlite3", 5000)
    elif damage == "garbage":
        (folder / "chroma.sqlite3").write_bytes(b"garbage" * 5000)
    else:
        for child in folder.iterdir():
            if child.is_dir():
                shutil.rmtree(child)
    with open_garden(chroma="auto") as garden:
        assert len(garden.scope("alice").search("note 7")) == 10
        garden.reindex()
        garden.flush()
        assert garden.health().ok
    assert len(mirrored(tmp_path, garden)) == 50


def test_a_chroma_that_fails_is_said_to_and_holds_nothing_up(open_garden: OPEN, tmp_path: Path) -> None:
    """`health()` and `flush()` name it; adds and searches go on; the outbox keeps what waits."""
    (tmp_path / "garden").mkdir()
    (tmp_path / "garden" / "chroma").write_text("a file where the folder should be")
    garden = open_garden(chroma="auto")
    garden.scope("alice").add("olive")
    with pytest.raises(ChromaError, match=r"Chroma fails .*1 changes wait: run `memgarden reindex`"):
        garden.flush(timeout=30)
    health = garden.health()
    assert not health.ok and "memgarden reindex" in health.problems[0] and health.outbox == 1
    assert len(garden.scope("alice").search("olive")) == 1


def test_adopting_a_collection_keeps_documents_metadata_ids_and_vectors(garden: Garden, tmp_path: Path) -> None:
    """Vectors that agree with the embedder are kept to the bit; the collection stays as it was."""
    client = chromadb.PersistentClient(str(tmp_path / "other"))
    collection = client.create_collection("notes", configuration={"hnsw": {"space": "cosine"}})
    texts = [f"note {n} about {'olives' if n % 2 else 'figs'}" for n in range(1200)]
    vectors = garden.embedder.embed(texts)
    collection.add([f"n{n}" for n in range(1200)], vectors, [{"n": n} for n in range(1200)], texts)
    collection.add(["bare"], np.ones((1, 64)))
    seen: list[int] = []
    result = garden.adopt_chroma(client, "notes", scope="alice", progress=seen.append)
    assert result.adopted == 1200 and result.kept_vectors and result.note.startswith("vectors kept")
    assert list(result.refused) == ["bare"] and "no document" in result.refused["bare"] and seen[-1] == 1200
    scope = garden.scope("alice")
    hit = scope.search("", mode="dense", vector=vectors[77], embedder=garden.embedder.name, where={"n": 77})[0]
    assert (hit.id, hit.text, hit.memory.metadata) == ("n77", texts[77], {"n": 77})
    assert hit.score == pytest.approx(1, abs=1e-5) and collection.count() == 1201
    again = garden.adopt_chroma(client, "notes", scope=["alice"])
    assert again.adopted == 1200 and scope.count() == 1200


@pytest.mark.parametrize("dimension", [64, 32])
def test_adopting_vectors_of_another_model_embeds_anew(garden: Garden, tmp_path: Path, dimension: int) -> None:
    """Of another dimension, or of the same: what counts is whether they agree."""
    client = chromadb.PersistentClient(str(tmp_path / "other"))
    collection = client.create_collection("notes")
    vectors = np.random.default_rng(0).normal(size=(20, dimension))
    collection.add([f"n{n}" for n in range(20)], vectors, documents=[f"note {n}" for n in range(20)])
    result = garden.adopt_chroma(client, "notes", scope="alice")
    assert result.adopted == 20 and not result.kept_vectors and result.note.startswith("embedded anew")
    own = garden.embedder.embed(["note 5"])[0]
    hits = garden.scope("alice").search("", mode="dense", vector=own, embedder=garden.embedder.name)
    assert hits[0].id == "n5" and hits[0].score == pytest.approx(1, abs=1e-5)


def test_adopting_what_is_not_there_says_what_is(garden: Garden, tmp_path: Path) -> None:
    """And makes no new database."""
    client = chromadb.PersistentClient(str(tmp_path / "other"))
    client.create_collection("notes")
    with pytest.raises(ChromaError, match="no collection 'nots': there are notes"):
        garden.adopt_chroma(client, "nots", scope="alice")
    with pytest.raises(ChromaError, match="holds no Chroma database"):
        garden.adopt_chroma(tmp_path / "nowhere", "notes", scope="alice")
    assert not (tmp_path / "nowhere").exists()
