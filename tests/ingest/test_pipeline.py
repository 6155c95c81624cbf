"""Conversations by the stream: each turn once, in order, in its scope; nothing lost in silence, memory bounded."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgarden import (
    Conversation,
    Garden,
    GardenBusy,
    Ingested,
    IngestProgress,
    InvalidMemory,
    InvalidSetting,
    StorageError,
)
from tests.ingest.conftest import Counting, talk

Open = Callable[..., Garden]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries do not wait."""
    monkeypatch.setattr("memgarden.ingest.attempts.PAUSE", 0.001)


def texts(garden: Garden, scope: str, session: str) -> list[str]:
    return [turn.text for turn in garden.scope(scope).session(session)]


def said(conversation: dict[str, Any]) -> list[str]:
    return [message["content"] for message in conversation["messages"]]


def workers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("memgarden-ingest")]


@pytest.mark.parametrize("batch_size", [1, 3, 128])
def test_turns_are_as_those_of_add_conversation(garden: Garden, batch_size: int) -> None:
    """Text, metadata, tags, importance, time and vector, whatever batches the conversations are cut into."""
    stream = [
        Conversation(
            scope,
            f"s{n}",
            [
                {"role": "user", "name": "Ann", "content": f"{scope} {n} {m}", "timestamp": 1_700_000_000 + m, "x": m}
                for m in range(5)
            ],
            metadata={"source": "chat", "list": (1, 2)},
            tags=["t"],
            importance="high",
        )
        for n in range(3)
        for scope in ("alice", "bob")
    ]
    assert garden.ingest(stream, batch_size=batch_size) == Ingested(6, 30, 0, ())
    for one in stream:
        garden.scope("plain", str(one.scope)).add_conversation(
            one.messages, session_id=one.session_id, metadata=one.metadata, tags=one.tags, importance=one.importance
        )
    source = garden._parts.source
    for scope, n in itertools.product(("alice", "bob"), range(3)):
        pairs = zip(garden.scope(scope).session(f"s{n}"), garden.scope("plain", scope).session(f"s{n}"), strict=True)
        for mine, plain in pairs:
            for name in ("text", "metadata", "tags", "importance", "kind", "created_at"):
                assert getattr(mine, name) == getattr(plain, name)
            (mine_chunk,) = source.version((scope,), mine.id)[2]
            (plain_chunk,) = source.version(("plain", scope), plain.id)[2]
            assert np.allclose(mine_chunk.vector, plain_chunk.vector, atol=1e-6)
            assert mine_chunk.turn == plain_chunk.turn


def test_a_second_run_stores_and_embeds_nothing(open_garden: Open, counting: Counting) -> None:
    """With and without ids and times; every turn is counted as there already, and keeps its row."""
    garden = open_garden(embedder=counting, cached_embeddings=0)
    own = {
        "scope": "bob",
        "session_id": "own",
        "messages": [{"content": "x", "id": "m1"}, {"content": "x", "timestamp": "2024-05-01"}],
    }
    stream = [talk("alice", "s", 10), talk(["alice", "work"], "s", 3), own]
    assert garden.ingest(stream) == Ingested(3, 15, 0, ())
    rows, calls = garden.scope("alice").session("s"), counting.calls
    assert garden.ingest(stream, batch_size=4) == Ingested(3, 0, 15, ())
    assert counting.calls == calls
    assert garden.scope("alice").session("s") == rows
    assert garden.health().rows["memories"] == 15


def test_a_conversation_that_has_grown_gets_its_new_turns(open_garden: Open, counting: Counting) -> None:
    """They follow the old ones, are embedded with the turn before them, and the old are not touched."""
    garden = open_garden(embedder=counting, cached_embeddings=0)
    garden.ingest([talk("alice", "s", 3)])
    old = garden.scope("alice").session("s")
    counting.texts.clear()
    assert garden.ingest([talk("alice", "s", 5)]) == Ingested(1, 2, 3, ())
    now = garden.scope("alice").session("s")
    assert now[:3] == old
    assert [turn.created_at - old[-1].created_at for turn in now[3:]] == [timedelta(microseconds=n) for n in (1, 2)]
    assert texts(garden, "alice", "s") == said(talk("alice", "s", 5))
    lines = [f"user: {text}" for text in said(talk("alice", "s", 5))]
    assert counting.texts == [lines[3], lines[4], f"{lines[2]}\n{lines[3]}", f"{lines[3]}\n{lines[4]}"]


def test_a_session_that_was_there_goes_on(open_garden: Open, counting: Counting) -> None:
    """The first turn is embedded with the last one that was added otherwise."""
    garden = open_garden(embedder=counting, cached_embeddings=0)
    garden.scope("alice").add_conversation([{"content": "hello"}], session_id="s")
    garden.scope("bob").add_conversation([{"content": "secret"}], session_id="s")
    counting.texts.clear()
    garden.ingest([{"scope": "alice", "session_id": "s", "messages": [{"content": "there"}]}])
    assert counting.texts == ["user: there", "user: hello\nuser: there"]
    assert texts(garden, "alice", "s") == ["hello", "there"]


def test_a_session_twice_in_one_stream_is_one_session(garden: Garden) -> None:
    """It goes on where it is, though the first part is still on its way when the second is read."""
    stream = [talk("alice", "s", 3), talk("alice", "s", 5), talk("bob", "s", 2), talk("alice", "s", 6)]
    assert garden.ingest(stream) == Ingested(4, 8, 8, ())
    assert garden.ingest([*stream[:1], talk("alice", "s", 8)], batch_size=3) == Ingested(2, 2, 9, ())
    assert texts(garden, "alice", "s") == said(talk("alice", "s", 8))
    assert texts(garden, "bob", "s") == said(talk("bob", "s", 2))


def test_what_is_said_twice_is_kept_twice(garden: Garden) -> None:
    """Place counts, and so does who said it."""
    messages = [{"role": role, "content": "ok"} for role in ("user", "user", "assistant", "user")]
    stream = [{"scope": "alice", "session_id": "s", "messages": messages}]
    garden.ingest(stream)
    assert garden.ingest(stream).skipped == 4
    assert [turn.metadata["role"] for turn in garden.scope("alice").session("s")] == [m["role"] for m in messages]


def test_what_is_not_equal_is_replaced(garden: Garden) -> None:
    """Other metadata for the same turns, or another text under a message's own id; a time that was given stays."""
    garden.ingest([talk("alice", "s", 2)])
    before = garden.scope("alice").session("s")
    assert garden.ingest([talk("alice", "s", 2, metadata={"topic": "tea"})]).stored == 2
    after = garden.scope("alice").session("s")
    assert [(turn.id, turn.created_at) for turn in after] == [(turn.id, turn.created_at) for turn in before]
    assert [turn.metadata["topic"] for turn in after] == ["tea", "tea"]
    for text in ("one", "another"):
        garden.ingest([{"scope": "bob", "session_id": "s", "messages": [{"content": text, "id": "m"}]}])
    assert texts(garden, "bob", "s") == ["another"]


def test_empty_conversations_count(garden: Garden) -> None:
    """One of instructions only is stored whole, as there is nothing to store."""
    silent = {"scope": "a", "session_id": "s", "messages": [{"role": "system", "content": "Be kind."}]}
    assert garden.ingest([silent | {"session_id": f"s{n}"} for n in range(5)], batch_size=2) == Ingested(5, 0, 0, ())
    assert garden.ingest([]) == Ingested(0, 0, 0, ())


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"session_id": "s", "messages": []}, "needs scope"),
        ({"scope": "a", "messages": []}, "needs session_id"),
        ({"scope": "a", "session_id": "", "messages": []}, "session_id, a string"),
        ({"scope": "a", "session_id": 7, "messages": []}, "session_id, a string"),
        ({"scope": "", "session_id": "s", "messages": []}, "label is empty"),
        ({"scope": 7, "session_id": "s", "messages": []}, "a label or a list"),
        ({"scope": "a", "session_id": "s", "messages": "hello"}, "several messages"),
        ({"scope": "a", "session_id": "s", "messages": None}, "messages are several"),
        ({"scope": "a", "session_id": "s", "messages": [{"content": "x"}, {"content": "a\ud800"}]}, "turn 1: "),
        ({"scope": "a", "session_id": "s", "messages": [{"content": "x", "id": "m"}] * 2}, "same id, 'm'"),
        ({"scope": "a", "session_id": "s", "messages": [], "metadata": 3}, "metadata is a mapping"),
        ({"scope": "a", "session_id": "s", "messages": [], "user": "x"}, "no field"),
        ("hello", "a Conversation or a mapping"),
    ],
)
def test_bad_input_is_named_and_the_rest_goes_on(garden: Garden, wrong: Any, why: str) -> None:
    """Nothing of a conversation that cannot be stored is, and the report says which and why."""
    done = garden.ingest([talk("a", "first", 2), wrong, talk("a", "last", 2)])
    (failed,) = done.failed
    assert (done.conversations, done.stored, done.ok) == (2, 4, False)
    assert failed.number == 1
    assert why in failed.reason
    assert failed.turns == 0
    assert garden.scope("a").count() == 4


def test_bad_arguments_raise(garden: Garden) -> None:
    """What is no stream of conversations, and settings outside their range."""

    async def asynchronous() -> Any:
        yield talk("a", "s", 1)

    for wrong in ("hello", talk("a", "s", 1), Conversation("a", "s", []), asynchronous()):
        with pytest.raises(InvalidMemory):
            garden.ingest(wrong)  # type: ignore[arg-type]
    for setting in ({"retries": -1}, {"batch_size": 0}, {"retries": True}):
        with pytest.raises(InvalidSetting):
            garden.ingest([], **setting)


@pytest.mark.parametrize("together", [True, False])
def test_an_id_of_another_session_is_refused(garden: Garden, together: bool) -> None:
    """Messages numbered anew in each conversation would replace each other; in another scope they may be."""
    first, second, other = (
        {"scope": scope, "session_id": session, "messages": [{"content": session, "id": "1"}]}
        for scope, session in (("alice", "a"), ("alice", "b"), ("bob", "c"))
    )
    streams = [[first, second, other]] if together else [[first], [second], [other]]
    failed = [failure for stream in streams for failure in garden.ingest(stream).failed]
    assert [(failure.session_id, "of the session 'a'" in failure.reason) for failure in failed] == [("b", True)]
    assert texts(garden, "alice", "a") == ["a"]
    assert texts(garden, "bob", "c") == ["c"]


def test_an_endless_stream_is_pulled_no_further_than_it_is_stored(garden: Garden) -> None:
    """Two batches and one conversation ahead at most, however slow the storing is; what was told is stored."""
    pulled, told = 0, [IngestProgress(0, 0, 0, 0)]
    most_ahead = 0

    class Enough(Exception):
        pass

    def endless() -> Iterator[dict[str, Any]]:
        nonlocal pulled, most_ahead
        for pulled in itertools.count(1):
            most_ahead = max(most_ahead, pulled - told[-1].conversations)
            yield talk(f"u{pulled % 3}", f"s{pulled}", 1)

    def progress(so_far: IngestProgress) -> None:
        told.append(so_far)
        if so_far.stored >= 100:
            raise Enough

    put = garden._parts.sink.put

    def slow(*arguments: Any, **more: Any) -> Any:
        time.sleep(0.01)
        return put(*arguments, **more)

    garden._parts.sink.put = slow  # type: ignore[method-assign]
    with pytest.raises(Enough):
        garden.ingest(endless(), batch_size=10, progress=progress)
    assert most_ahead <= 21
    assert garden.health().rows["memories"] >= told[-1].stored >= 100
    assert workers() == []


def test_progress_only_rises_and_ends_at_the_result(garden: Garden) -> None:
    """It is told after each batch, in the thread of the caller."""
    told: list[IngestProgress] = []
    threads: set[int] = set()

    def progress(so_far: IngestProgress) -> None:
        told.append(so_far)
        threads.add(threading.get_ident())

    garden.ingest([talk("a", "s1", 4)])
    done = garden.ingest([talk("a", f"s{n}", 4) for n in range(6)] + [{}], batch_size=5, progress=progress)
    assert told == sorted(told, key=lambda one: (one.conversations, one.stored, one.skipped, one.failed))
    assert told[-1] == IngestProgress(done.conversations, len(done.failed), done.stored, done.skipped)
    assert told[-1] == IngestProgress(6, 1, 20, 4)
    assert len(told) >= 5
    assert threads == {threading.get_ident()}


def test_embedding_goes_on_while_a_batch_is_stored(open_garden: Open, counting: Counting) -> None:
    """The second batch is embedded before the first is committed."""
    garden = open_garden(embedder=counting, cached_embeddings=0)
    put, second = garden._parts.sink.put, threading.Event()
    counting.fail = lambda texts: any("s1 says" in text for text in texts) and second.set()
    waited: list[bool] = []

    def slow(*arguments: Any, **more: Any) -> Any:
        waited.append(second.wait(20))
        return put(*arguments, **more)

    garden._parts.sink.put = slow  # type: ignore[method-assign]
    assert garden.ingest([talk("a", "s0", 4), talk("a", "s1", 4)], batch_size=4).stored == 8
    assert waited == [True, True]


@pytest.mark.usefixtures("quick")
def test_an_embedder_that_comes_round_is_asked_again(open_garden: Open, counting: Counting) -> None:
    """As often as `retries` says; then the conversation is named and the next goes on."""
    garden = open_garden(embedder=counting, cached_embeddings=0)
    left = [3]

    def flaky(texts: object) -> None:
        if left[0]:
            left[0] -= 1
            raise ConnectionError("the server is away")

    counting.fail = flaky
    assert garden.ingest([talk("a", "s", 2)]) == Ingested(1, 2, 0, ())
    left[0] = 3
    done = garden.ingest([talk("a", "t", 2), talk("a", "u", 2)], retries=2, batch_size=2)
    assert [(one.session_id, one.reason) for one in done.failed] == [("t", "ConnectionError: the server is away")]
    assert texts(garden, "a", "u") == said(talk("a", "u", 2))


@pytest.mark.usefixtures("quick")
def test_a_text_that_cannot_be_embedded_costs_its_own_conversation_only(open_garden: Open, counting: Counting) -> None:
    """Of a long one the turns before it stay, and the report says how many; once mended, a run adds the rest."""
    garden = open_garden(embedder=counting, cached_embeddings=0)

    def poisoned(texts: Any) -> None:
        if any("bad says 6" in text for text in texts):
            raise ValueError("no such token")

    counting.fail = poisoned
    stream = [talk("a", "good", 3), talk("a", "bad", 12), talk("b", "fine", 3)]
    done = garden.ingest(stream, batch_size=4)
    (failed,) = done.failed
    assert (done.conversations, done.stored) == (2, 6 + failed.turns)
    assert (failed.number, failed.scope, failed.session_id) == (1, ("a",), "bad")
    assert failed.reason == "ValueError: no such token"
    assert texts(garden, "a", "bad") == said(stream[1])[: failed.turns]
    assert failed.turns == 5
    assert not any("bad says 10" in text for text in counting.texts), "what is given up is embedded no more"
    assert texts(garden, "a", "good") == said(stream[0])
    assert texts(garden, "b", "fine") == said(stream[2])
    counting.fail = lambda texts: None
    assert garden.ingest(stream) == Ingested(3, 7, 11, ())
    assert texts(garden, "a", "bad") == said(stream[1])


@pytest.mark.usefixtures("quick")
def test_a_busy_garden_is_asked_again(garden: Garden) -> None:
    """And named as the reason if it stays busy; no turn is stored twice or after one that is missing."""
    put, busy = garden._parts.sink.put, [2]

    def sometimes(*arguments: Any, **more: Any) -> Any:
        if busy[0]:
            busy[0] -= 1
            raise GardenBusy("somebody writes")
        return put(*arguments, **more)

    garden._parts.sink.put = sometimes  # type: ignore[method-assign]
    assert garden.ingest([talk("a", "s", 2)]) == Ingested(1, 2, 0, ())
    busy[0] = 2
    done = garden.ingest([talk("a", "t", 5), talk("b", "u", 1)], retries=1, batch_size=2)
    assert [(one.session_id, one.reason, one.turns) for one in done.failed] == [("t", "somebody writes", 0)]
    assert (texts(garden, "a", "t"), texts(garden, "b", "u")) == ([], said(talk("b", "u", 1)))


@pytest.mark.usefixtures("quick")
def test_a_conversation_that_fails_twice_is_named_once(open_garden: Open, counting: Counting) -> None:
    """Its first part could not be stored, and while that was tried its second could not be embedded."""
    garden = open_garden(embedder=counting, cached_embeddings=0)
    tried = threading.Event()

    def poisoned(texts: Any) -> None:
        if any("s says 3" in text for text in texts):
            tried.set()
            raise ValueError("no such token")

    def busy(*arguments: Any, **more: Any) -> None:
        tried.wait(20)
        raise GardenBusy("somebody writes")

    counting.fail = poisoned
    garden._parts.sink.put = busy  # type: ignore[method-assign]
    (failed,) = garden.ingest([talk("a", "s", 4)], batch_size=2, retries=0).failed
    assert failed.reason == "somebody writes"


def test_an_interrupt_does_not_wait_for_retries(garden: Garden) -> None:
    """A garden that stays busy is waited for by nobody who has gone."""
    tried = threading.Event()

    def busy(*arguments: Any, **more: Any) -> None:
        tried.set()
        raise GardenBusy("somebody writes")

    def broken() -> Iterator[dict[str, Any]]:
        yield from (talk("a", f"s{n}", 1) for n in range(3))
        tried.wait(20)
        raise KeyboardInterrupt

    garden._parts.sink.put = busy  # type: ignore[method-assign]
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        garden.ingest(broken(), batch_size=2, retries=30)
    assert time.monotonic() - start < 20
    assert workers() == []


def test_an_error_of_the_whole_garden_is_raised(garden: Garden) -> None:
    """A full disk fails the call at once; what was stored before stays, and a run goes on from there."""
    put, left = garden._parts.sink.put, [2]

    def filling(*arguments: Any, **more: Any) -> Any:
        if not left[0]:
            raise StorageError("the disk is full")
        left[0] -= 1
        return put(*arguments, **more)

    garden._parts.sink.put = filling  # type: ignore[method-assign]
    with pytest.raises(StorageError):
        garden.ingest([talk("a", "s", 20)], batch_size=4)
    assert texts(garden, "a", "s") == said(talk("a", "s", 8))
    assert workers() == []
    left[0] = 99
    assert garden.ingest([talk("a", "s", 20)], batch_size=4) == Ingested(1, 12, 8, ())
    assert texts(garden, "a", "s") == said(talk("a", "s", 20))


@pytest.mark.parametrize("error", [KeyboardInterrupt, ConnectionError])
def test_an_interrupt_stops_cleanly(garden: Garden, error: type[BaseException]) -> None:
    """What is at hand is finished, no thread stays, and the next run goes on."""
    stream = [talk("a", f"s{n}", 3) for n in range(10)]

    def broken() -> Iterator[dict[str, Any]]:
        yield from stream[:6]
        raise error("stop")

    with pytest.raises(error):
        garden.ingest(broken(), batch_size=3)
    assert workers() == []
    there = garden.scope("a").count()
    assert there >= 12
    assert garden.ingest(stream) == Ingested(10, 30 - there, there, ())


def test_two_runs_at_once_store_each_turn_once(open_garden: Open) -> None:
    """Who loses the race for a conversation says so; then every turn is there once, in order."""
    stream = [talk(f"u{n % 2}", f"s{n}", 12) for n in range(12)]
    gardens = [open_garden(), open_garden()]
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda garden: garden.ingest(stream, batch_size=8), gardens))
    assert all("somebody else" in failure.reason for each in done for failure in each.failed)
    last = gardens[0].ingest(stream)
    assert last.ok
    assert sum(each.stored for each in done) + last.stored == 144
    assert gardens[0].health().rows["memories"] == 144
    for one in stream:
        assert texts(gardens[0], one["scope"], one["session_id"]) == said(one)


labels = st.sampled_from(["alice", "bob", "a/b", ("a", "b"), ("alice", "work")])
conversations = st.tuples(labels, st.sampled_from(["s", "t", "u"]), st.integers(0, 6), st.integers(0, 3))


@settings(max_examples=40)
@given(stream=st.lists(conversations, max_size=12), cut=st.integers(0, 12), batch_size=st.integers(1, 7))
def test_interleaved_scopes_never_mix(stream: list[Any], cut: int, batch_size: int) -> None:
    """Each scope's sessions hold what a dictionary of them holds, in its order, though sessions share their names."""
    model: dict[tuple[str, ...], dict[str, list[tuple[int, str]]]] = {}
    given = []
    for labels, session, turns, tail in stream:
        path = (labels,) if isinstance(labels, str) else labels
        texts = [f"{path} {session} {n}" for n in range(turns)] + [f"tail {n} of {turns}" for n in range(tail)]
        own = model.setdefault(path, {}).setdefault(session, [])
        held = set(own)
        own += [(n, text) for n, text in enumerate(texts) if (n, text) not in held]
        given.append(Conversation(labels, session, [{"content": text} for text in texts]))
    with TemporaryDirectory() as folder, Garden.open(Path(folder), embedder="hashing:16", chroma=None) as garden:
        first = garden.ingest(given[:cut], batch_size=batch_size)
        rest = garden.ingest(given[cut:], batch_size=batch_size)
        assert first.ok
        assert rest.ok
        for path, sessions in model.items():
            scope = garden.scope(*path)
            for session, own in sessions.items():
                assert sorted(turn.text for turn in scope.session(session)) == sorted(text for _, text in own)
            assert scope.count() == sum(map(len, sessions.values()))
            mine = {text for own in sessions.values() for _, text in own}
            assert {hit.text for hit in scope.search("tail of alice bob s t u", k=100)} <= mine
