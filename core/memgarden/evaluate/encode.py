"""Reports and proposals as JSON; figures are from 0 to 1, times in seconds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from memgarden.evaluate.configuration import Configuration
from memgarden.evaluate.interval import Interval
from memgarden.evaluate.report import Outcome, Report
from memgarden.evaluate.scoring import METRICS

__all__ = ["configuration_object", "interval_object", "report_object"]

SHOWN = 10
"""How many of the ids found for a question are kept: as deep as nDCG@10 and R@10 look."""


def report_object(report: Report) -> dict[str, Any]:
    """All of a report, question by question too: what was found for each, and how good that is."""
    return {
        "dataset": report.dataset.name,
        "questions": len(report.dataset.questions),
        "documents": sum(map(len, report.dataset.memories.values())),
        "scopes": len(report.dataset.asked),
        "notes": list(report.dataset.notes),
        "configurations": {one.configuration.name: _outcome(report, one) for one in report.outcomes},
    }


def interval_object(interval: Interval) -> dict[str, float | None]:
    """The mean and the ends of its interval; None for the ends where there are none."""
    ends = {"low": interval.low, "high": interval.high}
    return {"value": interval.value} | {name: None if math.isnan(end) else end for name, end in ends.items()}


def configuration_object(configuration: Configuration) -> dict[str, Any]:
    """A configuration's settings; what JSON does not know, such as an embedder of your own, as it prints itself."""
    plain = (str, int, float, bool, type(None))
    return {key: value if isinstance(value, plain) else repr(value) for key, value in configuration.settings.items()}


def _outcome(report: Report, outcome: Outcome) -> dict[str, Any]:
    return {
        "settings": configuration_object(outcome.configuration),
        **_figures(report, outcome, None),
        "latency": {"p50": outcome.latency(50), "p95": outcome.latency(95)},
        "categories": {
            category: {"questions": report.count(category), **_figures(report, outcome, category)}
            for category in report.dataset.categories
        },
        "by_question": [
            {
                "id": question.id,
                "scope": list(question.scope),
                "category": question.category,
                "question": question.text,
                "relevant": sorted(question.relevant),
                "found": list(ranking[:SHOWN]),
                "seconds": seconds,
                **dict(zip(METRICS, map(float, scores), strict=True)),
            }
            for question, ranking, seconds, scores in zip(
                report.dataset.questions, outcome.rankings, outcome.seconds, outcome.scores, strict=True
            )
        ],
    }


def _figures(report: Report, outcome: Outcome, category: str | None) -> dict[str, Any]:
    """The figures, and how much higher they are than the first configuration's; None for that one itself."""
    first = outcome is report.outcomes[0]
    return {
        "metrics": _objects(report.figures(outcome, category)),
        "less_first": None if first else _objects(report.differences(outcome, category)),
    }


def _objects(figures: Mapping[str, Interval]) -> dict[str, Any]:
    return {name: interval_object(figure) for name, figure in figures.items()}
