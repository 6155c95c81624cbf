"""A report as a picture: an SVG that needs no library and that any browser and README shows."""

from __future__ import annotations

import os
from pathlib import Path
from xml.sax.saxutils import escape

from memgarden.errors import InvalidSetting
from memgarden.evaluate.interval import Interval
from memgarden.evaluate.report import Report

__all__ = ["check_plot", "save_plot"]

METRIC = "nDCG@10"
LEFT, BAR, RIGHT = 190, 400, 70  # pixels for names, for 0 to 100 %, and for the figure
ROW, GAP, TOP = 20, 12, 44
TICKS = (0, 25, 50, 75, 100)
COLOURS = ("#2e7d32", "#1565c0", "#ef6c00", "#6a1b9a", "#00838f", "#ad1457", "#5d4037", "#90a4ae")
NAME = 26
"""Characters of a name that fit to the left."""


def check_plot(path: str | os.PathLike[str]) -> Path:
    """The path, if it is that of an SVG; `InvalidSetting` otherwise."""
    if Path(path).suffix.lower() != ".svg":
        raise InvalidSetting(f"a plot is an SVG, which {os.fspath(path)!r} is not called: name it as in report.svg")
    return Path(path)


def save_plot(report: Report, path: str | os.PathLike[str]) -> None:
    """Write nDCG@10 as bars with their intervals, a group for all questions and for each category."""
    place = check_plot(path)
    parts, top = [_text(10, 20, f"{report.dataset.name}: {METRIC} in per cent, 95 % intervals", size=14)], TOP
    for category in report.categories:
        title = "all" if category is None else category
        parts.append(_text(10, top + 14, f"{title} ({report.count(category):,})", weight="bold"))
        top += ROW
        for number, outcome in enumerate(report.outcomes):
            figure = report.figures(outcome, category)[METRIC]
            parts += _bar(top, figure, outcome.configuration.name, COLOURS[number % len(COLOURS)])
            top += ROW
        top += GAP
    width = LEFT + BAR + RIGHT
    parts = [*(part for tick in TICKS for part in _tick(tick, top)), *parts]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" width="{width}" height="{top}" '
        'font-family="sans-serif"><rect width="100%" height="100%" fill="white"/>'
    )
    place.write_text("\n".join([head, *parts, "</svg>", ""]), encoding="utf-8")


def _tick(tick: int, bottom: int) -> list[str]:
    """A line down the picture, with its number above it."""
    x = LEFT + BAR * tick // 100
    return [
        f'<path d="M{x} {TOP}V{bottom - GAP}" stroke="#cfd8dc"/>',
        _text(x, TOP - 4, str(tick), size=10, anchor="middle"),
    ]


def _bar(top: int, figure: Interval, name: str, colour: str) -> list[str]:
    """A bar as long as the mean, with a line from one end of its interval to the other."""
    middle = top + ROW // 2
    parts = [
        f'<rect x="{LEFT}" y="{top + 2}" width="{BAR * figure.value:.1f}" height="{ROW - 4}" '
        f'fill="{colour}" fill-opacity="0.75"/>'
    ]
    if figure.low < figure.high:
        low, high = (LEFT + BAR * end for end in (figure.low, figure.high))
        ends = f"M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 4}v8M{high:.1f} {middle - 4}v8"
        parts.append(f'<path d="{ends}" stroke="#212121" stroke-width="1.5" fill="none"/>')
    parts.append(_text(LEFT + BAR + 12, middle + 4, f"{100 * figure.value:.1f}"))
    return [*parts, _text(LEFT - 8, middle + 4, name if len(name) <= NAME else f"{name[: NAME - 1]}…", anchor="end")]


def _text(x: int, y: int, text: str, *, size: int = 12, weight: str = "normal", anchor: str = "start") -> str:
    shown = escape("".join(letter for letter in text if letter.isprintable()))  # XML has no control characters
    return f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}">{shown}</text>'
