"""A cached embedder gives what the embedder gives, and asks it once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgarden.cache.embeddings import CachedEmbedder
from memgarden.embed.hashing import HashingEmbedder
from memgarden.errors import InvalidSetting
from memgarden.records import Floats


class Prompting:
    """An embedder that treats queries in another way, and keeps what it was asked."""

    name, dimension = "prompting", 32

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool]] = []
        self.inner = HashingEmbedder(32)

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Floats:
        self.asked += [(text, query) for text in texts]
        return self.inner.embed([f"ask {text}" if query else text for text in texts])

    def window(self) -> tuple[int, Callable[[str], int]]:
        return self.inner.window()


class Shelf:
    """A `VectorCache` that gives out the very arrays it keeps, as a careless one might."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Floats] = {}

    def load(self, embedder: str, texts: Sequence[str]) -> list[Floats | None]:
        return [self.kept.get((embedder, text)) for text in texts]

    def save(self, embedder: str, texts: Sequence[str], vectors: Floats) -> None:
        self.kept.update(((embedder, text), vector) for text, vector in zip(texts, vectors, strict=True))


CALLS = st.lists(st.tuples(st.lists(st.sampled_from("abcdef"), max_size=6), st.booleans()), max_size=8)


@given(CALLS, st.booleans(), st.integers(0, 4))
def test_the_answer_is_the_embedders_own(calls, with_cache, query_entries):
    cached = CachedEmbedder(Prompting(), Shelf() if with_cache else None, query_entries=query_entries)
    for texts, query in calls:
        answer = cached.embed(texts, query=query)
        assert answer.dtype == np.float32 and answer.shape == (len(texts), 32)
        assert np.array_equal(answer, Prompting().embed(texts, query=query))
        answer[:] = 0  # what is done to an answer must not be seen in the next


@given(CALLS)
def test_nothing_is_embedded_twice_while_it_is_remembered(calls):
    inner = Prompting()
    cached = CachedEmbedder(inner, Shelf())
    for texts, query in calls:
        cached.embed(texts, query=query)
    assert len(inner.asked) == len(set(inner.asked))


def test_without_a_cache_equal_texts_of_one_call_are_embedded_once():
    inner = Prompting()
    cached = CachedEmbedder(inner, None)
    cached.embed(["a", "b", "a"])
    cached.embed(["a"])
    assert inner.asked == [("a", False), ("b", False), ("a", False)]


def test_the_query_least_recently_asked_is_forgotten_first():
    inner = Prompting()
    cached = CachedEmbedder(inner, None, query_entries=2)
    for text in ("a", "b", "a", "c", "a", "b"):
        cached.embed([text], query=True)
    assert [text for text, _ in inner.asked] == ["a", "b", "c", "b"]


def test_a_query_is_not_answered_with_a_documents_vector():
    cached = CachedEmbedder(Prompting(), Shelf())
    assert not np.array_equal(cached.embed(["a"]), cached.embed(["a"], query=True))


def test_documents_are_kept_by_the_embedders_name():
    shelf = Shelf()
    CachedEmbedder(HashingEmbedder(32), shelf).embed(["a"])
    inner = Prompting()
    CachedEmbedder(inner, shelf).embed(["a"])
    assert inner.asked == [("a", False)]
    assert set(shelf.kept) == {("hashing-32", "a"), ("prompting", "a")}


def test_it_is_known_as_the_embedder_that_it_wraps():
    cached = CachedEmbedder(HashingEmbedder(32), None)
    assert (cached.name, cached.dimension, cached.window()[0]) == ("hashing-32", 32, 256)


def test_threads_may_share_it():
    cached = CachedEmbedder(HashingEmbedder(32), Shelf(), query_entries=3)
    texts = [f"text {number}" for number in range(12)]
    expected = HashingEmbedder(32).embed(texts)

    def ask(turn: int) -> bool:
        return all(
            np.array_equal(cached.embed([text], query=bool(turn % 2))[0], vector)
            for text, vector in zip(texts, expected, strict=True)
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(80)))


def test_a_negative_bound_is_refused():
    with pytest.raises(InvalidSetting):
        CachedEmbedder(HashingEmbedder(), None, query_entries=-1)
