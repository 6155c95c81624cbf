"""A large scope in a Chroma server: the drainer runs in the host's process, and searches ask the server themselves."""

from __future__ import annotations

import time
from collections.abc import Callable

import chromadb
import numpy as np
import pytest

from memgarden import Garden
from memgarden.records import ScopePath
from memgarden.vector.collection import ChromaIndex, collection_name
from tests.chroma_server import Server
from tests.large.conftest import NAME, fill, near, settled, vectors

OPEN = Callable[..., Garden]


def counts(server: Server, garden: Garden) -> dict[str, int]:
    """How many chunks each collection holds, by `shared` and by the scope's name."""
    parts = garden._parts
    names = {collection_name(parts.id, number): path[0] for number, path in parts.catalogue.large().items()}
    client = chromadb.HttpClient("127.0.0.1", server.port)
    return {
        names.get(collection.name, "shared"): collection.count()
        for collection in client.list_collections()
        if collection.name in names or collection.name == collection_name(parts.id)
    }


def test_a_scope_moves_out_and_back(open_large: OPEN, server: Server) -> None:
    """Searched through the server while it is large, by this garden and by another that holds none of it."""
    garden, other = open_large(chroma=server.url), open_large(chroma=server.url)
    stored = fill(garden, "alice", 400)
    fill(garden, "bob", 30)
    settled(garden, alice="chroma")
    assert counts(server, garden) == {"shared": 30, "alice": 400}
    for query in vectors(5, seed=4):
        expected = [str(n) for n in np.argsort(-(stored @ query))[:10]]
        for asked in (garden, other):
            assert len({*near(asked, "alice", query)} & {*expected}) >= 9
            assert asked._parts.pool._slots["alice",].index.dense._matrix is None  # type: ignore[union-attr]
    added = other.scope("alice").add("fresh", vector=vectors(1, seed=5)[0], embedder=NAME)
    assert near(garden, "alice", vectors(1, seed=5)[0], k=1) == [added.id]
    garden.scope("alice").delete([added.id, *(str(n) for n in range(50, 400))])
    settled(garden)
    assert counts(server, garden) == {"shared": 80}
    query = vectors(1, seed=6)[0]
    assert near(garden, "alice", query) == [str(n) for n in np.argsort(-(stored[:50] @ query))[:10]]


def test_reindex_through_another_client_is_followed(open_large: OPEN, server: Server) -> None:
    """A collection that was built anew is found under its name: no vector comes into memory for it."""
    garden, other = open_large(chroma=server.url), open_large(chroma=server.url)
    fill(garden, "alice", 300)
    settled(garden, alice="chroma")
    query = vectors(1, seed=7)[0]
    expected = near(other, "alice", query)
    garden.reindex()
    settled(garden, alice="chroma")
    assert near(other, "alice", query) == expected
    assert other._parts.pool._slots["alice",].index.dense._matrix is None  # type: ignore[union-attr]
    assert garden.health(deep=True).problems == []


@pytest.mark.parametrize("fault", ["stop", "freeze"])
def test_a_server_that_does_not_answer_is_done_without(open_large: OPEN, server: Server, fault: str) -> None:
    """Searches answer exactly, soon, and the next ones at once; `health` says so; it comes back by itself."""
    garden = open_large(chroma=server.url)
    stored = fill(garden, "alice", 300)
    settled(garden, alice="chroma")
    getattr(server, fault)()
    took = []
    for query in vectors(10, seed=8):
        began = time.monotonic()
        assert near(garden, "alice", query) == [str(n) for n in np.argsort(-(stored @ query))[:10]]
        took.append(time.monotonic() - began)
    assert took[0] < 5 and max(took[1:]) < 0.5
    end = time.monotonic() + 20  # while Chroma's drainer is at work, the refusal may be no more than its beginning
    while not (health := garden.health()).problems:
        assert time.monotonic() < end, "health() knows nothing of it"
    assert health.large == {("alice",): "exact"} and "alice" in health.problems[0]
    server.start() if fault == "stop" else server.thaw()
    settled(garden, alice="chroma")
    assert garden.health().problems == []


def test_gardens_on_one_server_build_a_collection_once(
    open_large: OPEN, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them drains, however long it takes: another would empty what the first has begun to fill."""
    promote, delays = ChromaIndex.promote, iter([0.5, 1.0, 1.5, 2.0] * 5)

    def slowly(index: ChromaIndex, own: int, path: ScopePath) -> None:
        time.sleep(next(delays))
        promote(index, own, path)

    monkeypatch.setattr(ChromaIndex, "promote", slowly)
    gardens = [open_large(chroma=server.url) for _ in range(4)]
    fill(gardens[0], "alice", 600)
    for garden in gardens:
        garden.scope("bob").add("x")  # each has work to do
    settled(gardens[0], alice="chroma")
    for garden in gardens:
        garden.flush()
    assert counts(server, gardens[0]) == {"shared": 4, "alice": 600}
    gardens[0].reindex()
    settled(gardens[0], alice="chroma")
    assert counts(server, gardens[0]) == {"shared": 4, "alice": 600}
    for garden in gardens:
        garden.close()  # one after the other they take over
    with open_large(chroma=server.url) as garden:
        garden.scope("bob").add("y")
        garden.flush()
        assert counts(server, garden) == {"shared": 5, "alice": 600}
