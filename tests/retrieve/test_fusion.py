"""What every fusion must keep, and what each is by its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from memgarden.ranking import best_rows
from memgarden.registry import resolve
from memgarden.retrieve.fusion import FUSIONS

scores = hnp.arrays(
    np.float32,
    st.tuples(st.just(2), st.integers(1, 30)),
    elements=st.floats(-100, 100, width=32, allow_subnormal=False),
)


def ranks_of(scores: np.ndarray) -> np.ndarray:
    ranks = np.zeros(scores.shape, dtype=np.int64)
    for leg, row in enumerate(scores):
        ranks[leg, np.argsort(-row, kind="stable")] = np.arange(1, row.size + 1)
    return ranks


@pytest.mark.parametrize("name", FUSIONS)
@given(scores=scores, alpha=st.floats(0, 1))
def test_shares_are_finite_and_keep_each_legs_order(name: str, scores: np.ndarray, alpha: float) -> None:
    """A candidate that a leg scores higher never gets a smaller share from that leg; inputs are left alone."""
    before = scores.copy()
    weights = np.array([1 - alpha, alpha], dtype=np.float32)
    shares = resolve("fusion", FUSIONS, name)(scores, ranks_of(scores), weights)
    assert shares.shape == scores.shape and np.isfinite(shares).all()
    np.testing.assert_array_equal(scores, before)
    for leg in range(2):
        order = np.argsort(-scores[leg], kind="stable")
        assert (np.diff(shares[leg][order]) <= 1e-5).all()


@pytest.mark.parametrize("name", FUSIONS)
def test_a_leg_without_weight_has_no_say(name: str) -> None:
    """Alpha 0 and 1 mean one leg only."""
    scores = np.array([[3, 2, 1], [1, 2, 3]], dtype=np.float32)
    shares = resolve("fusion", FUSIONS, name)(scores, ranks_of(scores), np.array([0, 1], dtype=np.float32))
    assert not shares[0].any() and shares[1].argmax() == 2


def test_reciprocal_rank_fusion_is_the_papers() -> None:
    """1 / (60 + rank), and nothing for what a list does not hold."""
    fuse = resolve("fusion", FUSIONS, "rrf")
    shares = fuse(np.zeros((2, 2), np.float32), np.array([[1, 0], [2, 1]]), np.array([0.5, 0.5], np.float32))
    np.testing.assert_allclose(shares, [[0.5 / 61, 0], [0.5 / 62, 0.5 / 61]], rtol=1e-6)


def test_zscores_have_mean_zero_and_the_legs_weight_as_spread() -> None:
    """And do not change when a leg's scores are scaled and shifted."""
    fuse = resolve("fusion", FUSIONS, "zscore")
    scores = np.random.default_rng(0).normal(size=(2, 50)).astype(np.float32)
    weights = np.array([0.3, 0.7], np.float32)
    shares = fuse(scores, ranks_of(scores), weights)
    np.testing.assert_allclose(shares.mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(shares.std(axis=1), weights, rtol=1e-5)
    moved = scores * np.array([[7], [0.1]], np.float32) + 3
    np.testing.assert_allclose(fuse(moved, ranks_of(moved), weights), shares, atol=1e-4)


def test_a_leg_that_scores_all_alike_says_nothing() -> None:
    """Rounding noise is no signal."""
    scores = np.array([[0.1, 0.1, 0.1 + 1e-9], [1, 2, 3]], dtype=np.float32)
    for name in ("zscore", "weighted"):
        shares = resolve("fusion", FUSIONS, name)(scores, ranks_of(scores), np.array([0.5, 0.5], np.float32))
        assert not shares[0].any(), name


@given(
    scores=hnp.arrays(np.float32, st.integers(1, 60), elements=st.integers(-3, 3).map(float)), depth=st.integers(1, 70)
)
def test_the_best_rows_are_those_of_a_full_sort(scores: np.ndarray, depth: int) -> None:
    """Highest first, ties to the lower row, also where they straddle the cut."""
    rows = np.arange(scores.size) * 2 + 5
    expected = [row for _, row in sorted(zip((-scores).tolist(), rows.tolist(), strict=True))][:depth]
    assert best_rows(rows, scores, depth).tolist() == expected
