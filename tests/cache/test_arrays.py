"""A cache that keeps to its budget."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgarden.cache.arrays import ENTRY_BYTES, BoundedArrays
from memgarden.errors import InvalidSetting

steps = st.lists(st.tuples(st.booleans(), st.integers(0, 6), st.integers(0, 40)), max_size=40)


@given(steps=steps, budget=st.integers(0, 2500))
def test_it_holds_what_was_used_last_and_fits(steps: list[tuple[bool, int, int]], budget: int) -> None:
    """As a list ordered by use does that is cut at the budget; and its bytes are those of what it holds."""
    cache, model = BoundedArrays(budget), dict[int, int]()
    for save, key, size in steps:
        if save:
            cache.save([key], [np.full(size * 8, key, np.uint8)])
            model.pop(key, None)
            model[key] = size * 8 + ENTRY_BYTES
            while sum(model.values()) > budget:
                del model[next(iter(model))]
        else:
            (found,) = cache.load([key])
            assert (found is not None) == (key in model)
            if found is not None:
                assert (found == key).all() and found.nbytes + ENTRY_BYTES == model[key]
                model[key] = model.pop(key)
        assert cache.nbytes == sum(model.values()) <= budget


def test_to_be_asked_for_is_to_be_used() -> None:
    """What was asked for last outlives what was saved last."""
    cache = BoundedArrays(2 * (ENTRY_BYTES + 8))
    cache.save([1, 2], [np.zeros(1), np.ones(1)])
    cache.load([1])
    cache.save([3], [np.zeros(1)])
    one, two = cache.load([1, 2])
    assert one is not None and two is None


def test_the_strings_of_a_key_count() -> None:
    """A long text is kept alive by its key."""
    cache = BoundedArrays(100_000)
    cache.save([("space", "x" * 50_000)], [np.zeros(1)])
    assert cache.nbytes > 50_000
    cache.save([("space", "y" * 60_000)], [np.zeros(1)])
    assert cache.load([("space", "x" * 50_000)]) == [None] and cache.nbytes > 60_000


def test_a_budget_below_nothing_is_refused() -> None:
    """When it is made."""
    with pytest.raises(InvalidSetting):
        BoundedArrays(-1)
