"""Every rule of LangGraph's store contract, as its interface states it and its own stores keep it, and where they fail.

`langgraph.store.base` has the interface; the stores in memory, SQLite and PostgreSQL are what users know.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from langchain_core.embeddings import DeterministicFakeEmbedding
from langgraph.store.base import GetOp, InvalidNamespaceError, ListNamespacesOp, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore

from langchain_memgarden import MemGardenStore, decode_label, encode_label
from langchain_memgarden.items import matches, narrowed, text_of
from memgarden import EmbedderMismatch, Garden, GardenBusy, InvalidMemory
from memgarden.embed.hashing import HashingEmbedder

OPEN = Callable[..., Garden]
SHORT = 0.004  # minutes: a quarter of a second


@pytest.fixture
def store(garden: Garden) -> MemGardenStore:
    """An empty store."""
    return MemGardenStore(garden)


def keys(items: Any) -> list[str]:
    return [item.key for item in items]


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


def test_namespaces_are_checked(store: MemGardenStore) -> None:
    """By every way in, raw operations among them; nothing is stored by one that is refused."""
    for bad in ((), ("",), ("a", ""), ("a.b",), ("a\0",), ("langgraph",), ("langgraph", "x"), (1,)):
        with pytest.raises(InvalidNamespaceError):
            store.put(bad, "k", {"a": 1})  # type: ignore[arg-type]
        with pytest.raises(InvalidNamespaceError):
            store.batch([PutOp(("fine",), "k", {"a": 1}), PutOp(bad, "k", {"a": 1})])  # type: ignore[arg-type]
    for bad in (("",), ("a.b",), (1,), "memories"):
        with pytest.raises(InvalidNamespaceError):
            store.get(bad, "k")  # type: ignore[arg-type]
        with pytest.raises(InvalidNamespaceError):
            store.search(bad)  # type: ignore[arg-type]
        with pytest.raises(InvalidNamespaceError):
            store.batch([GetOp(bad, "k")])  # type: ignore[arg-type]
        with pytest.raises(InvalidNamespaceError):
            store.batch([SearchOp(bad)])  # type: ignore[arg-type]
    assert store.list_namespaces() == []
    with pytest.raises(ValueError, match="unknown operation"):
        store.batch(["put"])  # type: ignore[list-item]


def test_namespaces_are_whole_labels(store: MemGardenStore) -> None:
    """`user1` is no prefix of `user12`, whatever characters labels hold; case and accents count."""
    labels = [
        "user1",
        "user12",
        "User1",
        "user/1",
        "user%1",
        "user_1",
        "us*er",
        "ü",
        "u\u0308",
        "'; DROP TABLE memories; --",
    ]
    for label in labels:
        store.put(("users", label), "k", {"text": f"tea of {label}"})
    for label in labels:
        for query in (None, "tea"):
            found = store.search(("users", label), query=query)
            assert [(item.namespace, item.value) for item in found] == [(("users", label), {"text": f"tea of {label}"})]
        assert store.list_namespaces(prefix=("users", label)) == [("users", label)]
    assert len(store.search(("users",), limit=100)) == len(labels)
    assert store.search(("user",)) == []


def test_below_a_prefix_all_is_searched(store: MemGardenStore) -> None:
    """The namespace itself and those below it, the best of all first; () is the whole store."""
    store.put(("docs",), "a", {"text": "green tea in the morning"})
    store.put(("docs", "x"), "b", {"text": "a train to Lisbon"})
    store.put(("docs", "x", "y"), "c", {"text": "the train to Porto and Lisbon"})
    store.put(("other",), "d", {"text": "train Lisbon"})
    assert set(keys(store.search(("docs",), query="train Lisbon"))) == {"a", "b", "c"}
    assert set(keys(store.search(("docs", "x"), query="train Lisbon"))) == {"b", "c"}
    assert keys(store.search((), query="train Lisbon"))[0] == "d"
    scores = [item.score for item in store.search((), query="train Lisbon")]
    assert scores == sorted(scores, reverse=True) and all(0 <= score <= 1 for score in scores)
    assert len(store.search(())) == 4


def test_pages_hold_all_once(store: MemGardenStore) -> None:
    """By limit and offset, with a query, with a filter and with neither; without a query the latest are first."""
    for n in range(12):
        store.put(("users", f"u{n % 3}"), f"k{n}", {"text": f"tea number {n}", "even": n % 2 == 0})
    for options in ({}, {"query": "tea"}, {"filter": {"even": True}}, {"query": "tea", "filter": {"even": True}}):
        whole = keys(store.search(("users",), limit=100, **options))  # type: ignore[arg-type]
        assert len(whole) == len(set(whole)) == (6 if "filter" in options else 12)
        pages = [keys(store.search(("users",), limit=5, offset=at, **options)) for at in (0, 5, 10, 15)]  # type: ignore[arg-type]
        assert [key for page in pages for key in page] == whole
    assert keys(store.search(("users",), limit=3)) == ["k11", "k10", "k9"]
    assert len(store.search(("users",))) == 10
    assert store.search(("users",), limit=0) == []


FILTERS: list[tuple[dict[str, Any], set[str]]] = [
    ({"n": 1}, {"one"}),
    ({"n": {"$eq": 1}}, {"one"}),
    ({"n": {"$ne": 1}}, {"two", "none", "odd"}),
    ({"n": {"$gt": 1}}, {"two"}),
    ({"n": {"$gte": 1, "$lt": 2}}, {"one"}),
    ({"n": {"$lte": 2}}, {"one", "two"}),
    ({"n": None}, {"none", "odd"}),
    ({"tags": ["a", "b"]}, {"one"}),
    ({"tags": "a"}, set()),
    ({"tags": {"$ne": ["a", "b"]}}, {"two", "none", "odd"}),
    ({"in": {"a": 1}}, {"one", "two"}),
    ({"in": {"a": 1, "b": "x"}}, {"one"}),
    ({"in": {"a": {"$gte": 1}}}, {"one", "two"}),
    ({"in": {"$eq": {"a": 1}}}, {"two"}),
    ({"date": {"$gt": "2024-01-01"}}, {"two"}),
    ({"flag": True}, {"one"}),
    ({"flag": 1}, {"two"}),
    ({"a.b": 1}, {"odd"}),
    ({"n": 1, "flag": True}, {"one"}),
    ({"n": 1, "flag": False}, set()),
    ({"missing": {"$gt": 1}}, set()),
    ({"n": {"$gt": "1"}}, set()),
    ({"'; DROP TABLE memories; --": 1}, set()),
    ({"": 5}, {"odd"}),
    ({}, {"one", "two", "none", "odd"}),
]


@pytest.mark.parametrize("query", [None, "tea"])
@pytest.mark.parametrize(("where", "due"), FILTERS)
def test_filters(store: MemGardenStore, query: str | None, where: dict[str, Any], due: set[str]) -> None:
    """With a query and without; what is missing or of another type is no error."""
    store.put(
        ("u",),
        "one",
        {"text": "tea", "n": 1, "tags": ["a", "b"], "in": {"a": 1, "b": "x"}, "date": "2023-05-01", "flag": True},
    )
    store.put(("u",), "two", {"text": "tea", "n": 2, "tags": ["b"], "in": {"a": 1}, "date": "2024-05-01", "flag": 1})
    store.put(("u",), "none", {"text": "tea", "n": None, "in": 5})
    store.put(("u",), "odd", {"text": "tea", "a.b": 1, "a": {"b": 2}, "": 5})
    store.put(("v",), "other", {"text": "tea", "n": 1})
    assert set(keys(store.search(("u",), query=query, filter=where))) == due


def test_unknown_operators_are_errors(store: MemGardenStore) -> None:
    """Where nothing is stored, too."""
    for where in ({"n": {"$regex": "a"}}, {"$or": [{"n": 1}]}):
        with pytest.raises(ValueError, match="operator"):
            store.search(("u",), filter=where)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab.$", max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab.", max_size=2), inner, max_size=2),
    max_leaves=5,
)
VALUES = st.dictionaries(st.text("ab.", max_size=2), JSON, max_size=3)
TESTS = JSON | st.dictionaries(
    st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]), JSON, min_size=1, max_size=2
)


@example(values=[{"": {"": False}}], where={".": None})
@given(values=st.lists(VALUES, max_size=5), where=st.dictionaries(st.text("ab.", max_size=2), TESTS, max_size=2))
def test_searches_filter_as_the_reference_does(
    garden: Garden, values: list[dict[str, Any]], where: dict[str, Any]
) -> None:
    """Of any values and filters: the index narrows, and what is given out is exactly what `matches`."""
    try:
        due = {str(n) for n, value in enumerate(values) if matches(value, where)}
    except ValueError:
        return  # an unknown operator inside, as a key such as "$"
    store = MemGardenStore(garden)
    for item in store.search(("h",), limit=100):
        store.delete(("h",), item.key)
    for n, value in enumerate(values):
        store.put(("h",), str(n), value)
    assert set(keys(store.search(("h",), filter=where, limit=100))) == due
    assert set(keys(store.search(("h",), query="a b", filter=where, limit=100))) == due


@given(
    value=VALUES,
    where=st.dictionaries(
        st.text("ab", min_size=1, max_size=2), st.integers(-3, 3) | st.booleans() | st.none(), max_size=2
    ),
)
def test_plain_filters_mean_what_they_mean_in_memory(value: dict[str, Any], where: dict[str, Any]) -> None:
    """Of LangGraph's own store, but that True is not 1."""
    reference = InMemoryStore()
    reference.put(("u",), "k", value)
    mixed = any(isinstance(value.get(key), bool) is not isinstance(wanted, bool) for key, wanted in where.items())
    assert mixed or matches(value, where) == bool(reference.search(("u",), filter=where))
    assert narrowed(where) or not where


def test_a_batch_reads_what_was_before_it(store: MemGardenStore) -> None:
    """Results in the order of the operations; of several puts of one key the last holds, and None deletes."""
    store.put(("u",), "k", {"n": 0})
    results = store.batch(
        [
            PutOp(("u",), "k", {"n": 1}),
            GetOp(("u",), "k"),
            PutOp(("u",), "k", {"n": 2}),
            PutOp(("u",), "gone", {"n": 3}),
            PutOp(("u",), "gone", None),
            PutOp(("u",), "back", None),
            PutOp(("u",), "back", {"n": 4}),
            SearchOp(("u",)),
            ListNamespacesOp(),
        ]
    )
    assert [results[n] for n in (0, 2, 3, 4, 5, 6)] == [None] * 6
    assert results[1].value == {"n": 0}  # type: ignore[union-attr]
    assert [item.value for item in results[7]] == [{"n": 0}]  # type: ignore[union-attr]
    assert results[8] == [("u",)]
    assert {item.key: item.value for item in store.search(("u",))} == {"k": {"n": 2}, "back": {"n": 4}}
    assert store.batch([]) == []


def test_equal_texts_in_one_batch(store: MemGardenStore) -> None:
    """Each is stored and found: LangGraph's store in memory fails here."""
    store.batch([PutOp(("u", str(n)), f"k{n}", {"text": "the same"}) for n in range(5)])
    store.batch([PutOp(("v",), f"k{n}", {"text": "the same"}) for n in range(5)])
    assert len(store.search(("u",), query="the same")) == len(store.search(("v",), query="the same")) == 5


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


def test_index_says_what_questions_find(garden: Garden) -> None:
    """The store's fields, a put's own, or nothing; what is not indexed is filtered, and comes last, unscored."""
    store = MemGardenStore(garden, index={"fields": ["title", "parts[*].text"]})  # type: ignore[typeddict-item]
    store.put(
        ("u",), "default", {"title": "herring", "hidden": "walrus", "parts": [{"text": "pelican"}, {"text": "ostrich"}]}
    )
    store.put(("u",), "own", {"title": "herring", "hidden": "walrus"}, index=["hidden"])
    store.put(("u",), "none", {"title": "herring"}, index=False)
    store.put(("u",), "blank", {"other": 1})

    def lexically(query: str) -> list[str]:
        scope = garden.scope("u")
        return [hit.id for hit in scope.search(query, mode="lexical", where={"kind": "item"})]

    assert lexically("herring") == ["default"]
    assert lexically("walrus") == ["own"]
    assert lexically("pelican") == lexically("ostrich") == ["default"]
    found = store.search(("u",), query="herring")
    assert keys(found)[0] == "default"
    assert {item.key: item.score is None for item in found} == {
        "default": False,
        "own": False,
        "none": True,
        "blank": True,
    }
    assert keys(found)[2:] == ["blank", "none"]
    assert keys(store.search(("u",), query="herring", limit=1)) == ["default"]
    assert keys(store.search(("u",), query="herring", filter={"title": "herring"}, limit=5)) == [
        "default",
        "own",
        "none",
    ]
    item = store.get(("u",), "none")
    assert item is not None and item.value == {"title": "herring"}


def test_without_an_index_a_store_is_keys_and_filters(garden: Garden) -> None:
    """A query then ranks nothing; a put's own index is heeded."""
    store = MemGardenStore(garden, index=False)
    store.put(("u",), "a", {"text": "tea"})
    store.put(("u",), "b", {"text": "coffee"})
    assert [(item.key, item.score) for item in store.search(("u",), query="tea")] == [("b", None), ("a", None)]
    store.put(("u",), "c", {"text": "tea"}, index=["text"])
    assert keys(store.search(("u",), query="tea"))[0] == "c"


def test_what_is_embedded_has_no_brackets() -> None:
    """A line for each string or number, with its name; the only one stands alone."""
    assert text_of({"content": "likes tea"}, ["$"]) == "likes tea"
    assert text_of({"food": "pizza", "n": 3, "x": None, "l": ["a", {"b": " "}]}, ["$"]) == "food: pizza\nn: 3\nl: a"
    assert text_of({"a": "x", "b": "y"}, ["b", "a"]) == "y\nx"
    assert text_of({}, ["$"]) == text_of({"a": "x"}, ["b"]) == text_of({"a": "x"}, []) == ""


def test_an_index_may_bring_the_model(tmp_path: Path, garden: Garden) -> None:
    """As LangGraph's configuration has it; another than the garden's is refused, and so are other dimensions."""
    model = DeterministicFakeEmbedding(size=32)
    store = MemGardenStore(tmp_path / "own", index={"dims": 32, "embed": model})
    store.put(("u",), "k", {"text": "tea"})
    assert keys(store.search(("u",), query="tea")) == ["k"]
    store.garden.close()
    with pytest.raises(EmbedderMismatch):
        MemGardenStore(garden, index={"dims": 32, "embed": model})
    with pytest.raises(ValueError, match="64 dimensions"):
        MemGardenStore(garden, index={"dims": 32})  # type: ignore[typeddict-item]


def wait_until(holds: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def test_items_expire(store: MemGardenStore) -> None:
    """For get, search and the list of namespaces, minutes after the last put; without a TTL they stay."""
    store.put(("u",), "k", {"text": "tea"}, ttl=SHORT)
    store.put(("v",), "stays", {"text": "tea"})
    assert store.get(("u",), "k", refresh_ttl=False) is not None
    assert wait_until(lambda: store.get(("u",), "k", refresh_ttl=False) is None)
    assert keys(store.search((), query="tea")) == keys(store.search(())) == ["stays"]
    assert store.list_namespaces() == [("v",)]
    assert store.sweep_ttl() == 1 and store.sweep_ttl() == 0


@pytest.mark.parametrize("read", ["get", "search", "query"])
def test_reading_renews(store: MemGardenStore, read: str) -> None:
    """An item that is read in time lives on, by get, search and search with a query, and is no later an update."""
    store.put(("u",), "k", {"text": "tea"}, ttl=SHORT * 2)
    first = store.get(("u",), "k", refresh_ttl=False)
    end = time.monotonic() + SHORT * 2 * 60 * 2.5
    while time.monotonic() < end:
        if read == "get":
            assert store.get(("u",), "k") is not None
        else:
            assert keys(store.search(("u",), query="tea" if read == "query" else None)) == ["k"]
        time.sleep(0.05)
    last = store.get(("u",), "k", refresh_ttl=False)
    assert first is not None and last is not None and last.updated_at == first.updated_at
    assert wait_until(lambda: store.get(("u",), "k", refresh_ttl=False) is None)


def test_the_ttl_config_holds_where_nothing_is_said(garden: Garden) -> None:
    """A default, and whether reading renews; a put's None is for ever."""
    store = MemGardenStore(garden, ttl={"default_ttl": SHORT, "refresh_on_read": False})
    assert store.supports_ttl
    store.put(("u",), "k", {"text": "tea"})
    store.put(("u",), "stays", {"text": "tea"}, ttl=None)
    assert wait_until(lambda: store.get(("u",), "k") is None)
    assert store.get(("u",), "stays") is not None


def test_a_sweeper_frees_the_place(garden: Garden) -> None:
    """In the background, until it is stopped."""
    with MemGardenStore(garden) as store:
        store.put(("u",), "k", {"text": "tea"}, ttl=SHORT)
        store.start_ttl_sweeper(0.001)
        store.start_ttl_sweeper(0.001)
        assert wait_until(lambda: garden.health().rows["memories"] == 0)
        assert store.stop_ttl_sweeper(timeout=5)
    assert not [thread for thread in threading.enumerate() if thread.name == "memgarden-ttl"]


NAMESPACES = [
    ("a", "b", "c"),
    ("a", "b", "d", "e"),
    ("a", "b", "d", "i"),
    ("a", "b", "f"),
    ("a", "c", "f"),
    ("b", "a", "f"),
    ("users", "123"),
    ("users", "456", "settings"),
]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"prefix": ("a",)},
        {"prefix": ("a", "b")},
        {"prefix": ("a", "*", "f")},
        {"prefix": ("*", "a")},
        {"prefix": ("*",)},
        {"suffix": ("f",)},
        {"suffix": ("*", "f")},
        {"suffix": ("b", "f")},
        {"prefix": ("a",), "suffix": ("f",)},
        {"max_depth": 1},
        {"max_depth": 2},
        {"prefix": ("a",), "max_depth": 2},
        {"prefix": ("a", "b", "d"), "max_depth": 3},
        {"limit": 2, "offset": 3},
        {"prefix": ("nobody",)},
        {"prefix": ("user",)},
        {"suffix": ("a", "b", "c", "d", "e")},
    ],
)
def test_namespaces_are_listed_as_in_memory(store: MemGardenStore, asked: dict[str, Any]) -> None:
    """By prefix, suffix, wildcards, depth and page: what LangGraph's own store lists."""
    reference = InMemoryStore()
    for namespace in NAMESPACES:
        for each in (store, reference):
            each.put(namespace, "k", {"n": 1})
    assert store.list_namespaces(**asked) == reference.list_namespaces(**asked)


def test_addresses_have_labels(store: MemGardenStore, garden: Garden) -> None:
    """Where LangGraph allows no dots; the scope is the one of the address itself, for everything else in memgarden."""
    label = encode_label("alice@example.com")
    assert "." not in label and decode_label(label) == "alice@example.com"
    store.put(("users", label), "k", {"text": "tea"})
    assert garden.scopes() == {("users", "alice@example.com"): 1}
    assert store.list_namespaces() == [("users", label)]
    assert keys(store.search(("users", label), query="tea")) == ["k"]


def test_a_root_is_a_place_of_its_own(garden: Garden) -> None:
    """Namespaces lie below it, and nothing beside it is seen."""
    garden.scope("u").add("tea of somebody")
    store = MemGardenStore(garden, root=("agents", "one"))
    store.put(("u",), "k", {"text": "tea"})
    MemGardenStore(garden, root=("agents",)).put(("two",), "k", {"text": "tea"})
    assert store.list_namespaces() == [("u",)]
    assert keys(store.search((), query="tea")) == ["k"]
    assert garden.scopes("agents") == {("agents", "one", "u"): 1, ("agents", "two"): 1}


def test_what_others_stored_is_an_item(store: MemGardenStore, garden: Garden) -> None:
    """With its text as `content`, so that agents see what a chain remembered."""
    memory = garden.scope("u", "alice").add("likes tea", metadata={"source": "chat"}, id="m")
    (found,) = store.search(("u",), query="tea")
    assert (found.key, found.value) == ("m", {"content": "likes tea", "metadata": {"source": "chat"}})
    assert (found.created_at, found.updated_at) == (memory.created_at, memory.stored_at)


def test_it_outlives_the_process(open_garden: OPEN) -> None:
    """Items, times and what remains of their TTL."""
    first = open_garden()
    MemGardenStore(first).put(("u",), "k", {"text": "tea"}, ttl=SHORT * 4)
    before = MemGardenStore(first).get(("u",), "k", refresh_ttl=False)
    first.close()
    store = MemGardenStore(open_garden())
    assert store.get(("u",), "k", refresh_ttl=False) == before is not None
    assert keys(store.search(("u",), query="tea", refresh_ttl=False)) == ["k"]
    assert wait_until(lambda: store.get(("u",), "k", refresh_ttl=False) is None)


def test_async_is_sync(store: MemGardenStore) -> None:
    """Every method, and a hundred at once."""

    async def work() -> None:
        await store.aput(("u",), "k", {"text": "tea"}, ttl=5)
        item = await store.aget(("u",), "k")
        assert item is not None and item.value == {"text": "tea"}
        assert keys(await store.asearch(("u",), query="tea")) == ["k"]
        assert await store.alist_namespaces() == [("u",)]
        await store.adelete(("u",), "k")
        assert await store.aget(("u",), "k") is None
        assert await store.abatch([PutOp(("u",), "b", {"n": 1}), GetOp(("u",), "b")]) == [None, None]
        await asyncio.gather(*(store.aput(("many", str(n % 7)), f"k{n}", {"text": f"tea {n}"}) for n in range(100)))
        assert len(await store.asearch(("many",), limit=200)) == 100

    asyncio.run(work())


def work_elsewhere(folder: str, process: int, rounds: int) -> None:
    with Garden.open(folder, embedder=HashingEmbedder(64), chroma=None) as garden:
        store = MemGardenStore(garden)
        for n in range(rounds):
            store.put(("shared",), f"p{process}-{n}", {"text": f"tea {process} {n}"})
            store.put(("shared",), "contended", {"by": process, "n": n})
            assert store.get(("shared",), f"p{process}-{n}") is not None
            found = {item.key for item in store.search(("shared",), query=f"tea {process} {n}", limit=400)}
            assert f"p{process}-{n}" in found, n


def test_two_processes_share_a_store(open_garden: OPEN, tmp_path: Path) -> None:
    """Each sees its own writes at once; in the end both see all, and a contended key has one value and one creation."""
    store = MemGardenStore(open_garden(embedder=HashingEmbedder(64)))
    store.put(("shared",), "contended", {"by": -1, "n": -1})
    first = store.get(("shared",), "contended")
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=work_elsewhere, args=(str(tmp_path / "garden"), n, 60)) for n in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(store.search(("shared",), limit=400)) == 121
    last = store.get(("shared",), "contended")
    assert first is not None and last is not None
    assert last.value["n"] == 59 and last.created_at == first.created_at and last.updated_at > first.updated_at


@given(texts=st.lists(st.text("a.\u2024\u2025@", min_size=1, max_size=6), min_size=1, max_size=4, unique=True))
def test_no_two_texts_have_one_label(texts: list[str]) -> None:
    """And each comes back; a label that stands for none is refused."""
    labels = [encode_label(text) for text in texts]
    assert len(set(labels)) == len(texts) and not any("." in label for label in labels)
    assert [decode_label(label) for label in labels] == texts


def test_a_label_that_stands_for_no_text_is_refused(store: MemGardenStore) -> None:
    """Rather than taken for one that does."""
    with pytest.raises(InvalidNamespaceError, match="encode_label"):
        store.put(("u", "\u2025x"), "k", {"n": 1})


def test_a_look_alike_address_is_another(store: MemGardenStore) -> None:
    """What is written with another dot is somebody else."""
    store.put(("memories", encode_label("alice@example.com")), "k", {"text": "secret"})
    assert store.search(("memories", encode_label("alice@example\u2024com")), query="secret") == []


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


def test_created_at_survives_puts_from_everywhere(garden: Garden) -> None:
    """Of two stores that put one key at once, by threads."""
    stores = [MemGardenStore(garden), MemGardenStore(garden)]
    stores[0].put(("u",), "k", {"n": -1})
    first = stores[0].get(("u",), "k")

    def work(store: MemGardenStore) -> None:
        for n in range(40):
            store.put(("u",), "k", {"n": n})

    threads = [threading.Thread(target=work, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last = stores[0].get(("u",), "k")
    assert first is not None and last is not None
    assert last.created_at == first.created_at and last.updated_at > first.updated_at


def test_pages_hold_all_once_where_reading_renews(store: MemGardenStore) -> None:
    """A renewed item is no newer than one that was put after it."""
    store.put(("u",), "a", {"n": 1}, ttl=SHORT * 3)
    store.put(("u",), "b", {"n": 2})
    time.sleep(0.05)
    assert store.get(("u",), "a") is not None
    assert keys(store.search(("u",), limit=2)) == ["b", "a"]
    assert keys(store.search(("u",), limit=1)) == ["b"] and keys(store.search(("u",), limit=1, offset=1)) == ["a"]


def test_a_batch_in_one_namespace_is_one_transaction(store: MemGardenStore) -> None:
    """However many it holds, indexed or not: one that cannot be stored leaves nothing of it."""
    ops = [PutOp(("u",), f"k{n}", {"n": n}, index=False if n % 2 else None) for n in range(200)]
    with pytest.raises(InvalidMemory):
        store.batch([*ops, PutOp(("u",), "bad", {"n": float("nan")})])
    assert store.search(("u",)) == []
    store.batch(ops)
    assert len(store.search(("u",), limit=500)) == 200


def test_nothing_is_deleted_outside_of_namespaces(garden: Garden) -> None:
    """The empty one holds nothing, with a root as without."""
    garden.scope("tenant").add("tea", id="k")
    MemGardenStore(garden, root=("tenant",)).delete((), "k")
    MemGardenStore(garden).delete((), "k")
    assert garden.scope("tenant").get("k") is not None


def test_what_is_not_indexed_is_found_by_nobody(store: MemGardenStore, garden: Garden) -> None:
    """Not by the searches of the rest of memgarden either."""
    store.put(("carol",), "pin", {"pin": "1234"}, index=False)
    assert garden.scope("carol").search("pin 1234") == []


def test_filters_see_what_others_stored(store: MemGardenStore, garden: Garden) -> None:
    """By the value that is given out for it."""
    garden.scope("u").add("hello", metadata={"topic": "home"}, id="m")
    store.put(("u",), "k", {"content": "other"})
    for query in (None, "hello"):
        assert keys(store.search(("u",), query=query, filter={"content": "hello"})) == ["m"]
        assert keys(store.search(("u",), query=query, filter={"metadata": {"topic": "home"}})) == ["m"]


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
        assert wait_until(lambda: len(swept) >= 3)


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


def test_truth_is_no_number() -> None:
    """As in JSON, and not as in Python: neither equal, nor ordered, alone or in a list."""
    assert not matches({"a": True}, {"a": 1}) and matches({"a": True}, {"a": {"$ne": 1}})
    assert not matches({"a": True}, {"a": {"$gte": 0}}) and matches({"a": True}, {"a": True})


def test_records_of_others_are_no_items(store: MemGardenStore, garden: Garden) -> None:
    """What LlamaIndex keeps beside a user's memories is neither listed nor found below the user."""
    store.put(("alice",), "k", {"text": "tea"})
    garden.scope("alice", "#llama_index_chats").add("-", kind="record", metadata={"message": "tea"})
    assert store.list_namespaces() == [("alice",)]
    assert keys(store.search((), limit=9)) == keys(store.search(("alice",), query="tea", limit=9)) == ["k"]
