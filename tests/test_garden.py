"""A garden behaves like a dict of memories that can be searched, for each scope, for good."""

from __future__ import annotations

import ctypes
import os
import pickle
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from memgarden import Conflict, Garden, GardenBusy, GardenClosed, Importance, InvalidMemory, Memory, MemoryNotFound
from memgarden.retrieve.fusion import FUSIONS

OPEN = Callable[..., Garden]


def test_what_is_added_comes_back_whole(garden: Garden) -> None:
    """Every field survives the database, times to the microsecond."""
    said = datetime(2024, 5, 1, 12, 30, 0, 123457, tzinfo=UTC)
    scope = garden.scope("alice")
    given = scope.add(
        "I moved to Lisbon. 🌿",
        id="m1",
        metadata={"nested": {"list": [1, 2.5, None, True, "x"]}, "größe": 7},
        tags=["home", "move"],
        importance="high",
        kind="fact",
        created_at=said,
        expires_at=said + timedelta(days=36500),
    )
    assert scope.get("m1") == given
    assert given.created_at == said and given.importance is Importance.HIGH and given.tags == ("home", "move")


def test_a_memory_outlives_the_garden_object(open_garden: OPEN) -> None:
    """What a closed garden was told, a newly opened one finds."""
    with open_garden() as first:
        first.scope("alice").add("The spare key is under the blue pot.", id="key")
    with open_garden() as second:
        assert [hit.id for hit in second.scope("alice").search("where is the spare key?")] == ["key"]


def test_equal_ids_replace_the_whole_memory(garden: Garden) -> None:
    """Nothing of the old one stays: not its metadata, not its place in the index."""
    scope = garden.scope("alice")
    scope.add("I live in Porto.", id="home", metadata={"old": 1}, tags=["a"])
    scope.add("I live in Turin.", id="home")
    assert scope.count() == 1
    assert scope.get("home").metadata == {} and scope.get("home").tags == ()
    assert scope.search("Porto", mode="lexical") == []
    assert [hit.text for hit in scope.search("Turin", mode="lexical")] == ["I live in Turin."]


def test_the_last_of_equal_ids_in_a_batch_wins(garden: Garden) -> None:
    """As in a dict."""
    scope = garden.scope("alice")
    items = [Memory("first", id="a"), {"text": "other", "id": "b"}, Memory("last", id="a")]
    assert scope.add_many(items) == ["a", "b", "a"]
    assert scope.get("a").text == "last" and scope.count() == 2


def test_update_changes_what_is_given_and_keeps_the_rest(garden: Garden) -> None:
    """And None for expires_at means for ever, not left alone."""
    scope = garden.scope("alice")
    later = datetime.now(UTC) + timedelta(days=1)
    scope.add("I like tea.", id="a", metadata={"x": 1}, tags=["drink"], expires_at=later)
    changed = scope.update("a", importance="low", metadata={"y": 2})
    assert (changed.text, changed.metadata, changed.tags) == ("I like tea.", {"y": 2}, ("drink",))
    assert changed.expires_at == later and scope.update("a", expires_at=None).expires_at is None
    scope.update("a", text="I like coffee.")
    assert scope.search("tea", mode="lexical") == []
    assert [hit.memory for hit in scope.search("coffee")] == [scope.get("a")]


def test_updating_a_missing_memory_says_so(garden: Garden) -> None:
    """A `KeyError` too, as for a dict."""
    with pytest.raises(MemoryNotFound, match="holds no memory 'nope'"):
        garden.scope("alice").update("nope", text="x")
    assert issubclass(MemoryNotFound, KeyError)


def test_a_filter_follows_an_update_of_metadata_alone(garden: Garden) -> None:
    """Columns that a filter has read are never stale."""
    scope = garden.scope("alice")
    scope.add("note", id="a", metadata={"page": 1})
    assert scope.search("note", where={"page": 1})
    scope.update("a", metadata={"page": 2})
    assert not scope.search("note", where={"page": 1}) and scope.search("note", where={"page": 2})


def test_delete_counts_what_there_was(garden: Garden) -> None:
    """Unknown ids are no error, deleted ones are gone at once."""
    scope = garden.scope("alice")
    scope.add_many([Memory(f"note {n}", id=str(n)) for n in range(5)])
    assert scope.delete(["1", "3", "nope", "1"]) == 2 and scope.delete("0") == 1 and scope.delete([]) == 0
    assert {hit.id for hit in scope.search("note")} == {"2", "4"} and scope.get("1") is None


def test_expired_memories_are_gone_for_every_reader(garden: Garden) -> None:
    """Search, get, list and count agree."""
    scope = garden.scope("alice")
    scope.add("old note", id="old", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    scope.add("new note", id="new", expires_at=datetime.now(UTC) + timedelta(hours=1))
    assert [hit.id for hit in scope.search("note")] == ["new"]
    assert scope.get("old") is None and scope.count() == 1 and [m.id for m in scope.list()] == ["new"]
    with pytest.raises(MemoryNotFound):
        scope.update("old", text="x")


def test_list_pages_in_order(garden: Garden) -> None:
    """Pages of any size put together are the whole, in the order asked."""
    scope = garden.scope("alice")
    start = datetime(2024, 1, 1, tzinfo=UTC)
    scope.add_many([Memory(f"n{n}", id=f"{n:02}", created_at=start + timedelta(hours=n % 7)) for n in range(20)])
    for order in ("created_at", "-created_at", "id", "-id", "stored_at"):
        whole = [memory.id for memory in scope.list(order=order)]
        paged = [m.id for offset in range(0, 20, 3) for m in scope.list(order=order, limit=3, offset=offset)]
        assert whole == paged and len(set(whole)) == 20
    assert scope.list(order="created_at")[0].id == "00" and scope.list(order="-id")[0].id == "19"


def test_scopes_are_listed_by_prefix_of_labels(garden: Garden) -> None:
    """A prefix is of labels, not of letters."""
    for labels in [("acme", "alice"), ("acme", "bob", "x"), ("acmeville",), ("ac/me",)]:
        garden.scope(*labels).add("x")
    assert set(garden.scopes("acme")) == {("acme", "alice"), ("acme", "bob", "x")}
    assert len(garden.scopes()) == 4 and garden.scopes("acme", "alice") == {("acme", "alice"): 1}
    assert garden.scopes("nobody") == {}


def test_searching_a_scope_that_was_never_written_to_creates_nothing(garden: Garden) -> None:
    """A typo in a user's name leaves no trace."""
    assert garden.scope("ghost").search("anything") == [] and garden.scope("ghost").count() == 0
    assert garden.health().rows["scopes"] == 0


def test_vectors_given_are_the_ones_searched(garden: Garden) -> None:
    """A memory with a vector of its own is found by that vector, whatever its text."""
    scope, rng = garden.scope("alice"), np.random.default_rng(1)
    vectors = rng.normal(size=(30, 64))
    name = garden.embedder.name
    scope.add_many([Memory(f"text {n}", id=str(n)) for n in range(30)], vectors=vectors, embedder=name, batch_size=7)
    for n in (0, 13, 29):
        hits = scope.search("", mode="dense", vector=vectors[n] * 5, embedder=name, k=3)
        assert hits[0].id == str(n) and hits[0].score == pytest.approx(1, abs=1e-5)


def test_updating_metadata_keeps_a_vector_that_was_given(garden: Garden) -> None:
    """It could not be made again."""
    scope, name = garden.scope("alice"), garden.embedder.name
    vector = np.random.default_rng(2).normal(size=64)
    scope.add("text", id="a", vector=vector, embedder=name)
    scope.update("a", metadata={"x": 1})
    assert scope.search("", mode="dense", vector=vector, embedder=name)[0].score == pytest.approx(1, abs=1e-5)


def test_add_many_takes_a_stream_and_tells_how_far_it_is(garden: Garden) -> None:
    """Progress counts what is stored; a bad item stops there and what came before it stays."""
    scope, seen = garden.scope("alice"), []
    stream = (f"note {n}" if n != 25 else "  " for n in range(100))
    with pytest.raises(InvalidMemory, match=r"item 25: .*\(the 20 before number 20 were stored\)"):
        scope.add_many(stream, batch_size=10, progress=seen.append)
    assert seen == [10, 20] and scope.count() == 20


def test_threads_lose_no_update(garden: Garden) -> None:
    """Eight threads that each add their own keys to one memory's metadata all have their way."""
    scope = garden.scope("alice")
    scope.add("counter", id="a", metadata={})

    def work(name: str) -> None:
        for n in range(5):
            while True:
                current = dict(scope.get("a").metadata)
                version = scope._parts.source.version(scope.path, "a")
                entry = scope._parts.preparer.entries(
                    [Memory("counter", id="a", metadata={**current, f"{name}{n}": 1})], scope._before
                )
                if version[1].metadata != current:
                    continue
                try:
                    scope._parts.sink.put(scope.path, entry, expect={"a": version[0]})
                except Conflict:
                    continue
                break

    threads = [threading.Thread(target=work, args=(chr(97 + n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(scope.get("a").metadata) == 40


def test_threads_find_what_they_add(garden: Garden) -> None:
    """Each thread's add is found by its own next search, whoever else writes to the scope."""
    scope, faults = garden.scope("alice"), []

    def work(name: int) -> None:
        for n in range(25):
            text = f"zebra{name}x{n} note"
            scope.add(text, id=f"{name}-{n}")
            if [hit.id for hit in scope.search(f"zebra{name}x{n}", k=1)] != [f"{name}-{n}"]:
                faults.append(text)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == [] and scope.count() == 200


def test_a_closed_garden_says_so(garden: Garden) -> None:
    """Closing twice is no error; using it is."""
    scope = garden.scope("alice")
    garden.close()
    garden.close()
    for use in (lambda: scope.add("x"), lambda: scope.search("x"), lambda: garden.scope("y"), garden.health):
        with pytest.raises(GardenClosed, match="open it again"):
            use()


def test_two_gardens_on_one_folder_see_each_others_writes_at_once(open_garden: OPEN) -> None:
    """Revisions make every index exact: adds, replacements and deletions of the other are seen by the next search."""
    one, two = open_garden().scope("alice"), open_garden().scope("alice")
    for n in range(20):
        one.add(f"marker{n} from one", id=f"a{n}")
        assert [hit.id for hit in two.search(f"marker{n}", mode="lexical")] == [f"a{n}"]
        two.add(f"replaced{n}", id=f"a{n}")
        assert one.search(f"marker{n}", mode="lexical") == []
        assert [hit.id for hit in one.search(f"replaced{n}", mode="lexical")] == [f"a{n}"]
        if n % 2:
            one.delete(f"a{n}")
            assert two.search(f"replaced{n}", mode="lexical") == []
    assert two.count() == 10


def test_k_memories_are_found_however_many_chunks_crowd_them(garden: Garden) -> None:
    """A long memory takes one place in the answer, and the answer is full while there are memories."""
    scope = garden.scope("alice")
    scope.add(" ".join(f"Olive harvest number {n} was good." for n in range(5000)), id="long")
    scope.add_many([Memory(f"olive {n}", id=str(n)) for n in range(12)])
    assert garden.health().rows["chunks"] > 112
    hits = scope.search("olive harvest", k=10)
    assert len({hit.id for hit in hits}) == 10 and "long" in {hit.id for hit in hits}


def test_the_same_search_gives_the_same_answer(open_garden: OPEN) -> None:
    """Ties break the same way for an index that was caught up and for one that was loaded."""
    scope = open_garden().scope("alice")
    for n in range(30):
        scope.add("the very same words", id=str(n))
        scope.search("same words")
    fresh = open_garden().scope("alice")
    ids = [hit.id for hit in scope.search("same words", k=15)]
    assert ids == [hit.id for hit in fresh.search("same words", k=15)] == [str(n) for n in range(15)]


def test_hits_explain_themselves(garden: Garden) -> None:
    """The legs' shares add up to the score, and the text names each leg."""
    scope = garden.scope("alice")
    scope.add_many(["my cat is called Mia", "the cat sleeps", "taxes are due in May"])
    for fusion in FUSIONS:
        for hit in scope.search("what is the cat called?", fusion=fusion):
            assert hit.score == pytest.approx(sum(leg.share for leg in hit.legs), abs=1e-6)
            assert "lexical" in hit.explain() and "dense" in hit.explain()


def test_legs_are_values(garden: Garden) -> None:
    """Hits of equal searches are equal, in another process too, and what a leg said is read as from a tuple."""
    scope = garden.scope("alice")
    scope.add_many(["my cat is called Mia", "the cat sleeps", "taxes are due in May"])
    hits, again = scope.search("the cat sleeps"), scope.search("the cat sleeps")
    assert hits == again == pickle.loads(pickle.dumps(hits))
    first, other = hits[0].legs, hits[1].legs
    assert first == tuple(first) and first != other and first != tuple(other)
    assert hash(first) == hash(again[0].legs) and repr(first) == repr(tuple(first))
    assert first[0].leg == "lexical" and first[-1] == list(first)[-1] and first[:2] == tuple(first)[:2]
    assert first[0].rank == 1 and len(first) == len(list(first))


def test_a_fork_that_python_was_not_told_of_is_noticed(open_garden: OPEN) -> None:
    """Servers written in C fork without running Python's hooks; the child opens connections of its own all the same."""
    garden = open_garden()
    scope = garden.scope("alice")
    scope.add("from the parent", id="before")
    inherited = garden._parts.source
    child = ctypes.PyDLL(None).fork()
    if child == 0:
        try:
            scope.add("from the child", id="after")
            os._exit(0 if garden._parts.source is not inherited else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert {hit.id for hit in scope.search("from the child")} == {"before", "after"}


def test_a_forked_child_works_with_connections_of_its_own(open_garden: OPEN, tmp_path: Path) -> None:
    """Both go on adding and searching at the same time, and each finds what the other wrote."""
    garden = open_garden(chroma="auto")
    scope = garden.scope("alice")
    scope.add("from the parent", id="before")
    garden.flush()
    child = os.fork()
    if child == 0:
        try:
            for n in range(50):
                scope.add(f"child{n}", id=f"c{n}")
                assert scope.search(f"child{n}", k=1)[0].id == f"c{n}"
            assert scope.get("before") is not None
            garden.close()
            os._exit(0)
        finally:
            os._exit(1)
    for n in range(50):
        scope.add(f"parent{n}", id=f"p{n}")
        assert scope.search(f"parent{n}", k=1)[0].id == f"p{n}"
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert scope.count() == 101 and scope.search("child49", mode="lexical")[0].id == "c49"
    garden.flush()
    assert garden.health(deep=True).ok and garden.health().outbox == 0


@pytest.mark.parametrize("mode", ["hybrid", "lexical", "dense"])
def test_min_score_only_leaves_hits_out(garden: Garden, mode: str) -> None:
    """What is left has the scores and the order it has without; nothing left is an empty answer."""
    scope = garden.scope("alice")
    scope.add_many([f"olive {'tree ' * (n % 7)}number {n}" for n in range(900)])
    every = scope.search("olive tree", k=20, mode=mode)
    for hit in (every[0], every[7], every[19]):
        kept = scope.search("olive tree", k=20, mode=mode, min_score=hit.score)
        assert [(one.id, one.score) for one in kept] == [(one.id, one.score) for one in every if one.score >= hit.score]
    assert scope.search("olive tree", mode=mode, min_score=1e6) == []


def test_a_hit_is_the_callers_own(garden: Garden) -> None:
    """What is done to its metadata, or to the mapping that was added, reaches no other search."""
    scope, given = garden.scope("alice"), {"list": [1], "pair": (1, 2)}
    stored = scope.add("olive", id="a", metadata=given)
    given["list"].append(2)
    assert stored == scope.get("a") and stored.metadata == {"list": [1], "pair": [1, 2]}
    scope.search("olive")[0].memory.metadata["list"].append(3)
    assert scope.search("olive")[0].memory.metadata == {"list": [1], "pair": [1, 2]}


def test_a_memory_that_is_replaced_all_the_time_is_found_all_the_time(open_garden: OPEN) -> None:
    """The search that meets a replacement looks again; a filter never takes what is gone for what lacks the field."""
    writer, reader = open_garden().scope("alice"), open_garden().scope("alice")
    writer.add("olive 0", id="a", metadata={"level": "private"})
    stop = threading.Event()

    def replace() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            writer.add(f"olive {number}", id="a", metadata={"level": "private"})

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        for _ in range(400):
            assert [hit.id for hit in reader.search("olive", k=1)] == ["a"]
            assert reader.search("olive", where={"level": {"$ne": "private"}}) == []
    finally:
        stop.set()
        thread.join()


def test_an_interrupted_search_leaves_no_broken_index(garden: Garden, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of catching up: the next search reads the scope anew."""
    scope = garden.scope("alice")
    scope.add("olive", id="a")
    scope.search("olive")
    scope.add("olive too", id="b")
    garden._parts.pool.use(("bob",), lambda _: None)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("memgarden.vector.exact.ExactVectors.add", interrupted)
    with pytest.raises(KeyboardInterrupt):
        scope.search("olive")
    monkeypatch.undo()
    assert {hit.id for hit in scope.search("olive")} == {"a", "b"}


class Broken:
    """An embedder of a user's own that goes wrong."""

    name, dimension = "broken", 4

    def embed(self, texts: list[str], *, query: bool = False) -> np.ndarray:
        vectors = np.full((len(texts), 4), 3.0, dtype=np.float32)
        vectors[["bad" in text for text in texts]] = np.nan
        return vectors

    def window(self) -> tuple[int, Callable[[str], int]]:
        return 100, lambda text: len(text.split())


def test_what_an_embedder_gives_is_checked(tmp_path: Path) -> None:
    """NaN is refused, for memories and for queries; vectors that are not of length 1 are brought to it."""
    with Garden.open(tmp_path / "g", embedder=Broken(), chroma=None) as garden:
        scope = garden.scope("alice")
        for use in (lambda: scope.add("bad"), lambda: scope.search("bad")):
            with pytest.raises(InvalidMemory, match="holds NaN or infinity: the embedder 'broken' made it"):
                use()
        scope.add("good")
        assert scope.search("good", mode="dense")[0].score == pytest.approx(1)


def test_threads_wait_no_longer_than_the_timeout(open_garden: OPEN, tmp_path: Path) -> None:
    """Together, not one after the other."""
    garden = open_garden(lock_timeout=0.5)
    garden.scope("alice").add("x")
    other = sqlite3.connect(tmp_path / "garden" / "garden.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waited: list[float] = []

    def write() -> None:
        start = time.monotonic()
        with pytest.raises(GardenBusy):
            garden.scope("alice").add("y")
        waited.append(time.monotonic() - start)

    threads = [threading.Thread(target=write) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.execute("ROLLBACK")
    assert len(waited) == 5 and max(waited) < 2


def test_a_garden_closes_at_once_though_a_forked_child_lives(open_garden: OPEN) -> None:
    """The child does not hold the drainer's pipe open."""
    garden = open_garden(chroma="auto")
    garden.scope("alice").add("x")
    garden.flush()
    child = os.fork()
    if child == 0:
        time.sleep(20)
        os._exit(0)
    start = time.monotonic()
    garden.close()
    taken = time.monotonic() - start
    os.kill(child, 9)
    os.waitpid(child, 0)
    assert taken < 8


@pytest.mark.parametrize("name", ["what?", "100%25", "a b#c", "ü"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    """Everything is inside it, and inside it only."""
    with Garden.open(tmp_path / name, embedder="hashing:8", chroma=None) as garden:
        garden.scope("alice").add("x")
    assert [entry.name for entry in tmp_path.iterdir()] == [name] and (tmp_path / name / "garden.db").exists()


def test_a_memory_has_expired_from_the_very_moment_on() -> None:
    """And one without an end never does."""
    end = datetime(2026, 1, 1, tzinfo=UTC)
    memory = Memory("x", expires_at=end)
    assert memory.has_expired(end)
    assert not memory.has_expired(end - timedelta(microseconds=1))
    assert not Memory("x").has_expired(datetime.max.replace(tzinfo=UTC))
