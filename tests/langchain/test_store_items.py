"""LangGraph's store contract for one item: what is put, got, replaced and deleted, and what is refused.

`langgraph.store.base` has the interface; the stores in memory, SQLite and PostgreSQL are what users know. The rules
are those that the interface states and its own stores keep, and those where they fail.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from langchain_memgarden import MemGardenStore
from memgarden import Garden, InvalidMemory
from tests.langchain.conftest import keys


def test_what_is_put_is_got(store: MemGardenStore) -> None:
    """Value, key, namespace, and both times, which are the same at first; a value is nobody else's."""
    value = {"a": 1, "b": [1.5, None, True, {"c": "é"}], "d": {}}
    before = datetime.now(UTC)
    store.put(("users", "alice"), "k", value)
    after = datetime.now(UTC)
    item = store.get(("users", "alice"), "k")
    assert item is not None
    assert (item.value, item.key, item.namespace) == (value, "k", ("users", "alice"))
    assert before <= item.created_at == item.updated_at <= after and item.created_at.utcoffset() == timedelta(0)
    item.value["b"].append("mine")
    value["b"].append("mine")  # type: ignore[attr-defined]
    again = store.get(("users", "alice"), "k")
    assert again is not None and again.value["b"] == [1.5, None, True, {"c": "é"}]


def test_what_is_missing_is_none(store: MemGardenStore) -> None:
    """A key, a namespace, the empty key and the empty namespace; deleting it is no error."""
    store.put(("users",), "k", {"a": 1})
    assert store.get(("users",), "other") is None
    assert store.get(("nobody",), "k") is None
    assert store.get((), "k") is None
    store.delete(("users",), "other")
    store.delete(("nobody",), "k")
    assert store.get(("users",), "k") is not None


def test_a_put_replaces_the_whole_value(store: MemGardenStore) -> None:
    """`created_at` stays, `updated_at` rises, even where the clock does not."""
    seen = []
    for n in range(5):
        store.put(("users",), "k", {"n": n, f"only{n}": True})
        seen.append(store.get(("users",), "k"))
    assert all(item is not None and item.value == {"n": n, f"only{n}": True} for n, item in enumerate(seen))
    assert len({item.created_at for item in seen if item}) == 1
    updates = [item.updated_at for item in seen if item]
    assert updates == sorted(set(updates)) and len(updates) == 5


def test_updates_rise_when_the_clock_falls(store: MemGardenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that was set back makes no update older than the one before it."""
    store.put(("users",), "k", {"n": 1})
    first = store.get(("users",), "k")

    class Past(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(2001, 1, 1, tzinfo=UTC)

    monkeypatch.setattr("langchain_memgarden.store.datetime", Past)
    store.put(("users",), "k", {"n": 2})
    second = store.get(("users",), "k")
    assert first is not None and second is not None
    assert second.updated_at > first.updated_at and second.created_at == first.created_at


def test_a_deleted_item_is_gone(store: MemGardenStore) -> None:
    """For get, search and the list of namespaces; put again it is a new one."""
    store.put(("users", "alice"), "k", {"text": "tea"})
    old = store.get(("users", "alice"), "k")
    store.delete(("users", "alice"), "k")
    assert store.get(("users", "alice"), "k") is None
    assert store.search(("users",), query="tea") == [] == store.search(("users",))
    assert store.list_namespaces() == []
    store.put(("users", "alice"), "k", {"text": "tea"})
    new = store.get(("users", "alice"), "k")
    assert old is not None and new is not None and new.created_at > old.created_at


def test_a_refused_value_leaves_what_was(store: MemGardenStore) -> None:
    """What is not JSON, NaN, a lone surrogate, an empty key: an error that says so."""
    store.put(("u",), "k", {"n": 0})
    for key, value in (
        ("k", {"n": object()}),
        ("k", {"n": float("nan")}),
        ("k", {"t": "\ud800"}),
        ("", {"n": 1}),
        ("k", {1: 2}),
    ):
        with pytest.raises(InvalidMemory):
            store.put(("u",), key, value)  # type: ignore[dict-item]
    assert [item.value for item in store.search(("u",))] == [{"n": 0}]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"value": "hello"}, TypeError),
        ({"value": [1, 2]}, TypeError),
        ({"value": {"a": 1}, "index": "text"}, TypeError),
        ({"value": {"a": 1}, "ttl": float("inf")}, ValueError),
        ({"value": {"a": 1}, "ttl": 1e12}, ValueError),
    ],
)
def test_wrong_puts_are_refused(store: MemGardenStore, options: dict[str, Any], error: type[Exception]) -> None:
    """By an error that says what is due."""
    with pytest.raises(error, match=r"mapping|list of paths|minutes"):
        store.put(("u",), "k", **options)
    for where in ([1], {1: 2}, "a"):
        with pytest.raises(ValueError, match="mapping"):
            store.search(("u",), filter=where)  # type: ignore[arg-type]
    assert store.search(("u",), query="x", limit=20_000) == []


def test_hostile_keys_are_keys(store: MemGardenStore) -> None:
    """Of any characters that a database can store; those that differ at all are two."""
    several = ["' OR 1=1 --", "%", "a/b", "a.b", "k\n", "ü", "u\u0308", "$eq", "🌱", "k" * 1000]
    for n, key in enumerate(several):
        store.put(("u",), key, {"n": n})
    for n, key in enumerate(several):
        item = store.get(("u",), key)
        assert item is not None and item.value == {"n": n}
        store.delete(("u",), key)
        assert store.get(("u",), key) is None
    assert store.search(("u",)) == []


def test_what_others_stored_is_an_item(store: MemGardenStore, garden: Garden) -> None:
    """With its text as `content`, so that agents see what a chain remembered."""
    memory = garden.scope("u", "alice").add("likes tea", metadata={"source": "chat"}, id="m")
    (found,) = store.search(("u",), query="tea")
    assert (found.key, found.value) == ("m", {"content": "likes tea", "metadata": {"source": "chat"}})
    assert (found.created_at, found.updated_at) == (memory.created_at, memory.stored_at)


def test_records_of_others_are_no_items(store: MemGardenStore, garden: Garden) -> None:
    """What LlamaIndex keeps beside a user's memories is neither listed nor found below the user."""
    store.put(("alice",), "k", {"text": "tea"})
    garden.scope("alice", "#llama_index_chats").add("-", kind="record", metadata={"message": "tea"})
    assert store.list_namespaces() == [("alice",)]
    assert keys(store.search((), limit=9)) == keys(store.search(("alice",), query="tea", limit=9)) == ["k"]
