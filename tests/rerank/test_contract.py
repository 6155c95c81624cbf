"""What every reranker must keep, whatever it thinks of a hit."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgarden import Garden, Memory, Reranker, Shortlist
from memgarden.retrieve.rerank import rerank

ODD = [
    "",
    " ",
    "?!",
    "\x00",
    "a\x00b",
    "\ud800 lone",
    "\ud83d\ude00",
    "😀👩‍👩‍👧",
    "東京に住んでいます",
    "to be or not",
    "x" * 300,
]
texts = st.one_of(st.sampled_from(ODD), st.text(max_size=30), st.sampled_from(["olive tree", "fig tree", "the olive"]))
scores = st.floats(-(2.0**127), 2.0**127, width=32) | st.sampled_from([0.0, 1.0])
answers = st.lists(st.tuples(texts, scores, st.floats(-400, 4000)), max_size=12)


@settings(max_examples=60)
@given(query=texts, answers=answers)
def test_a_reranked_list_is_a_permutation(
    named: tuple[str, Reranker],
    shortlist: Callable[..., Shortlist],
    query: str,
    answers: list[tuple[str, float, float]],
) -> None:
    """Each hit comes out once, best first by finite scores that say which rank it had; twice gives the same."""
    answers = sorted(answers, key=lambda answer: -answer[1])
    given_list = shortlist(
        query, [a for a, _, _ in answers], [s for _, s, _ in answers], days=[d for _, _, d in answers]
    )
    found = rerank([named], given_list)
    assert [hit.id for hit in found] == [str(hit.reranks[-1].before - 1) for hit in found]
    assert sorted(hit.reranks[-1].before for hit in found) == list(range(1, len(answers) + 1))
    assert all(np.isfinite(hit.score) and hit.score == hit.reranks[-1].score for hit in found)
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    assert [hit.memory for hit in sorted(found, key=lambda hit: int(hit.id))] == [hit.memory for hit in given_list.hits]
    assert all(hit.reranks == () for hit in given_list.hits)
    assert rerank([named], given_list) == found


@settings(max_examples=20)
@given(query=texts, text=texts, count=st.sampled_from([1, 2, 5, 100]))
def test_equal_hits_keep_their_order(
    named: tuple[str, Reranker], shortlist: Callable[..., Shortlist], query: str, text: str, count: int
) -> None:
    """Of one text, score, age and importance, those that were first stay first."""
    found = rerank([named], shortlist(query, [text] * count, [1.0] * count))
    assert [hit.id for hit in found] == [str(place) for place in range(count)]


def test_nothing_is_left_of_nothing(named: tuple[str, Reranker], shortlist: Callable[..., Shortlist]) -> None:
    """Without hits no reranker is asked."""
    assert rerank([named], shortlist("olive", [])) == []


def test_what_a_search_may_not_find_no_reranker_brings_in(
    open_garden: Callable[..., Garden], words: object, setting: str
) -> None:
    """Neither what has expired, nor what the filter leaves out, nor what is another user's."""
    garden = open_garden(embedder=words)
    now, alice = datetime.now(UTC), garden.scope("alice")
    garden.scope("bob").add("olive tree of bob", id="bob")
    alice.add("olive tree of old", id="expired", expires_at=now + timedelta(milliseconds=1))
    alice.add("olive tree of another topic", id="filtered", metadata={"topic": "other"})
    alice.add_many([Memory(f"olive number {n}", id=str(n), metadata={"topic": "tree"}) for n in range(20)])
    where = {"topic": "tree"}
    plain = alice.search("olive tree", k=10, where=where)
    found = alice.search("olive tree", k=10, rerank_depth=10, where=where, reranker=setting)
    assert {hit.id for hit in found} == {hit.id for hit in plain}
    everything = alice.search("olive tree", k=50, where=where, reranker=setting)
    assert sorted(int(hit.id) for hit in everything) == list(range(20))


def test_threads_get_the_same_answers(open_garden: Callable[..., Garden], words: object, setting: str) -> None:
    """Eight at once, with so little memory for rerankers that they take each other's away."""
    scope = open_garden(embedder=words, rerank_bytes=3000).scope("alice")
    scope.add_many([Memory(f"olive {n} and fig {n % 7}", id=str(n)) for n in range(30)])
    queries = ["olive 3", "fig 5", "olive and fig", "7"] * 6

    def ask(query: str) -> list[str]:
        return [hit.id for hit in scope.search(query, reranker=setting)]

    expected = [ask(query) for query in queries]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, queries)) == expected


@pytest.mark.parametrize("count", [1, 2])
def test_the_first_search_of_a_tiny_scope_works(
    open_garden: Callable[..., Garden], words: object, setting: str, count: int
) -> None:
    """Scores that have no spread are no division by zero."""
    scope = open_garden(embedder=words).scope("alice")
    scope.add_many(["olive tree"] * count)
    assert [hit.text for hit in scope.search("fig", reranker=setting)] == ["olive tree"] * count
