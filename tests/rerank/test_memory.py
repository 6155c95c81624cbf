"""Recency and importance: how much they may say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from memgarden import Importance, InvalidSetting, Shortlist
from memgarden.rerank.memory import Boosted, Published

LOW, MEDIUM, HIGH, CRITICAL = Importance


def test_among_the_equally_relevant_the_recent_and_the_important_come_first(
    shortlist: Callable[..., Shortlist],
) -> None:
    """And each by itself is enough."""
    for rank in (Boosted(), Published()):
        recent = rank(shortlist("q", ["a", "b", "c"], [1, 1, 1], days=[30, 0, 3]))
        assert recent.argsort().tolist() == [0, 2, 1]
        important = rank(shortlist("q", ["a", "b", "c"], [1, 1, 1], importance=[MEDIUM, LOW, CRITICAL]))
        assert important.argsort().tolist() == [1, 0, 2]


def test_boosts_never_turn_round_what_is_clearly_more_relevant(shortlist: Callable[..., Shortlist]) -> None:
    """All of them together are worth a fifth of a standard deviation of relevance."""
    scores = np.linspace(3, 0, 8)
    oldest_first = shortlist("q", ["x"] * 8, scores, days=range(700, -100, -100), importance=[LOW] * 4 + [CRITICAL] * 4)
    assert Boosted()(oldest_first).argsort().tolist() == list(range(7, -1, -1))
    near = shortlist("q", ["x"] * 3, [3, 2, 0], days=[700, 0, 0], importance=[LOW, CRITICAL, LOW])
    assert Boosted()(near).argmax() == 0 and Published()(near).argmax() == 1
    same = shortlist("q", ["x"] * 8, scores)
    assert np.abs(Boosted()(oldest_first) - Boosted()(same)).max() <= 0.2


def test_recency_halves_with_the_half_life(shortlist: Callable[..., Shortlist]) -> None:
    """One for now, half of it after a half-life, nearly none after many; what is dated ahead counts as now."""
    days = [0, 10, 20, 4000, -5]
    scores = Boosted(recency=1, importance=0, half_life=10)(shortlist("q", ["x"] * 5, [1] * 5, days=days))
    np.testing.assert_allclose(scores, [1, 0.5, 0.25, 0, 1], atol=1e-6)


def test_the_published_form_is_the_papers(shortlist: Callable[..., Shortlist]) -> None:
    """Each part between its lowest and highest, times its weight; recency is .995 an hour."""
    given = shortlist("q", ["x"] * 3, [4, 2, 0], days=[2, 0, 1], importance=[LOW, HIGH, CRITICAL])
    recency = 0.995 ** np.array([48, 0, 24])
    recency = (recency - recency.min()) / (recency.max() - recency.min())
    expected = 0.7 * np.array([1, 0.5, 0]) + 0.2 * recency + 0.1 * np.array([0, 2 / 3, 1])
    np.testing.assert_allclose(Published()(given), expected, atol=1e-3)


def test_seconds_between_memories_are_no_recency(shortlist: Callable[..., Shortlist]) -> None:
    """What was stored in one go is equally old, also where the youngest is brought to one and the oldest to nought."""
    given = shortlist("q", ["x"] * 3, [1, 1, 1], days=[3e-4, 2e-4, 0])
    assert not Published()(given).any()


@pytest.mark.parametrize("wrong", [{"half_life": 0}, {"half_life": float("nan")}, {"recency": -1}, {"importance": -1}])
def test_weights_and_half_lives_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    """Before anything is searched."""
    with pytest.raises(InvalidSetting, match="half_life is above 0"):
        Boosted(**wrong)
    with pytest.raises(InvalidSetting, match="relevance, recency and importance"):
        Published((1, 2))
