"""How far a mean over questions may be off, by resampling the questions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from memgarden.registry import require

__all__ = ["Interval", "mean_interval"]

CONFIDENCE = 0.95
RESAMPLES = 2_000  # ends of the interval are then good to a twentieth of its width
BATCH = 200  # resamples at once: bounds memory with 10,000 questions to 16 MB a metric
SEED = 7


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, and the ends of its 95 % confidence interval; they are NaN for a single question."""

    value: float
    low: float
    high: float

    @property
    def above_zero(self) -> bool:
        """Whether all of it is above 0: a difference that is no accident of the questions."""
        return self.low > 0


def mean_interval(values: npt.ArrayLike) -> Interval:
    """The mean of one value a question, with its percentile bootstrap interval; the same values give the same interval.

    Efron, Tibshirani 1993, "An Introduction to the Bootstrap". Of paired differences it is a paired test: Sakai 2006,
    "Evaluating Evaluation Metrics based on the Bootstrap", SIGIR.
    """
    sample = np.asarray(values, dtype=np.float64)
    if len(sample) < 2:
        return Interval(float(sample.mean()), math.nan, math.nan)
    found = require("scipy.stats", "eval").bootstrap(
        (sample,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=BATCH,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(SEED),
    )
    return Interval(float(sample.mean()), float(found.confidence_interval.low), float(found.confidence_interval.high))
