"""An interval says how far a mean may be off, the same way every time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgarden.evaluate.interval import mean_interval


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_an_interval_holds_its_mean_and_stays_among_the_values(values: list[float]) -> None:
    """And equal input gives an equal interval."""
    one = mean_interval(values)
    assert min(values) - 1e-9 <= one.low <= one.value + 1e-9 and one.value - 1e-9 <= one.high <= max(values) + 1e-9
    assert one == mean_interval(values)


def test_it_is_as_wide_as_theory_says() -> None:
    """For a mean of many: 1.96 standard errors to each side, within a tenth."""
    values = np.random.default_rng(1).normal(0.3, 0.2, 2_000)
    one, half = mean_interval(values), 1.96 * values.std() / math.sqrt(len(values))
    assert (one.value - one.low, one.high - one.value) == (pytest.approx(half, rel=0.1), pytest.approx(half, rel=0.1))


def test_one_value_has_no_interval() -> None:
    """Its ends are no numbers, and it is above nothing."""
    one = mean_interval([0.5])
    assert one.value == 0.5 and math.isnan(one.low) and math.isnan(one.high) and not one.above_zero


def test_above_zero_is_all_of_it() -> None:
    """An interval that touches 0 is not above it."""
    assert mean_interval([0.1, 0.2, 0.1, 0.3]).above_zero
    assert not mean_interval([0.0, 0.0, 0.0, 0.3]).above_zero
    assert not mean_interval([0.0, 0.0]).above_zero
