"""Bad input gets an error that says what to do, and nothing of it is stored; odd input is kept to the letter."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from memgarden import (
    EmbedderMismatch,
    Garden,
    InvalidFilter,
    InvalidMemory,
    InvalidQuery,
    Memory,
    MemoryNotFound,
    UnknownStrategy,
)

LAST = datetime.max.replace(tzinfo=timezone(-timedelta(hours=5)))
NOW = datetime(2024, 5, 1, tzinfo=UTC)

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("empty text", {"text": ""}, "the text of a memory is empty"),
    ("blank text", {"text": " \n\t"}, "the text of a memory is empty"),
    ("text of another type", {"text": 7}, "text is a string, not int"),
    ("bytes", {"text": b"x"}, "text is a string, not bytes"),
    ("NUL", {"text": "a\0b"}, r"'\\x00' at position 1.*remove it"),
    ("lone surrogate", {"text": "a\ud800"}, r"'\\ud800' at position 1.*encode\('utf-8', 'replace'\)"),
    ("text of 17 MB", {"text": "x" * (17 * 2**20)}, "at most 16,777,216: split"),
    ("id of 10 kB", {"text": "x", "id": "i" * 10_000}, "id takes 10,000 bytes; at most 1,024"),
    ("empty id", {"text": "x", "id": ""}, "may not be empty"),
    ("id of another type", {"text": "x", "id": 7}, "id is a string, not int"),
    ("NUL in id", {"text": "x", "id": "a\0"}, "id holds"),
    ("metadata of another type", {"text": "x", "metadata": [1]}, "metadata is a mapping"),
    ("object in metadata", {"text": "x", "metadata": {"a": object()}}, "metadata.a is of type object"),
    ("datetime in metadata", {"text": "x", "metadata": {"a": [NOW]}}, r"metadata.a\[0\].*isoformat"),
    ("NaN in metadata", {"text": "x", "metadata": {"a": float("nan")}}, "metadata.a is nan.*use None"),
    ("numpy in metadata", {"text": "x", "metadata": {"a": np.float32(1)}}, "metadata.a is of type float32"),
    ("number as key", {"text": "x", "metadata": {1: "a"}}, "a key of metadata is 1.*use '1'"),
    ("surrogate in metadata", {"text": "x", "metadata": {"a": {"b": "\udfff"}}}, "metadata.a.b holds"),
    ("surrogate in key", {"text": "x", "metadata": {"\udfff": 1}}, "a key of metadata holds"),
    ("naive time", {"text": "x", "created_at": datetime(2024, 1, 1)}, "created_at has no time zone"),
    ("time as text", {"text": "x", "expires_at": "2024-01-01"}, "expires_at is a datetime, not str.*fromisoformat"),
    ("unknown importance", {"text": "x", "importance": "huge"}, "importance is one of low, medium, high, critical"),
    ("importance as number", {"text": "x", "importance": 3}, "importance is one of"),
    ("tags as text", {"text": "x", "tags": "home"}, r"as in tags=\['home'\]"),
    ("time beyond UTC", {"text": "x", "created_at": LAST}, "created_at is 9999.*UTC has no year for"),
    ("endless number", {"text": "x", "metadata": {"a": [10**5000]}}, r"metadata.a\[0\] is a number of more than 1024"),
    ("tags of another type", {"text": "x", "tags": [1]}, "a tag is a string"),
]


@pytest.mark.parametrize(("case", "fields", "message"), REFUSED, ids=[case for case, _, _ in REFUSED])
def test_what_cannot_be_stored_is_refused_whole(
    garden: Garden, case: str, fields: dict[str, Any], message: str
) -> None:
    """By add and by add_many alike, and a batch with one of them stores none of itself."""
    scope = garden.scope("alice")
    with pytest.raises(InvalidMemory, match=message):
        scope.add(**fields)
    with pytest.raises(InvalidMemory, match=message):
        scope.add_many([{"text": "good"}, fields])
    assert scope.count() == 0 and garden.health().rows["chunks"] == 0


def test_an_endless_nesting_is_refused(garden: Garden) -> None:
    """And not by exhausting the stack."""
    deep: dict[str, Any] = {}
    deep["self"] = deep
    with pytest.raises(InvalidMemory, match="nested deeper than 32 levels"):
        garden.scope("alice").add("x", metadata=deep)


def test_a_misspelt_field_is_refused(garden: Garden) -> None:
    """With the fields there are."""
    with pytest.raises(InvalidMemory, match=r"no field \['txt'\]: the fields are .*text"):
        garden.scope("alice").add_many([{"txt": "x"}])
    with pytest.raises(InvalidMemory, match="a memory needs a text"):
        garden.scope("alice").add_many([{"id": "x"}])
    with pytest.raises(InvalidMemory, match="not int"):
        garden.scope("alice").add_many([7])  # type: ignore[list-item]


@pytest.mark.parametrize(
    "text",
    [
        "🌿",
        "🧑‍🌾👩🏽‍🚀",
        "日本語のメモ",
        "한국어",
        "नमस्ते",
        "a" * 100_000,
        "\u202e",
        "\x01\x1b[31m",
        "​",
        "ﬁ Å",
        "x" + "\n" * 5000,
    ],
    ids=[
        "emoji",
        "joined emoji",
        "japanese",
        "korean",
        "hindi",
        "one long word",
        "override",
        "control",
        "zero width",
        "nfkc",
        "newlines",
    ],
)
def test_odd_text_is_kept_to_the_letter(garden: Garden, text: str) -> None:
    """And as id, tag, kind and metadata too where it is short enough."""
    scope = garden.scope("alice")
    if text.strip():
        scope.add(text, id="a")
        assert scope.get("a").text == text and len(scope.search(text[:2000] or "x")) == 1
    short = text[:50]
    scope.add("x", id=short, tags=[short], kind=short, metadata={short: short})
    kept = scope.get(short)
    assert (kept.tags, kept.kind, kept.metadata) == ((short,), short, {short: short})


def test_a_text_of_five_megabytes_is_stored_and_its_last_word_found(garden: Garden) -> None:
    """Whatever the number of chunks."""
    scope = garden.scope("alice")
    text = "The quick brown fox jumps over the lazy dog. " * 120_000 + "Finally a quokka."
    scope.add(text, id="book")
    hits = scope.search("quokka", mode="lexical")
    assert [hit.id for hit in hits] == ["book"] and hits[0].text.endswith("quokka.") and len(hits[0].text) < 5000
    assert scope.get("book").text == text


VECTORS: list[tuple[Any, type[Exception], str]] = [
    (np.full(64, np.nan), InvalidMemory, "vector 0 is zero or holds NaN"),
    (np.zeros(64), InvalidMemory, "vector 0 is zero"),
    (np.full(64, np.inf), InvalidMemory, "NaN or infinity"),
    (np.ones(63), EmbedderMismatch, "have 64 dimensions .*; those given 63"),
    (["a"] * 64, InvalidMemory, "vectors are numbers"),
    (3.0, InvalidMemory, "the shape given is"),
]


@pytest.mark.parametrize(("vector", "error", "message"), VECTORS)
def test_vectors_that_are_none_are_refused(garden: Garden, vector: Any, error: type[Exception], message: str) -> None:
    """When adding and when searching."""
    scope, name = garden.scope("alice"), garden.embedder.name
    with pytest.raises(error, match=message):
        scope.add("x", vector=vector, embedder=name)
    with pytest.raises(error, match=message):
        scope.search("x", vector=vector, embedder=name)
    assert scope.count() == 0


def test_vectors_of_another_embedder_are_refused(garden: Garden) -> None:
    """Also when nobody says whose they are."""
    scope = garden.scope("alice")
    for name in ("text-embedding-3-small", None):
        with pytest.raises(EmbedderMismatch, match="this garden's vectors come from 'hashing-64'"):
            scope.add("x", vector=np.ones(64), embedder=name)
    with pytest.raises(InvalidMemory, match="2 memories came with 3 vectors"):
        scope.add_many(["a", "b"], vectors=np.ones((3, 64)), embedder="hashing-64")


QUERIES: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"query": ""}, InvalidQuery, "the query is empty"),
    ({"query": 7}, InvalidQuery, "a query is a string"),
    ({"k": 0}, InvalidQuery, "k is a whole number from 1"),
    ({"k": True}, InvalidQuery, "k is a whole number"),
    ({"k": 2.5}, InvalidQuery, "k is a whole number"),
    ({"mode": "semantic"}, InvalidQuery, "the mode is one of hybrid, lexical, dense"),
    ({"alpha": 1.5}, InvalidQuery, "alpha"),
    ({"alpha": float("nan")}, InvalidQuery, "alpha"),
    (
        {"fusion": "magic"},
        UnknownStrategy,
        "unknown fusion 'magic': use one of max, rank-linear, rrf, tmm, weighted, zscore",
    ),
    ({"since": datetime(2024, 1, 1)}, InvalidQuery, "since is a datetime with a time zone"),
    ({"min_score": float("nan")}, InvalidQuery, "min_score"),
    ({"min_score": "x"}, InvalidQuery, "min_score is a number"),
    ({"fusion": ["rrf"]}, InvalidQuery, "fusion is a method's name"),
    ({"where": {"importance": {"$gte": "hihg"}}}, InvalidFilter, "importance is one of low, medium, high, critical"),
    ({"where": {"a": {"$near": 1}}}, InvalidFilter, r"unknown operator '\$near': the operators are \$eq"),
    ({"where": {"$gt": 1}}, InvalidFilter, "stands without a field"),
    ({"where": {"$or": []}}, InvalidFilter, r"\$or takes a list"),
    ({"where": {"a": {"$in": "x"}}}, InvalidFilter, r"\$in on 'a' takes list, not str"),
    ({"where": {"a": {"$gt": None}}}, InvalidFilter, r"\$gt on 'a'"),
    ({"where": {"a": {"$exists": 1}}}, InvalidFilter, r"\$exists on 'a' takes bool"),
    ({"where": [1]}, InvalidFilter, "a filter is a mapping"),
    ({"where": {1: 2}}, InvalidFilter, "keys are field names"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), QUERIES)
def test_a_search_that_cannot_be_run_says_why(
    garden: Garden, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    """Whether or not the scope holds anything."""
    garden.scope("alice").add("x")
    for user in ("alice", "ghost"):
        with pytest.raises(error, match=message):
            garden.scope(user).search(**{"query": "x"} | arguments)


def test_a_filter_that_nests_without_end_is_refused(garden: Garden) -> None:
    """And not by exhausting the stack."""
    where: dict[str, Any] = {"a": 1}
    for _ in range(3000):
        where = {"$not": where}
    garden.scope("alice").add("x")
    with pytest.raises(InvalidFilter, match="nested deeper than 32"):
        garden.scope("alice").search("x", where=where)


def test_queries_of_any_text_are_answered(garden: Garden) -> None:
    """Surrogates, NUL, control characters and a megabyte among them."""
    scope = garden.scope("alice")
    scope.add("hello world")
    for query in ("\ud800 hello", "hello\0", "\x1b[31mhello", "hello " * 200_000, "'; DROP TABLE memories;--"):
        start = time.monotonic()
        assert len(scope.search(query)) == 1
        assert time.monotonic() - start < 20
    assert scope.count() == 1


def test_memories_are_checked_however_they_come(garden: Garden) -> None:
    """A Memory made by hand is no way around the checks."""
    with pytest.raises(InvalidMemory, match="no time zone"):
        garden.scope("alice").add_many([Memory("x", created_at=datetime(2024, 1, 1))])


def test_one_where_several_are_due_is_refused(garden: Garden) -> None:
    """A string is no list of letters, a mapping no list of keys."""
    scope = garden.scope("alice")
    for items in ("cat", b"cat", {"text": "cat"}):
        with pytest.raises(InvalidMemory, match="add_many takes several"):
            scope.add_many(items)  # type: ignore[arg-type]
    with pytest.raises(InvalidQuery, match="search_many takes several"):
        scope.search_many("cat")
    with pytest.raises(InvalidQuery, match="ids are a string or several"):
        scope.delete(None)  # type: ignore[arg-type]
    assert scope.count() == 0


def test_vectors_and_a_stream_of_another_length_are_refused(garden: Garden) -> None:
    """And what was stored before is said."""
    scope, name = garden.scope("alice"), garden.embedder.name
    with pytest.raises(InvalidMemory, match="5 vectors for more memories than that; 0 were stored"):
        scope.add_many((f"n{n}" for n in range(9)), vectors=np.ones((5, 64)), embedder=name)
    with pytest.raises(InvalidMemory, match="5 vectors for 3 memories"):
        scope.add_many((f"n{n}" for n in range(3)), vectors=np.ones((5, 64)), embedder=name)
    with pytest.raises(InvalidMemory, match="vectors are numbers of shape"):
        scope.add_many(["x"], vectors=3.0, embedder=name)


@pytest.mark.parametrize("id", ["a\0", "a\0anything", "\ud800"])
def test_an_id_that_cannot_be_stored_is_not_there(garden: Garden, id: str) -> None:
    """And touches no other."""
    scope = garden.scope("alice")
    scope.add("x", id="a")
    assert scope.get(id) is None and scope.delete([id]) == 0
    with pytest.raises(MemoryNotFound):
        scope.update(id, text="y")
    with pytest.raises(InvalidQuery, match="an id is a string, not dict"):
        scope.get({})  # type: ignore[arg-type]
    assert scope.get("a").text == "x"


@pytest.mark.parametrize("limit", [2**70, "x", 1.5, -1, True])
def test_a_page_has_a_whole_number_of_memories(garden: Garden, limit: Any) -> None:
    """Anything else is refused."""
    for options in ({"limit": limit}, {"offset": limit}):
        with pytest.raises(InvalidQuery, match="limit and offset are whole numbers"):
            garden.scope("alice").list(**options)


def test_any_mapping_is_metadata(garden: Garden) -> None:
    """It comes back as a dict."""
    scope = garden.scope("alice")
    scope.add("x", id="a", metadata=MappingProxyType({"a": MappingProxyType({"b": 1})}))
    assert scope.get("a").metadata == {"a": {"b": 1}}
    scope.add("x", id="b", metadata={"a.b": {"c": 1}})
    assert [hit.id for hit in scope.search("x", where={"a.b.c": 1})] == ["b"]
