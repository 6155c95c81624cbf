"""Namespaces: which there may be, what lies below one, how they are listed, and the labels of addresses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.store.base import GetOp, InvalidNamespaceError, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore

from langchain_memgarden import MemGardenStore, decode_label, encode_label
from memgarden import Garden
from tests.langchain.conftest import keys


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


def test_a_root_is_a_place_of_its_own(garden: Garden) -> None:
    """Namespaces lie below it, and nothing beside it is seen."""
    garden.scope("u").add("tea of somebody")
    store = MemGardenStore(garden, root=("agents", "one"))
    store.put(("u",), "k", {"text": "tea"})
    MemGardenStore(garden, root=("agents",)).put(("two",), "k", {"text": "tea"})
    assert store.list_namespaces() == [("u",)]
    assert keys(store.search((), query="tea")) == ["k"]
    assert garden.scopes("agents") == {("agents", "one", "u"): 1, ("agents", "two"): 1}


def test_nothing_is_deleted_outside_of_namespaces(garden: Garden) -> None:
    """The empty one holds nothing, with a root as without."""
    garden.scope("tenant").add("tea", id="k")
    MemGardenStore(garden, root=("tenant",)).delete((), "k")
    MemGardenStore(garden).delete((), "k")
    assert garden.scope("tenant").get("k") is not None


def test_addresses_have_labels(store: MemGardenStore, garden: Garden) -> None:
    """Where LangGraph allows no dots; the scope is the one of the address itself, for everything else in memgarden."""
    label = encode_label("alice@example.com")
    assert "." not in label and decode_label(label) == "alice@example.com"
    store.put(("users", label), "k", {"text": "tea"})
    assert garden.scopes() == {("users", "alice@example.com"): 1}
    assert store.list_namespaces() == [("users", label)]
    assert keys(store.search(("users", label), query="tea")) == ["k"]


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
