"""Tuning counts only what it gains on questions that had no part in the choice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from memgarden import InvalidDataset, InvalidSetting
from memgarden.evaluate import Configuration, Dataset, Question, proposal_object, proposal_text, read_beir, tune
from memgarden.evaluate.tuning import choose

Beir = Callable[..., Path]
CURRENT, OTHER, THIRD = (
    Configuration("current"),
    Configuration("rrf", {"fusion": "rrf"}),
    Configuration("c", {"alpha": 1.0}),
)


def data(*scopes: str) -> Dataset:
    """A question a scope named."""
    return Dataset("tiny", tuple(Question(f"q{n}", "?", (scope,), {"d": 1}) for n, scope in enumerate(scopes)))


def test_a_gain_that_holds_on_every_scope_is_real() -> None:
    """The held-out gain is the whole gain, and the settings are proposed."""
    figures = np.array([[0.4] * 30, [0.6] * 30])
    found = choose(data(*"abc" * 10), [CURRENT, OTHER], figures, "MRR")
    assert found.real and found.best == OTHER and found.by == "scopes"
    assert (found.figure.value, found.tuned.value, found.gain.value) == pytest.approx((0.4, 0.6, 0.2))
    assert [(fold.held_out, fold.questions, fold.chosen) for fold in found.folds] == [(one, 10, OTHER) for one in "abc"]
    assert proposal_text(found).splitlines()[-1] == "Use rrf: the gain is real (its interval is above 0)."


def test_a_scope_has_no_part_in_its_own_choice() -> None:
    """Settings that help one scope and harm the others are chosen elsewhere, so what they gain there never counts."""
    figures = np.array([[0.5] * 20, [1.0] * 10 + [0.4] * 10])
    found = choose(data(*"a" * 10, *"b" * 10), [CURRENT, OTHER], figures, "MRR")
    assert found.best == OTHER  # by all questions together: .7 against .5
    assert [(fold.held_out, fold.chosen, fold.tuned) for fold in found.folds] == [
        ("a", CURRENT, 0.5),
        ("b", OTHER, pytest.approx(0.4)),
    ]
    assert found.gain.value == pytest.approx(-0.05) and not found.real
    assert "the gain is not real (its interval is below 0)" in proposal_text(found)


@pytest.mark.parametrize("seed", range(5))
def test_the_best_of_many_accidents_is_no_gain(seed: int) -> None:
    """Settings that differ by noise alone look better in the sample, and are not proposed."""
    figures = np.random.default_rng(seed).random((18, 60))
    in_sample = figures.mean(axis=1).max() - figures[0].mean()
    candidates = [CURRENT, *(Configuration(f"s{n}", {"alpha": n / 20}) for n in range(17))]
    found = choose(data(*"a" * 60), candidates, figures, "MRR")
    assert found.by == "questions" and len(found.folds) == 5 and sum(fold.questions for fold in found.folds) == 60
    assert in_sample > 0 and found.gain.value < in_sample and not found.real


def test_equals_change_nothing() -> None:
    """Of settings that do alike the current ones win."""
    found = choose(data(*"a" * 30), [CURRENT, OTHER], np.full((2, 30), 0.5), "MRR")
    assert found.best == CURRENT and not found.real
    assert "nothing that was tried is better than current" in proposal_text(found)


def test_no_in_sample_figure_is_told() -> None:
    """Neither in words nor in JSON."""
    figures = np.array([[0.5] * 20, [1.0] * 10 + [0.44] * 10])
    found = choose(data(*"a" * 10, *"b" * 10), [CURRENT, OTHER], figures, "MRR")
    whole = json.dumps(proposal_object(found), allow_nan=False)
    assert "0.72" not in whole and "72.0" not in proposal_text(found)
    assert json.loads(whole)["figures"]["gain"]["value"] == pytest.approx(-0.03)


def test_a_data_set_is_tuned_without_embedding_it_twice(beir: Beir) -> None:
    """Every setting of the grid is tried on one stored garden, beside the current one."""
    queries = [{"_id": f"q{n}", "text": f"olive tree {n}", "metadata": {"user_id": "ann"}} for n in range(20)]
    folder = beir(queries=queries, qrels=[f"q{n}\ta1\t1" for n in range(20)])
    told: dict[str, tuple[int, int]] = {}
    found = tune(
        read_beir(folder),
        Configuration("mine", {"embedder": "hashing:64"}),
        [{"mode": "lexical"}, {"fusion": "rrf"}],
        told=lambda what, *counts: told.update({what: counts}),
    )
    assert told == {"storing": (4, 4), "trying": (3, 3)}
    assert found.figure.value == 1 and found.best.name == "mine"


def test_what_cannot_be_tuned(beir: Beir) -> None:
    """Too few questions, unknown metrics, and settings for which everything would have to be stored anew."""
    with pytest.raises(InvalidDataset, match="has 3 questions: with fewer than 20"):
        tune(read_beir(beir()))
    with pytest.raises(InvalidSetting, match="unknown metric 'F1'"):
        tune(data(*"a" * 30), metric="F1")
    with pytest.raises(InvalidSetting, match="chunk_size=64: only settings of a search are tuned"):
        tune(data(*"a" * 30), grid=[{"chunk_size": 64}])
