"""A Chroma folder in which others have collections too loses the garden's and keeps theirs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from memgarden import Garden
from memgarden.protocols import OutboxItem
from memgarden.vector.drain import drain_once
from tests.chroma_server import Server
from tests.forget.conftest import traces
from tests.vector.outbox import ListOutbox, record

OPEN = Callable[..., Garden]
THEIRS = """
import sys
import chromadb
client = chromadb.PersistentClient(sys.argv[1])
if sys.argv[2] == "first":
    client.create_collection("theirs", embedding_function=None)
theirs = client.get_collection("theirs", embedding_function=None)
ids = [f"their {sys.argv[2]} {n}" for n in range(30)]
if sys.argv[2] != "look":
    off = 0.0 if sys.argv[2] == "first" else 0.3
    vectors = [[1.0, n + off, 0.5] for n in range(30)]
    theirs.upsert(ids=ids, documents=ids, embeddings=vectors, metadatas=[{"who": "they"}] * 30)
found = theirs.query(query_embeddings=[[1.0, 7.0, 0.5]], n_results=1)["documents"]
print(theirs.count(), found, len(theirs.get(where_document={"$contains": "their first 2"})["ids"]))
"""


def _theirs(folder: Path, which: str) -> str:
    command = [sys.executable, "-c", THEIRS, str(folder), which]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()


def test_collections_of_others_stay(open_garden: OPEN, tmp_path: Path) -> None:
    """They can be read, searched and written as before, and of the garden's nothing is left in any file."""
    word, label = f"word{uuid4().hex}", f"label{uuid4().hex}"
    folder = tmp_path / "chroma"
    _theirs(folder, "first")
    with open_garden(chroma=str(folder), exact_limit=20) as garden:
        garden.scope(label).add_many([{"text": f"{word} {n}", "tags": [word, "x"]} for n in range(50)])
        garden.scope("bob").add_many([f"tea {n}" for n in range(30)])
        garden.flush()
        assert traces(tmp_path, [word, label])
        assert garden.forget(label, timeout=60).chroma == "erased"
        assert traces(tmp_path, [word, label]) == []
        garden.flush()
        assert garden.health(deep=True).problems == []
    assert _theirs(folder, "look") == "30 [['their first 7']] 11"
    assert _theirs(folder, "second").startswith("60 ")


def test_of_a_server_the_collections_go(open_garden: OPEN, server: Server) -> None:
    """The receipt says that the server's own files are its own."""
    with open_garden(chroma=server.url) as garden:
        garden.scope("alice").add("tea")
        garden.scope("bob").add("coffee")
        garden.flush()
        receipt = garden.forget("alice", timeout=60)
        assert receipt.chroma == "server" and "out of reach" in receipt.notes[0]
        garden.flush()
        assert garden.health(deep=True).problems == []


def test_a_chroma_that_does_not_answer_is_waited_for_and_erased_later(open_garden: OPEN, server: Server) -> None:
    """The receipt says that it waits, and so does `health`."""
    with open_garden(chroma=server.url) as garden:
        garden.scope("alice").add("tea")
        garden.flush()
        server.stop()
        assert garden.forget("alice", timeout=1.0).chroma == "waiting"
        assert any("has yet to erase" in problem for problem in garden.health().problems)
        garden.reindex()  # which must not make a plain reset of it
        assert garden._parts.outbox.erasing()
        server.start()
        garden.flush(60)
        assert garden.health(deep=True).problems == []


class _Erasable:
    def __init__(self) -> None:
        self.held: list[str] = ["old"]
        self.erased = 0

    def erase(self) -> None:
        self.erased += 1
        self.held = []

    def upsert(self, records: list[object], own: int | None = None) -> None:
        raise RuntimeError("Chroma refuses")


def test_what_is_erased_is_not_erased_again_where_the_rest_fails() -> None:
    """It is struck off by itself, for somebody waits for it."""
    outbox, index = ListOutbox(), _Erasable()
    outbox.items = [OutboxItem(1, "erase", "0", None), OutboxItem(2, "upsert", "1", record("1"))]
    for _ in range(2):
        with suppress(RuntimeError):
            drain_once(outbox, index, 10)  # type: ignore[arg-type]
    assert index.erased == 1 and [item.op for item in outbox.items] == ["upsert"]
