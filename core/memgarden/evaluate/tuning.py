"""Proposes settings of the search, and says what they gain on questions that had no part in choosing them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from memgarden.errors import InvalidDataset, InvalidSetting
from memgarden.evaluate.configuration import Configuration
from memgarden.evaluate.dataset import Dataset
from memgarden.evaluate.interval import Interval, mean_interval
from memgarden.evaluate.running import Place, Told, nobody, opened, places, rank
from memgarden.evaluate.scoring import METRICS, Scores, library, score
from memgarden.records import Ints

__all__ = ["GRID", "Fold", "Proposal", "choose", "tune"]

GRID: tuple[Mapping[str, Any], ...] = (
    {"mode": "lexical"},
    {"mode": "dense"},
    *(
        {"fusion": fusion, "alpha": alpha}
        for fusion in ("zscore", "rrf", "weighted")
        for alpha in (0.3, 0.4, 0.5, 0.6, 0.7)
    ),
)
"""What is tried: each leg alone, and each fusion with either leg weighing up to 2.3 times the other. Few, since every
further setting is a further chance to win by accident."""

CURRENT = Configuration("current")

FOLDS = 5  # of questions, as is usual; scopes are held out one by one
LEAST = 20
"""Questions below which resampling them says too little to tell a gain from an accident."""

SEED = 7


@dataclass(frozen=True, slots=True)
class Fold:
    """What was held out (a scope, or some questions), what the others chose, and how both did on what was held out."""

    held_out: str
    questions: int
    chosen: Configuration
    current: float
    tuned: float


@dataclass(frozen=True, slots=True)
class Proposal:
    """What tuning found.

    `best` is the choice of all questions together. How well it did on them is not told, since it was chosen for that:
    `tuned` and `gain` (paired, over `current`) are from the held-out questions of the `folds`, each answered with
    settings that were chosen without it. `by` says what was held out: `scopes` or `questions`.
    """

    dataset: Dataset
    metric: str
    current: Configuration
    best: Configuration
    figure: Interval
    tuned: Interval
    gain: Interval
    by: str
    folds: tuple[Fold, ...]

    @property
    def real(self) -> bool:
        """Whether the settings change and the whole interval of the held-out gain is above 0."""
        return self.best != self.current and self.gain.above_zero


def tune(
    dataset: Dataset,
    current: Configuration = CURRENT,
    grid: Sequence[Mapping[str, Any]] = GRID,
    *,
    metric: str = "nDCG@10",
    garden: Place | None = None,
    told: Told | None = None,
) -> Proposal:
    """Choose among `current` and the settings of a search in `grid` by cross-validation.

    Each scope is held out in turn, or where there is but one, each fifth of the questions. Nothing is embedded twice.
    `InvalidDataset` for fewer than 20 questions, `MissingExtra` without the extra `eval`.
    """
    library()
    if metric not in METRICS:
        raise InvalidSetting(f"unknown metric {metric!r}: use one of {', '.join(METRICS)}")
    if len(dataset.questions) < LEAST:
        raise InvalidDataset(
            f"{dataset.name} has {len(dataset.questions)} questions: with fewer than {LEAST} a gain cannot be told "
            "from an accident; add questions"
        )
    candidates = [current, *(_with(current, settings) for settings in grid)]
    column, hear, figures = list(METRICS).index(metric), told or nobody, []
    with places(dataset, garden) as place_of, opened(dataset, current, place_of(current), hear) as ready:
        for place, one in enumerate(candidates, 1):
            figures.append(score(dataset.questions, rank(ready, dataset, one))[:, column])
            hear("trying", place, len(candidates))
    return choose(dataset, candidates, np.array(figures), metric)


def choose(dataset: Dataset, candidates: Sequence[Configuration], figures: Scores, metric: str) -> Proposal:
    """The proposal that `figures` `(candidates, questions)` lead to; the first candidate is the current one."""
    names, groups = _groups(dataset)
    folds, tuned = [], np.zeros(figures.shape[1])
    for number, name in enumerate(names):
        held = groups == number
        chosen = int(figures[:, ~held].mean(axis=1).argmax())  # of equals the first, so that change needs a reason
        tuned[held] = figures[chosen, held]
        folds.append(
            Fold(name, int(held.sum()), candidates[chosen], float(figures[0, held].mean()), float(tuned[held].mean()))
        )
    return Proposal(
        dataset=dataset,
        metric=metric,
        current=candidates[0],
        best=candidates[int(figures.mean(axis=1).argmax())],
        figure=mean_interval(figures[0]),
        tuned=mean_interval(tuned),
        gain=mean_interval(tuned - figures[0]),
        by="scopes" if len(dataset.asked) > 1 else "questions",
        folds=tuple(folds),
    )


def _groups(dataset: Dataset) -> tuple[list[str], Ints]:
    """The names of the folds, and the fold of each question."""
    scopes = list(dataset.asked)
    if len(scopes) > 1:
        return [" / ".join(path) for path in scopes], np.array([scopes.index(one.scope) for one in dataset.questions])
    order = np.random.default_rng(SEED).permutation(len(dataset.questions))
    return [f"part {number + 1}" for number in range(FOLDS)], order % FOLDS


def _with(current: Configuration, settings: Mapping[str, Any]) -> Configuration:
    """The current configuration with other settings of the search."""
    made = Configuration(
        ", ".join(f"{key}={value}" for key, value in settings.items()), current.opening | dict(settings)
    )
    if made.opening != current.opening:
        raise InvalidSetting(f"{made.name}: only settings of a search are tuned, which need no document stored anew")
    return made
