"""A large scope is searched through Chroma and answers as an exact search does; what it lacks is found all the same."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import chromadb
import numpy as np
import pytest

from memgarden import Garden
from memgarden.errors import ChromaError
from memgarden.vector.collection import collection_name
from tests.large.conftest import DIMENSION, LIMIT, NAME, fill, near, settled, vectors

OPEN = Callable[..., Garden]


def leg(garden: Garden, scope: str = "alice") -> object:
    return garden._parts.pool._slots[scope,].index.dense  # type: ignore[union-attr]


def test_a_large_scope_answers_as_an_exact_search_does(open_large: OPEN) -> None:
    """At recall .95 and better over clustered vectors, scores included, with the vectors out of memory."""
    garden = open_large()
    stored = fill(garden, "alice", 2000)
    settled(garden, alice="chroma")
    found, scope = 0, garden.scope("alice")
    for query in vectors(100, seed=5):
        cosines = stored @ query
        hits = scope.search("x", mode="dense", vector=query, embedder=NAME)
        found += len({hit.id for hit in hits} & {str(n) for n in np.argsort(-cosines)[:10]})
        assert all(abs(hit.score - cosines[int(hit.id)]) < 1e-5 for hit in hits)
    assert found >= 950
    assert leg(garden)._matrix is None and leg(garden).nbytes == 8 * 2000  # type: ignore[attr-defined]


def test_hybrid_scores_are_exact_whichever_leg_found_a_memory(open_large: OPEN) -> None:
    """Memories that BM25 alone found get their cosine from SQL."""
    garden = open_large()
    stored = fill(garden, "alice", 400)
    settled(garden, alice="chroma")
    only_lexical = 0
    for n, query in enumerate(vectors(20, seed=6)):
        hits = garden.scope("alice").search(f"note {n}", vector=query, embedder=NAME, k=20)
        assert hits[0].id == str(n)
        for hit in hits:
            dense = next(leg for leg in hit.legs if leg.leg == "dense")
            assert abs(dense.score - stored[int(hit.id)] @ query) < 1e-5
            only_lexical += dense.rank is None
    assert only_lexical > 0


def test_what_waits_in_the_outbox_is_found_by_the_next_search(
    open_large: OPEN, open_garden: OPEN, folder: Path
) -> None:
    """Identically to an exact search, while nothing of it is in Chroma; what was deleted is not."""
    with open_large() as garden:
        fill(garden, "alice", 400)
        settled(garden, alice="chroma")
    garden = open_large()
    settled(garden, alice="chroma")
    with sqlite3.connect(folder / "garden.db") as connection:  # a row that nobody settles holds the others back
        connection.execute("CREATE TRIGGER stay BEFORE DELETE ON outbox BEGIN SELECT RAISE(IGNORE); END")
    for n, vector in enumerate(vectors(30, seed=7)):
        added = garden.scope("alice").add(f"fresh {n}", vector=vector, embedder=NAME)
        assert near(garden, "alice", vector, k=1) == [added.id]
        assert garden.scope("alice").delete(added.id) == 1
        assert added.id not in near(garden, "alice", vector)
    assert leg(garden)._matrix is None  # type: ignore[attr-defined]
    assert near(garden, "alice", vectors(1, seed=8)[0]) == near(open_garden(), "alice", vectors(1, seed=8)[0])
    with sqlite3.connect(folder / "garden.db") as connection:
        connection.execute("DROP TRIGGER stay")


@pytest.mark.parametrize("share", [3, 20, 150, 700, 1400])
def test_filters_lose_nothing_however_narrow(open_large: OPEN, open_garden: OPEN, share: int) -> None:
    """From three memories to most of them; all that a filter lets through can be had."""
    garden, exact = open_large(), open_garden()
    fill(garden, "alice", 1500)
    settled(garden, alice="chroma")
    where = {"n": {"$lt": share}}
    right = 0
    for query in vectors(10, seed=9):
        expected = near(exact, "alice", query, where=where)
        found = near(garden, "alice", query, where=where)
        assert len(found) == len(expected) and all(int(id) < share for id in found)
        right += len({*found} & {*expected})
    assert right >= 0.95 * 10 * min(share, 10)
    assert sorted(near(garden, "alice", query, k=2000, where=where), key=int) == [str(n) for n in range(share)]


@pytest.mark.parametrize("mode", ["hybrid", "lexical", "dense"])
def test_quoted_phrases_hold_in_a_large_scope(open_large: OPEN, mode: str) -> None:
    """However far the vectors of what holds them are, in few memories and in all."""
    garden = open_large()
    fill(garden, "alice", 700)
    settled(garden, alice="chroma")
    scope = garden.scope("alice")
    for query in vectors(3, seed=13):
        asked: dict[str, object] = {"mode": mode, "vector": query, "embedder": NAME}
        assert [hit.id for hit in scope.search('note "note 77"', **asked)] == ["77"]  # type: ignore[arg-type]
        found = scope.search('x "alice note"', k=700, **asked)  # type: ignore[arg-type]
        assert len(found) == 700
        assert scope.search('note "alice notes"', **asked) == []  # type: ignore[arg-type]


def test_a_filter_whose_memories_are_all_far_away_loses_none(open_large: OPEN) -> None:
    """Over-fetching that does not reach them gives way to an exact look."""
    garden = open_large()
    far = np.zeros((300, DIMENSION), np.float32)
    far[:, 1] = 1
    close = np.zeros((900, DIMENSION), np.float32)
    close[:, 0] = 1
    scope = garden.scope("alice")
    for name, given in (("far", far), ("close", close)):
        items = [{"text": "x", "id": f"{name}{n}", "tags": [name]} for n in range(len(given))]
        scope.add_many(items, vectors=given, embedder=NAME)
    settled(garden, alice="chroma")
    assert len(near(garden, "alice", close[0], k=50, where={"tags": "far"})) == 50


def test_rerankers_get_the_vectors_of_a_large_scope(open_large: OPEN, open_garden: OPEN) -> None:
    """From SQL, of whichever rows they ask, in their order; zeros for what was deleted meanwhile."""
    garden = open_large()
    stored = fill(garden, "alice", 300)
    settled(garden, alice="chroma")
    query = vectors(1, seed=12)[0]
    asked: dict[str, object] = {"vector": query, "embedder": NAME, "reranker": "mmr", "k": 5}
    found = [[hit.id for hit in each.scope("alice").search("note", **asked)] for each in (garden, open_garden())]  # type: ignore[arg-type]
    assert found[0] == found[1] and len(found[0]) == 5
    rows = np.array([7, 3, 299, 3])
    own = leg(garden)
    assert np.allclose(own.vectors_of(rows), stored[rows])  # type: ignore[attr-defined]
    garden.scope("alice").delete("3")
    assert own.vectors_of(rows)[1].tolist() == [0.0] * DIMENSION  # type: ignore[attr-defined]


def test_scopes_never_meet(open_large: OPEN) -> None:
    """Two large scopes and a small one hold the same vectors; each search finds its own."""
    garden = open_large()
    for scope in ("alice", "bob", "carol"):
        fill(garden, scope, 50 if scope == "carol" else 400)
    settled(garden, alice="chroma", bob="chroma")
    for scope in ("alice", "bob", "carol"):
        for query in vectors(5, seed=10):
            hits = garden.scope(scope).search("note", vector=query, embedder=NAME)
            assert len(hits) == 10 and all(hit.text.startswith(scope) for hit in hits)


def test_own_collections_have_hashed_names_and_hold_their_scope_alone(open_large: OPEN, folder: Path) -> None:
    """And the shared one holds nothing of them."""
    with open_large() as garden:
        fill(garden, "alice/../x", 300)
        fill(garden, "bob", 20)
        settled(garden, **{"alice/../x": "chroma"})
        ((number, _),) = garden._parts.catalogue.large().items()
    client = chromadb.PersistentClient(str(folder / "chroma"))
    held = {collection.name: collection for collection in client.list_collections()}
    own, shared = (collection_name(garden._parts.id, scope) for scope in (number, None))
    assert held.keys() == {own, shared} and "alice" not in own
    assert held[own].count() == 300 and held[shared].count() == 20
    assert {str(each["mg.scope"]) for each in held[shared].get()["metadatas"] or []} == {"/bob"}


def test_without_chroma_a_large_scope_is_searched_exactly(open_large: OPEN, open_garden: OPEN) -> None:
    """Opened without one, and by a garden whose Chroma does not answer: then `health` says so."""
    with open_large() as garden:
        stored = fill(garden, "alice", 300)
        settled(garden, alice="chroma")
    query = vectors(1, seed=11)[0]
    expected = [str(n) for n in np.argsort(-(stored @ query))[:10]]
    without = open_garden()
    assert near(without, "alice", query) == expected and without.health().large == {("alice",): "exact"}
    garden = open_large()
    parts = garden._parts

    def refuse(*_: object) -> None:
        raise ChromaError("no")

    parts.searched.__self__.nearest = refuse  # type: ignore[attr-defined]
    assert near(garden, "alice", query) == expected and garden.health().large == {("alice",): "exact"}
    added = garden.scope("alice").add("fresh", vector=query, embedder=NAME)
    assert near(garden, "alice", query, k=1) == [added.id]


def test_a_long_folder_has_its_socket_elsewhere(open_large: OPEN, tmp_path: Path) -> None:
    """The system's limit for the path of a socket is 108 bytes."""
    deep = tmp_path / ("d" * 120)
    with Garden.open(deep, embedder=NAME.replace("-", ":"), exact_limit=LIMIT) as garden:
        fill(garden, "alice", 250)
        settled(garden, alice="chroma")
        assert not list(deep.glob("*.sock"))


def test_adding_stays_cheap_while_a_scope_moves(open_large: OPEN) -> None:
    """No add waits for Chroma."""
    garden = open_large()
    fill(garden, "alice", 1000)
    slowest, end = 0.0, time.monotonic() + 20
    while garden.health().large != {("alice",): "chroma"} and time.monotonic() < end:
        began = time.monotonic()
        garden.scope("alice").add("x", vector=vectors(1)[0], embedder=NAME)
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.01)
    assert garden.health().large == {("alice",): "chroma"} and slowest < 1.0
