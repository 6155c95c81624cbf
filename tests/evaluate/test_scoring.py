"""The figures are those that the definitions give by hand."""

from __future__ import annotations

import importlib.util
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgarden import InvalidDataset, MissingExtra
from memgarden.evaluate import Question
from memgarden.evaluate.scoring import METRICS, library, score

IDS = [f"d{n}" for n in range(30)]


def ask(**relevant: int) -> Question:
    """A question with these answers."""
    return Question("q", "?", ("a",), relevant)


def test_graded_answers_by_hand() -> None:
    """Linear gains over log2(rank + 1) for nDCG, recall over all that is relevant, the first one's reciprocal rank."""
    (got,) = score([ask(d1=2, d2=1, d3=1)], [["d9", "d2", "d8", "d7", "d6", "d1"]])
    gained = 1 / math.log2(3) + 2 / math.log2(7)
    best = 2 / math.log2(2) + 1 / math.log2(3) + 1 / math.log2(4)
    assert got == pytest.approx([gained / best, 1 / 3, 2 / 3, 1 / 2])


def test_depth() -> None:
    """The 11th counts for neither nDCG@10 nor R@10, and for MRR the 100th counts and the 101st does not."""
    deep = [f"x{n}" for n in range(200)]
    rows = score([ask(a=1)] * 3, [[*deep[:10], "a"], [*deep[:99], "a"], [*deep[:100], "a"]])
    assert rows.tolist() == [pytest.approx([0, 0, 0, mrr]) for mrr in (1 / 11, 1 / 100, 0)]


def test_a_question_without_a_hit_counts_as_nothing() -> None:
    """It is not left out of the mean."""
    assert score([ask(d1=1), ask(d1=1)], [[], ["d1"]]).tolist() == [[0] * 4, [1] * 4]


@given(st.permutations(IDS), st.sets(st.sampled_from(IDS), min_size=1))
def test_a_ranking_is_taken_in_its_order(ranking: list[str], relevant: set[str]) -> None:
    """Whatever the ids are called: recall is of the ranking's own first ten, MRR of its first relevant one."""
    (got,) = score([Question("q", "?", ("a",), dict.fromkeys(relevant, 1))], [ranking])
    named = dict(zip(METRICS, got, strict=True))
    assert named["R@10"] == pytest.approx(len(relevant & set(ranking[:10])) / len(relevant))
    assert named["MRR"] == pytest.approx(1 / (1 + min(ranking.index(one) for one in relevant)))


@pytest.mark.parametrize("relevant", [{}, {"d1": 0}])
def test_a_question_needs_an_answer(relevant: dict[str, int]) -> None:
    """Of a grade of 1 or more."""
    with pytest.raises(InvalidDataset, match="needs a memory that answers it"):
        ask(**relevant)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for every optional part."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install pytrec-eval-terrier .*the extra 'eval'"):
        library()
