"""Score regularization: what resembles the best rises, by no more than its weight, and nothing comes in by it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from memgarden import Garden, Memory, Signals
from memgarden.records import Floats, Ints
from memgarden.retrieve.cluster import BEST, resembled


def unit(count: int, seed: int) -> Floats:
    """Random vectors `(count, 8)`, L2-normalised."""
    vectors = np.random.default_rng(seed).normal(size=(count, 8))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def seen(scores: Floats, vectors: Floats, memories: Ints | None = None) -> Floats:
    """What is seen of rows 0, 1, 2, ..., each a memory of its own unless said otherwise; 0 for all but the best."""
    rows = np.arange(len(scores))
    places, found = resembled(rows, scores, rows if memories is None else memories, lambda wanted: vectors[wanted])
    whole = np.zeros(len(scores), np.float32)
    whole[places] = found
    return whole


@given(count=st.integers(1, 60), seed=st.integers(0, 9))
def test_it_is_at_most_the_best_score(count: int, seed: int) -> None:
    """And nothing below the best twenty."""
    scores = np.random.default_rng(seed).normal(size=count).astype(np.float32)
    found = seen(scores, unit(count, seed))
    assert np.abs(found).max() <= np.abs(scores - scores.mean()).max() + 1e-6
    assert not found[np.argsort(-scores)[BEST:]].any()


def test_the_double_of_the_best_overtakes_what_is_like_nothing() -> None:
    """Of two equal scores the one that resembles the best is better."""
    vectors = np.eye(8, dtype=np.float32)[[0, 0, 1, 2, 3]]
    found = seen(np.array([3, 1, 1, 0, 0], np.float32), vectors)
    assert found[1] > 0.9 and found[2] == 0


def test_chunks_of_one_memory_are_no_witnesses_for_each_other() -> None:
    """However alike they are."""
    vectors = np.eye(8, dtype=np.float32)[[0, 0, 1, 2]]
    scores = np.array([3, 2, 0, 0], np.float32)
    assert seen(scores, vectors)[0] > 0
    assert not seen(scores, vectors, np.array([7, 7, 8, 9])).any()


@given(shift=st.floats(-5, 5), scale=st.floats(0.1, 10))
def test_only_the_differences_of_scores_count(shift: float, scale: float) -> None:
    """Whatever the fusion's unit and zero are."""
    scores, vectors = np.random.default_rng(1).normal(size=30).astype(np.float32), unit(30, 1)
    moved = seen((scale * scores + shift).astype(np.float32), vectors)
    assert np.allclose(moved, scale * seen(scores, vectors), atol=1e-4 * max(1, scale))


def test_a_hit_says_what_it_owes_to_those_that_resemble_it(garden: Garden) -> None:
    """In its legs, whose shares add up to its score; and without the signal there is no such leg."""
    scope = garden.scope("alice")
    scope.add_many([Memory(f"The bees of hive {n} swarm in May.", id=str(n)) for n in range(5)] + [Memory("Fog.")])
    hit = scope.search("bees swarm", k=1)[0]
    assert [leg.leg for leg in hit.legs] == ["lexical", "dense", "cluster"]
    assert hit.legs[2].share > 0 and np.isclose(sum(leg.share for leg in hit.legs), hit.score)
    assert hit.legs[2].rank is None


def test_what_a_filter_keeps_out_is_no_witness(garden: Garden) -> None:
    """A hit owes nothing to what the search may not find."""
    scope = garden.scope("alice")
    others = [Memory(text) for text in ("Fog in the valley.", "Rain over the sea.", "A clock of brass.")]
    scope.add_many([Memory("Bees swarm.", id="bees"), Memory("Bees swarm.", tags=("old",)), *others])
    (among,) = [hit for hit in scope.search("bees swarm") if hit.id == "bees"]
    alone = scope.search("bees swarm", where={"$not": {"tags": "old"}})[0]
    assert alone.id == "bees" and among.legs[2].share > 0.1 > alone.legs[2].share


def test_it_can_be_left_out(open_garden: object) -> None:
    """Signals(cluster=0) is the fusion alone."""
    with open_garden(signals=Signals(cluster=0)) as garden:  # type: ignore[operator]
        garden.scope("alice").add_many(["Bees swarm in May.", "Bees sleep."])
        assert [leg.leg for leg in garden.scope("alice").search("bees", k=1)[0].legs] == ["lexical", "dense"]


def test_fusion_by_rank_is_left_alone(garden: Garden) -> None:
    """Its best scores hardly differ, and any boost by scores would decide alone."""
    garden.scope("alice").add_many(["Bees swarm in May.", "Bees swarm in June.", "Bees sleep."])
    for fusion in ("rrf", "rank-linear"):
        hit = garden.scope("alice").search("bees", k=1, fusion=fusion)[0]
        assert [leg.leg for leg in hit.legs] == ["lexical", "dense"]
