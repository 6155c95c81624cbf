"""What an evaluation found: figures with their intervals, for all questions and for each category."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memgarden.evaluate.configuration import Configuration
from memgarden.evaluate.dataset import Dataset
from memgarden.evaluate.interval import Interval, mean_interval
from memgarden.evaluate.scoring import METRICS, Scores

__all__ = ["Outcome", "Report"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A configuration's answers: the ids found, `scores` `(questions, metrics)` and the seconds of each question."""

    configuration: Configuration
    rankings: tuple[tuple[str, ...], ...]
    scores: Scores
    seconds: tuple[float, ...]

    def latency(self, percentile: float) -> float:
        """Seconds that this share (in per cent) of the questions took at most."""
        return float(np.percentile(self.seconds, percentile))


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of each configuration, the first of which is what the others are compared with.

    Means are over the questions, and so are the intervals: other questions to these memories would move the figures
    that far.
    """

    dataset: Dataset
    outcomes: tuple[Outcome, ...]

    @property
    def categories(self) -> tuple[str | None, ...]:
        """None, which stands for all questions, and each category."""
        return (None, *self.dataset.categories)

    def count(self, category: str | None = None) -> int:
        """How many questions there are, in all or in a category."""
        return len(self._rows(category))

    def figures(self, outcome: Outcome, category: str | None = None) -> dict[str, Interval]:
        """Each metric's mean over the questions, from 0 to 1."""
        return _intervals(outcome.scores[self._rows(category)])

    def differences(self, outcome: Outcome, category: str | None = None) -> dict[str, Interval]:
        """How much higher than the first configuration's each metric is, question by question."""
        rows = self._rows(category)
        return _intervals(outcome.scores[rows] - self.outcomes[0].scores[rows])

    def _rows(self, category: str | None) -> list[int]:
        questions = self.dataset.questions
        return [row for row, one in enumerate(questions) if category is None or one.category == category]


def _intervals(scores: Scores) -> dict[str, Interval]:
    return {name: mean_interval(column) for name, column in zip(METRICS, scores.T, strict=True)}
