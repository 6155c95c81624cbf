"""Variety, and its price."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgarden import InvalidSetting, Shortlist
from memgarden.rerank.mmr import MaximalMarginalRelevance
from memgarden.retrieve.rerank import rerank

WORDS = ["olive", "basil", "mint", "thyme"]


def greedy(shortlist: Shortlist, lambda_: float) -> list[int]:
    """The definition, hit by hit."""
    scores = np.array([hit.score for hit in shortlist.hits])
    relevance = (scores - scores.min()) / (np.ptp(scores) or 1)
    cosines = shortlist.vectors() @ shortlist.vectors().T
    taken: list[int] = []
    while len(taken) < len(scores):
        left = [place for place in range(len(scores)) if place not in taken]
        nearest = [max([0, *cosines[place, taken]]) for place in left]
        worth = [lambda_ * relevance[place] - (1 - lambda_) * near for place, near in zip(left, nearest, strict=True)]
        # The first of those that are best but for rounding.
        taken.append(left[int(np.argmax(np.array(worth) > max(worth) - 1e-6))])
    return taken


@given(
    texts=st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join), min_size=1, max_size=8),
    lambda_=st.sampled_from([0.0, 0.3, 0.5, 0.7, 0.9, 1.0]),
    data=st.data(),
)
def test_it_is_the_papers(
    shortlist: Callable[..., Shortlist], texts: list[str], lambda_: float, data: st.DataObject
) -> None:
    """Scores that sort as hit after hit is taken by the definition, to rounding, and that never rise on the way."""
    scores = sorted(data.draw(st.lists(st.integers(0, 5), min_size=len(texts), max_size=len(texts))), reverse=True)
    given_list = shortlist("q", texts, scores)
    worth = MaximalMarginalRelevance(lambda_)(given_list)
    expected = worth[greedy(given_list, lambda_)]
    assert (np.diff(expected) <= 1e-5).all()


def test_a_repetition_goes_below_what_is_new(shortlist: Callable[..., Shortlist]) -> None:
    """Even if it is more relevant."""
    given_list = shortlist("q", ["olive tree", "olive tree", "mint tea", "thyme"], [4, 3.9, 3, 0])
    assert [hit.id for hit in rerank([("mmr", MaximalMarginalRelevance(0.5))], given_list)][:2] == ["0", "2"]
    assert [hit.id for hit in rerank([("mmr", MaximalMarginalRelevance(1))], given_list)] == ["0", "1", "2", "3"]


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_a_lambda_out_of_range_is_refused(wrong: float) -> None:
    """Before anything is searched."""
    with pytest.raises(InvalidSetting, match="from 0 to 1"):
        MaximalMarginalRelevance(wrong)
