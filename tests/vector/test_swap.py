"""A collection that is built anew beside the old one, at any moment of it: written to, searched, cut off."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memgarden.errors import ChromaError
from memgarden.vector import swap as swap_module
from memgarden.vector.collection import ChromaIndex, collection_name
from memgarden.vector.folder import segments_of
from memgarden.vector.swap import BUILDING, NEW, OLD, Successor, find
from tests.vector.outbox import DIMENSION, record

Open = Callable[[], ChromaIndex]
PLACES = pytest.mark.parametrize("own", [None, 7])
KEPT = {str(n) for n in range(40, 100)}


@pytest.fixture
def open_index(target: str, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens the test's index, as a process of its own would after the one before was closed."""
    opened: list[ChromaIndex] = []

    def open_one() -> ChromaIndex:
        opened.append(ChromaIndex(target, request.node.nodeid, "test", DIMENSION))
        return opened[-1]

    yield open_one
    for index in opened:
        index.close()


def worn(index: ChromaIndex, own: int | None) -> ChromaIndex:
    """A collection of a hundred from which forty were deleted."""
    if own is not None:
        index.promote(own, ("acme", "alice"))
    index.upsert([record(str(n), f"text {n}", {"n": n, "tags": ["a", "b"]}) for n in range(100)], own)
    index.delete([str(n) for n in range(40)], own)
    return index


def rebuilt(index: ChromaIndex, own: int | None, most: int = 25) -> int:
    """Page by page; how many pages there were."""
    pages = 1
    while (held := index.rebuild(own, most)) is None:
        pages += 1
    assert held == index.count(own)
    return pages


def names(index: ChromaIndex) -> set[str]:
    """What the names of the garden's collections of one place end with."""
    return {name[-4:] if name.endswith((NEW, OLD)) else "" for name, _ in index._held()}


def content(index: ChromaIndex, own: int | None) -> dict[str, Any]:
    """All that is held under each id."""
    found = index._open(own).get(include=["documents", "metadatas", "embeddings"])
    lists = (found["documents"] or [], found["metadatas"] or [], np.asarray(found["embeddings"]).round(5).tolist())
    return dict(zip(found["ids"], zip(*lists, strict=True), strict=True))


@PLACES
def test_it_holds_what_the_old_one_did_and_has_its_name_and_nothing_else_is_left(open_index: Open, own: int) -> None:
    """Texts, vectors, metadata with its lists; the mark that it is being built is gone."""
    index = worn(open_index(), own)
    before, old = content(index, own), index._open(own)
    assert rebuilt(index, own) == 4
    assert content(index, own) == before and before.keys() == KEPT
    assert index._open(own).id != old.id and index._open(own).metadata == old.metadata
    index.close()
    again = open_index()
    assert content(again, own) == before
    name = collection_name(index._garden_id, own)
    assert {found for found, _ in again._held()} == {collection_name(index._garden_id), name}


def test_its_files_are_smaller(tmp_path: Path) -> None:
    """Chroma's graph keeps the room of what was deleted; the old one's files are gone."""
    index = ChromaIndex(tmp_path / "chroma", "garden", "test", DIMENSION)
    index.upsert([record(str(n)) for n in range(4_000)])
    index.delete([str(n) for n in range(2_500)])
    [old] = segments_of(tmp_path / "chroma", index.name)
    size = sum(file.stat().st_size for file in old.iterdir())
    rebuilt(index, None, 500)
    [new] = segments_of(tmp_path / "chroma", index.name)
    assert not old.exists() and sum(file.stat().st_size for file in new.iterdir()) < size / 2
    index.close()


@PLACES
def test_what_is_stored_and_deleted_meanwhile_is_in_the_new_one(open_index: Open, own: int | None) -> None:
    """Whether its page was copied or not."""
    index = worn(open_index(), own)
    for n in range(4):
        assert index.rebuild(own, 15) is None
        index.upsert([record(f"new {n}"), record(str(n))], own)
        index.delete([f"new {n - 1}", str(40 + n), str(99 - n)], own)
    rebuilt(index, own)
    gone = {str(40 + n) for n in range(4)} | {str(99 - n) for n in range(4)}
    assert set(index.ids(own)) == KEPT - gone | {"new 3", "0", "1", "2", "3"}


class Cut(BaseException):
    """What stands for a kill: nothing catches it."""


def _cut(*_: object, **__: object) -> None:
    raise Cut


def _cut_fill(after: int) -> Callable[[pytest.MonkeyPatch], None]:
    def install(monkeypatch: pytest.MonkeyPatch) -> None:
        fill, left = Successor.fill, iter(range(after))

        def filling(successor: Successor, most: int) -> bool:
            if next(left, None) is None:
                raise Cut
            return fill(successor, most)

        monkeypatch.setattr(Successor, "fill", filling)

    return install


def _cut_drop(*, after: bool) -> Callable[[pytest.MonkeyPatch], None]:
    def install(monkeypatch: pytest.MonkeyPatch) -> None:
        remove = ChromaIndex._remove

        def removing(index: ChromaIndex, name: str) -> None:
            if after or not name.endswith(OLD):
                remove(index, name)
            if name.endswith(OLD):
                raise Cut

        monkeypatch.setattr(ChromaIndex, "_remove", removing)

    return install


STEPS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "before it is listed": lambda patch: patch.setattr(Successor, "_compare", _cut),
    "before the first page": _cut_fill(0),
    "in the middle": _cut_fill(2),
    "after the last page": lambda patch: patch.setattr(Successor, "swap", _cut),
    "between the two names": lambda patch: patch.setattr(swap_module, "_name", _cut),
    "before the old one goes": _cut_drop(after=False),
    "after the old one went": _cut_drop(after=True),
}


@PLACES
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("written", [False, True])
def test_cut_off_at_any_step_it_is_finished_by_the_next(
    open_index: Open, step: str, own: int | None, written: bool
) -> None:
    """Who finds either the old one or the whole new one, whatever it writes first, and searches it all the while."""
    index = worn(open_index(), own)
    with pytest.MonkeyPatch.context() as patch:
        STEPS[step](patch)
        with pytest.raises(Cut):
            rebuilt(index, own)
    index.close()
    if own is not None:
        searching = open_index()
        assert searching.nearest(own, record("77").vector, 60)[0].tolist()[0] == 77
    expected = set(KEPT)
    index = open_index()
    if written:
        index.upsert([record("500")], own)
        index.delete(["50", "95"], own)
        expected = KEPT - {"50", "95"} | {"500"}
    assert set(index.ids(own)) == expected
    pages = rebuilt(index, own)
    assert set(index.ids(own)) == expected and names(index) == {""}
    assert BUILDING not in (index._open(own).metadata or {})
    if step in ("in the middle", "after the last page"):
        assert pages < 4, "what was copied is copied once"
    if step in ("between the two names", "before the old one goes"):
        assert pages == 1, "it was done"
    if own is not None:
        assert searching.nearest(own, record("77").vector, 60)[0].tolist()[0] == 77


def test_a_part_whose_old_one_was_deleted_by_hand_does_not_pass_for_the_whole(open_index: Open) -> None:
    """And what somebody deleted between the two names leaves the old one."""
    index = worn(open_index(), 7)
    assert index.rebuild(7, 10) is None
    name = collection_name(index._garden_id, 7)
    index._connected().delete_collection(name)
    index.close()
    for ask in (index.count, lambda own: index.nearest(own, record("77").vector, 1)):
        with pytest.raises(ChromaError, match="memgarden reindex"):
            ask(7)
    index = worn(open_index(), 7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(swap_module, "_name", _cut)
        with pytest.raises(Cut):
            rebuilt(index, 7)
    index._connected().delete_collection(name + NEW)
    index.close()
    assert set(index.ids(7)) == KEPT and names(index) == {""}


@pytest.mark.parametrize("move", ["promote", "demote", "reset", "erase"])
def test_what_empties_a_collection_leaves_nothing_of_its_successor(open_index: Open, move: str) -> None:
    """And what is written from then on goes nowhere else."""
    index = worn(open_index(), 7)
    assert index.rebuild(7, 10) is None and names(index) == {"", NEW}
    if move == "promote":
        index.promote(7, ("acme", "alice"))
    elif move == "demote":
        index.demote(7)
    else:
        getattr(index, move)()
    assert index._successors == {} and names(index) <= {""}
    own = 7 if move == "promote" else None
    index.upsert([record("1")], own)
    assert index.ids(own) == ["1"] and names(index) == {""}


def test_what_is_left_of_a_rebuild_that_nobody_wants_any_more_is_tidied_up(open_index: Open) -> None:
    """By a database that was restored since; what is still wanted is gone on with."""
    index = worn(open_index(), None)
    for own in (None, 7):
        worn(index, own)
        assert index.rebuild(own, 10) is None
    index.close()
    index.tidy({0, 7})
    assert sorted(name[-4:] for name, _ in index._held() if name.endswith(NEW)) == [NEW, NEW]
    index.tidy({7})
    assert [own for name, own in index._held() if name.endswith(NEW)] == [7]
    index.tidy(set())
    assert names(index) == {""} and index.owned() == [7]
    assert rebuilt(index, 7) > 3


def test_a_successor_of_another_embedder_is_begun_anew(open_index: Open) -> None:
    """Its vectors are not of this space."""
    index = worn(open_index(), 7)
    assert index.rebuild(7, 10) is None
    found = swap_module.find(index._connected(), collection_name(index._garden_id, 7) + NEW)
    assert found is not None
    found.modify(metadata=dict(found.metadata or {}) | {"mg.embedder": "other"})
    index.close()
    assert rebuilt(index, 7) == 4 and set(index.ids(7)) == KEPT


def test_a_collection_that_chroma_miscounts_is_not_swapped(open_index: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is looked for once more; nothing gets a name that does not hold the same."""
    index = worn(open_index(), 7)
    while not (successor := index._successors.get(7)) or successor._missing:
        assert index.rebuild(7, 20) is None
    successor.new.delete(ids=["41", "42"])
    assert index.rebuild(7, 20) is None and sorted(successor._missing) == ["41", "42"]
    monkeypatch.setattr(Successor, "_compare", lambda _: [])
    successor._missing = []
    with pytest.raises(ChromaError, match="memgarden reindex"):
        index.rebuild(7, 20)
    assert set(index.ids(7)) == KEPT


def test_searches_never_fail_and_never_find_less_while_it_swaps(open_index: Open) -> None:
    """Those through the index that swaps, and those through another client, where there is a server: all are exact."""
    index = worn(open_index(), 7)
    clients = [index] if index._folder else [index, open_index()]
    faults: list[object] = []
    ended: list[object] = []
    stop, asked = threading.Event(), [0]
    vectors = {key: record(key).vector for key in sorted(KEPT)}
    matrix = np.stack(list(vectors.values()))
    numbers = np.array([int(key) for key in vectors])
    expected = {key: numbers[np.argsort(-(matrix @ vector))[:5]].tolist() for key, vector in vectors.items()}

    def search(client: ChromaIndex) -> None:
        while not stop.is_set():
            for key, vector in vectors.items():
                try:
                    found = client.nearest(7, vector, 5)[0].tolist()
                except ChromaError as error:
                    found = [str(error)]
                if found != expected[key]:
                    faults.append((key, found))
                asked[0] += 1
        ended.append(client)

    threads = [threading.Thread(target=search, args=(client,)) for client in clients for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(8):
        rebuilt(index, 7)
    stop.set()
    for thread in threads:
        thread.join()
    assert faults == [], expected
    assert len(ended) == len(threads) and asked[0] > 100


def test_somebody_who_takes_the_name_in_between_costs_no_record(open_index: Open) -> None:
    """The old one may be all there is: it stays, and the garden says that its collection is another's."""
    index = worn(open_index(), 7)
    name = collection_name(index._garden_id, 7)
    index._open(7).modify(name=name + OLD)
    index._connected().create_collection(name, embedding_function=None)
    index.close()
    with pytest.raises(ChromaError, match="memgarden reindex"):
        open_index().upsert([record("1", "text", {})], 7)
    kept = find(open_index()._connected(), name + OLD)
    assert kept is not None and kept.count() == 60
