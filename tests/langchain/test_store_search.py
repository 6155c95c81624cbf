"""A store's search: what lies below a prefix, pages, and what of a value questions find."""

from __future__ import annotations

from pathlib import Path

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding

from langchain_memgarden import MemGardenStore
from langchain_memgarden.items import text_of
from memgarden import EmbedderMismatch, Garden
from tests.langchain.conftest import keys


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


def test_what_is_not_indexed_is_found_by_nobody(store: MemGardenStore, garden: Garden) -> None:
    """Not by the searches of the rest of memgarden either."""
    store.put(("carol",), "pin", {"pin": "1234"}, index=False)
    assert garden.scope("carol").search("pin 1234") == []
