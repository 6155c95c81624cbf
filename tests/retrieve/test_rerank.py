"""A search with rerankers: what they are given, in which order they work, and what a wrong one is told."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from memgarden import Garden, InvalidQuery, InvalidSetting, Memory, RerankerFailed, Scope, Shortlist, UnknownStrategy


@pytest.fixture
def scope(garden: Garden) -> Scope:
    """Thirty memories that a search for `olive` finds, in an order."""
    scope = garden.scope("alice")
    scope.add_many([Memory(f"olive {'tree ' * n}", id=f"{n:02}", metadata={"n": n}) for n in range(30)])
    return scope


def reverse(shortlist: Shortlist) -> list[int]:
    return list(range(len(shortlist.hits)))


def ids(scope: Scope, **changes: object) -> list[str]:
    return [hit.id for hit in scope.search("olive", **changes)]  # type: ignore[arg-type]


def test_the_best_of_the_depth_are_what_a_reranker_orders(scope: Scope) -> None:
    """No more than `rerank_depth` or `k`, whichever is more, and the best `k` of them come back."""
    plain = ids(scope, k=30)
    assert ids(scope, k=3, rerank_depth=8, reranker=reverse) == plain[7:4:-1]
    assert ids(scope, k=8, rerank_depth=3, reranker=reverse) == plain[7::-1]
    assert ids(scope, k=30, reranker=reverse) == plain[::-1]
    assert ids(scope, k=2, min_score=1e9, reranker=reverse) == []


def test_ties_keep_the_order_there_was(garden: Garden) -> None:
    """However many hits are level, and at however many levels."""
    garden.scope("bob").add_many([f"olive {n}" for n in range(300)])
    plain = ids(garden.scope("bob"), k=300)
    found = ids(garden.scope("bob"), k=300, reranker=lambda shortlist: [-(n % 3) for n in range(300)])
    assert found == plain[0::3] + plain[1::3] + plain[2::3]


def test_a_reranker_is_given_the_question_and_the_hits_with_their_vectors(garden: Garden, scope: Scope) -> None:
    """Row for row, also after another one has changed the order, and from a scope that grew meanwhile."""
    seen: list[tuple[Shortlist, np.ndarray]] = []

    def look(shortlist: Shortlist) -> list[int]:
        scope.add("olive oil")
        seen.append((shortlist, shortlist.vectors()))
        return [0] * len(shortlist.hits)

    hits = scope.search("Olive?", k=5, rerank_depth=7, reranker=[look, reverse, look])
    assert [hit.id for hit in hits] == [hit.id for hit in seen[1][0].hits][:5]
    assert [hit.id for hit in seen[1][0].hits] == [hit.id for hit in seen[0][0].hits][::-1]
    for shortlist, vectors in seen:
        assert shortlist.query == shortlist.topic == "Olive?" and len(shortlist.hits) == 7
        expected = garden.embedder.embed([hit.text for hit in shortlist.hits])
        np.testing.assert_allclose(vectors, expected, atol=1e-6)
        np.testing.assert_allclose(shortlist.vector, garden.embedder.embed(["Olive?"], query=True)[0], atol=1e-6)


def test_hits_say_what_each_reranker_did(scope: Scope) -> None:
    """Its score and the rank before, in the order of their work; the legs stay as they were."""
    plain = scope.search("olive", k=30)
    hit = scope.search("olive", k=30, reranker=["memory", reverse])[0]
    assert [(each.reranker, each.before) for each in hit.reranks] == [("memory", 30), ("reverse", 30)]
    assert hit.score == 29 and hit.legs == next(other for other in plain if other.id == hit.id).legs
    assert "memory" in hit.explain() and "  reverse   29.0000  before  #30" in hit.explain()
    assert len(plain) == 30 and all(hit.reranks == () and "before" not in hit.explain() for hit in plain)


def test_a_garden_has_rerankers_of_its_own(open_garden: Callable[..., Garden]) -> None:
    """For searches that name none; they can be replaced, and left out."""
    garden = open_garden(reranker=["mmr:1", reverse])
    garden.scope("alice").add_many(["olive", "olive tree", "olive tree fig"])
    for own, expected in [({}, ["mmr:1", "reverse"]), ({"reranker": "memory"}, ["memory"]), ({"reranker": ()}, [])]:
        hits = garden.scope("alice").search("olive", **own)  # type: ignore[arg-type]
        assert [[each.reranker for each in hit.reranks] for hit in hits] == [expected] * 3


def test_a_reranker_may_search_the_scope_itself(scope: Scope) -> None:
    """The index is not locked while rerankers work."""

    def ask(shortlist: Shortlist) -> list[float]:
        best = [hit.id for hit in scope.search("tree", k=30)]
        return [-best.index(hit.id) for hit in shortlist.hits]

    pool = ThreadPoolExecutor(1)
    found = pool.submit(ids, scope, k=30, reranker=ask).result(timeout=60)
    pool.shutdown()
    assert found == [hit.id for hit in scope.search("tree", k=30)]


def test_several_queries_are_reranked_one_by_one(scope: Scope) -> None:
    """Each answer is that of a search for it alone."""
    many = scope.search_many(["olive", "tree"], k=4, reranker=["memory", "mmr"])
    assert many == [scope.search(query, k=4, reranker=["memory", "mmr"]) for query in ("olive", "tree")]


def raises(shortlist: Shortlist) -> list[float]:
    raise KeyError("no such thing")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (raises, r"the reranker 'raises' failed: KeyError: 'no such thing'"),
        (lambda shortlist: [1.0], r"gave numbers of shape \(1,\) for 30 hits"),
        (lambda shortlist: 1.0, r"gave numbers of shape \(\) for 30 hits"),
        (lambda shortlist: [float("nan")] * 30, r"gave nan for hit 0: give finite numbers"),
        (lambda shortlist: [0.0] * 29 + [float("-inf")], r"gave -inf for hit 29"),
        (lambda shortlist: ["high"] * 30, r"failed: ValueError"),
        (lambda shortlist: None, r"failed: TypeError|gave nan|shape \(\)"),
    ],
)
def test_a_reranker_that_is_wrong_is_named_and_told_why(scope: Scope, wrong: object, said: str) -> None:
    """And the next search goes on as if nothing had been."""
    with pytest.raises(RerankerFailed, match=said):
        ids(scope, k=30, reranker=wrong)
    assert len(ids(scope, k=30)) == 30


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (3, "a reranker is a name, a callable or several of them, not 3"),
        (["mmr", 3], "not 3"),
        ("best", "unknown reranker 'best': use one of cross-encoder, maxsim, memory, mmr"),
        ("mmr:2", "from 0 to 1"),
        ("mmr:much", "'mmr:0.5'"),
        ("memory:mine", "'memory:published'"),
        ("cross-encoder", "name the model"),
    ],
)
def test_rerankers_that_there_are_not_are_refused(scope: Scope, wrong: object, said: str) -> None:
    """With what there is."""
    with pytest.raises(InvalidSetting, match=said):
        ids(scope, reranker=wrong)


@pytest.mark.parametrize("depth", [0, -1, True, 1.5, "many", 10_001])
def test_a_depth_out_of_range_is_refused(scope: Scope, depth: object) -> None:
    """It is a number of hits."""
    with pytest.raises(InvalidQuery, match="rerank_depth is a whole number from 1 to 10,000"):
        ids(scope, reranker="mmr", rerank_depth=depth)


def test_a_garden_with_a_reranker_that_there_is_not_is_not_made(tmp_path: Path) -> None:
    """Nothing is left behind."""
    with pytest.raises(UnknownStrategy):
        Garden.open(tmp_path / "g", embedder="hashing", reranker=["mmr", "best"])
    assert not (tmp_path / "g").exists()
    with pytest.raises(InvalidSetting, match="rerank_bytes"):
        Garden.open(tmp_path / "g", embedder="hashing", rerank_bytes=-1)
