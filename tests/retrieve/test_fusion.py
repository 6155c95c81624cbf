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


def test_rank_linear_fusion_is_the_papers() -> None:
    """1 - (rank - 1) / n over each leg's own list of n, and nothing for what it does not hold."""
    fuse = resolve("fusion", FUSIONS, "rank-linear")
    ranks = np.array([[1, 2, 3, 4], [0, 1, 0, 2], [0, 0, 0, 0]])
    shares = fuse(np.zeros((3, 4), np.float32), ranks, np.array([0.4, 0.6, 1], np.float32))
    np.testing.assert_allclose(shares, [[0.4, 0.3, 0.2, 0.1], [0, 0.6, 0, 0.3], [0, 0, 0, 0]], rtol=1e-6)


def test_maximum_fusion_is_by_its_definition() -> None:
    """A leg's best gets the leg's weight, half its score half of it, and 0 stays 0."""
    fuse = resolve("fusion", FUSIONS, "max")
    scores = np.array([[0, 4, 8], [-0.2, 0.4, 0.1]], np.float32)
    shares = fuse(scores, ranks_of(scores), np.array([0.4, 0.6], np.float32))
    np.testing.assert_allclose(shares, [[0, 0.2, 0.4], [-0.3, 0.6, 0.15]], rtol=1e-6)


def test_theoretical_min_max_fusion_is_the_papers() -> None:
    """The lowest is what the leg could give, 0 for BM25 and -1 for a cosine, and not what it gave."""
    fuse = resolve("fusion", FUSIONS, "tmm")
    scores = np.array([[2, 4, 8], [-0.1, 0.8, 0.35]], np.float32)
    shares = fuse(scores, ranks_of(scores), np.array([0.4, 0.6], np.float32))
    np.testing.assert_allclose(shares, [[0.1, 0.2, 0.4], [0.3, 0.6, 0.45]], rtol=1e-6)


@pytest.mark.parametrize("name", ["max", "tmm"])
@given(scores=scores, factor=st.floats(0.125, 8))
def test_the_lexical_legs_scale_does_not_matter(name: str, scores: np.ndarray, factor: float) -> None:
    """BM25 has no unit: all scores of a query times anything give the same shares, none above the leg's weight."""
    scores[0] = np.abs(scores[0]).round(3)
    fuse, ranks, weights = resolve("fusion", FUSIONS, name), ranks_of(scores), np.array([0.5, 0.5], np.float32)
    shares = fuse(scores, ranks, weights)
    scaled = scores * np.array([[factor], [1]], np.float32)
    np.testing.assert_allclose(fuse(scaled, ranks, weights), shares, atol=1e-5)
    assert np.abs(shares).max() <= 0.5 + 1e-6


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
