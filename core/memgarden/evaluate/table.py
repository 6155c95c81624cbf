"""A report as a table of plain text, in per cent and milliseconds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from memgarden.evaluate.interval import Interval
from memgarden.evaluate.report import Outcome, Report
from memgarden.evaluate.scoring import METRICS

__all__ = ["interval_text", "report_table"]

LATENCIES = {"p50 ms": 50.0, "p95 ms": 95.0}

FEW = 20
"""Questions below which resampling them shows less than they may differ by."""


def report_table(report: Report) -> str:
    """A line a configuration, for all questions and then for each category, differences to the first below them."""
    data, lines = report.dataset, [f"{report.dataset.name}: {len(report.dataset.questions):,} questions"]
    if data.memories:
        lines[0] += f", {sum(map(len, data.memories.values())):,} documents"
    if len(data.asked) > 1:
        lines[0] += f", {len(data.asked):,} scopes"
    lines += [f"{note}." for note in data.notes]
    rows = [["", *METRICS, *LATENCIES], *(row for one in report.categories for row in _rows(report, one))]
    return "\n".join([*lines, "", *_aligned(rows), "", _footer(report)])


def _footer(report: Report) -> str:
    footer = "In brackets: 95 % intervals, by bootstrap over the questions."
    few = any(report.count(category) < FEW for category in report.categories)
    return f"{footer} Those of fewer than {FEW} questions are too narrow." if few else footer


def interval_text(interval: Interval, *, signed: bool = False) -> str:
    """In per cent with one decimal, the ends in brackets."""
    form = "{:+.1f}" if signed else "{:.1f}"
    value, *ends = (
        form.format(round(100 * number, 1) + 0.0) for number in (interval.value, interval.low, interval.high)
    )
    return value if math.isnan(interval.low) else f"{value} [{', '.join(ends)}]"


def _rows(report: Report, category: str | None) -> Iterator[list[str]]:
    """The lines of a category, or of all questions together."""
    several = len(report.outcomes) > 1
    title = f"{'all' if category is None else category} ({report.count(category):,})"
    if several:
        yield [title]
    for place, outcome in enumerate(report.outcomes):
        name = f"  {outcome.configuration.name}" if several else title
        yield [name, *_cells(report.figures(outcome, category)), *(_latencies(outcome) if category is None else ())]
        if place:
            yield [
                f"    less {report.outcomes[0].configuration.name}",
                *_cells(report.differences(outcome, category), signed=True),
            ]


def _cells(figures: Mapping[str, Interval], *, signed: bool = False) -> list[str]:
    return [interval_text(figure, signed=signed) for figure in figures.values()]


def _latencies(outcome: Outcome) -> list[str]:
    return [f"{1000 * outcome.latency(percentile):.1f}" for percentile in LATENCIES.values()]


def _aligned(rows: list[list[str]]) -> list[str]:
    """Lines with columns of one width; the columns of latencies, which are bare numbers, are flush right."""
    count = max(map(len, rows))
    full = [row + [""] * (count - len(row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*full, strict=True)]
    right = count - len(LATENCIES)
    return [
        "  ".join(
            cell.rjust(width) if place >= right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in full
    ]
