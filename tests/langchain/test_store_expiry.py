"""What a store keeps for a time only: when it ends, what renews it, and the sweeper."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from langchain_memgarden import MemGardenStore
from memgarden import Garden, GardenBusy
from tests.langchain.conftest import Clock, keys
from tests.waiting import eventually

OPEN = Callable[..., Garden]


def test_items_expire(store: MemGardenStore, clock: Clock) -> None:
    """For get, search and the list of namespaces, minutes after the last put; without a TTL they stay."""
    store.put(("u",), "k", {"text": "tea"}, ttl=10)
    store.put(("v",), "stays", {"text": "tea"})
    clock.forward(minutes=9)
    assert store.get(("u",), "k", refresh_ttl=False) is not None
    clock.forward(minutes=1)
    assert store.get(("u",), "k", refresh_ttl=False) is None
    assert keys(store.search((), query="tea")) == keys(store.search(())) == ["stays"]
    assert store.list_namespaces() == [("v",)]
    assert store.sweep_ttl() == 1 and store.sweep_ttl() == 0


@pytest.mark.parametrize("read", ["get", "search", "query"])
def test_reading_renews(store: MemGardenStore, clock: Clock, read: str) -> None:
    """An item that is read in time lives on, by get, search and search with a query, and is no later an update."""
    store.put(("u",), "k", {"text": "tea"}, ttl=10)
    first = store.get(("u",), "k", refresh_ttl=False)
    for _ in range(3):
        clock.forward(minutes=6)
        if read == "get":
            assert store.get(("u",), "k") is not None
        else:
            assert keys(store.search(("u",), query="tea" if read == "query" else None)) == ["k"]
    last = store.get(("u",), "k", refresh_ttl=False)
    assert first is not None and last is not None and last.updated_at == first.updated_at
    clock.forward(minutes=10)
    assert store.get(("u",), "k", refresh_ttl=False) is None


def test_a_reading_renews_only_what_it_read(store: MemGardenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was put for ever in the meantime stays for ever."""
    store.put(("u",), "k", {"n": 1}, ttl=1)
    scope = store.garden.scope("u")
    old = scope.get("k")
    assert old is not None
    scope.update("k", expires_at=datetime.now(UTC) + timedelta(seconds=5))
    stale = scope.get("k")
    store.put(("u",), "k", {"n": 2})
    monkeypatch.setattr("memgarden.Scope.get", lambda *_: stale)
    assert store.get(("u",), "k") is not None
    monkeypatch.undo()
    kept = scope.get("k")
    assert kept is not None and kept.expires_at is None and kept.metadata["value"] == {"n": 2}


def test_pages_hold_all_once_where_reading_renews(store: MemGardenStore, clock: Clock) -> None:
    """A renewed item is no newer than one that was put after it."""
    store.put(("u",), "a", {"n": 1}, ttl=10)
    store.put(("u",), "b", {"n": 2})
    clock.forward(minutes=5)
    assert store.get(("u",), "a") is not None
    assert keys(store.search(("u",), limit=2)) == ["b", "a"]
    assert keys(store.search(("u",), limit=1)) == ["b"] and keys(store.search(("u",), limit=1, offset=1)) == ["a"]


def test_the_ttl_config_holds_where_nothing_is_said(garden: Garden, clock: Clock) -> None:
    """A default, and whether reading renews; a put's None is for ever."""
    store = MemGardenStore(garden, ttl={"default_ttl": 10, "refresh_on_read": False})
    assert store.supports_ttl
    store.put(("u",), "k", {"text": "tea"})
    store.put(("u",), "stays", {"text": "tea"}, ttl=None)
    clock.forward(minutes=6)
    assert store.get(("u",), "k") is not None
    clock.forward(minutes=4)
    assert store.get(("u",), "k") is None
    assert store.get(("u",), "stays") is not None


def test_it_outlives_the_process(open_garden: OPEN, clock: Clock) -> None:
    """Items, times and what remains of their TTL."""
    first = open_garden()
    MemGardenStore(first).put(("u",), "k", {"text": "tea"}, ttl=10)
    before = MemGardenStore(first).get(("u",), "k", refresh_ttl=False)
    first.close()
    clock.forward(minutes=9)
    store = MemGardenStore(open_garden())
    assert store.get(("u",), "k", refresh_ttl=False) == before is not None
    assert keys(store.search(("u",), query="tea", refresh_ttl=False)) == ["k"]
    clock.forward(minutes=1)
    assert store.get(("u",), "k", refresh_ttl=False) is None


def test_a_sweeper_frees_the_place(garden: Garden, clock: Clock) -> None:
    """In the background, until it is stopped."""
    with MemGardenStore(garden) as store:
        store.put(("u",), "k", {"text": "tea"}, ttl=10)
        store.put(("u",), "stays", {"text": "tea"}, ttl=20)
        clock.forward(minutes=15)
        store.start_ttl_sweeper(0.001)
        store.start_ttl_sweeper(0.001)
        eventually(lambda: garden.health().rows["memories"] == 1)
        assert store.stop_ttl_sweeper(timeout=5)
    assert not [thread for thread in threading.enumerate() if thread.name == "memgarden-ttl"]


def test_the_sweeper_survives_an_error(garden: Garden, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy database is swept the next time."""
    swept: list[int] = []
    whole = Garden.sweep

    def sweep(self: Garden) -> int:
        swept.append(1)
        if len(swept) == 1:
            raise GardenBusy("busy")
        return whole(self)

    monkeypatch.setattr(Garden, "sweep", sweep)
    with MemGardenStore(garden) as store:
        store.start_ttl_sweeper(0.0005)
        eventually(lambda: len(swept) >= 3)
