"""A report says the same as its table, its JSON and its picture."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from memgarden import InvalidSetting
from memgarden.evaluate import Configuration, Dataset, Outcome, Question, Report, report_object, report_table, save_plot


@pytest.fixture
def report() -> Report:
    """Two configurations over four questions, one of which has no category."""
    questions = [Question(f"q{n}", "?", ("ann",), {"d": 1}, kind) for n, kind in enumerate(["x", "x", "<y>", None])]
    first, second = np.full((4, 4), 0.5), np.array([[1.0] * 4, [0.5] * 4, [0.5] * 4, [0.0] * 4])
    return Report(
        Dataset("tiny", tuple(questions), notes=("1 thing is odd",)),
        tuple(
            Outcome(Configuration(name), (("d",),) * 4, scores, (0.001, 0.002, 0.002, 0.004))
            for name, scores in (("base", first), ("other", second))
        ),
    )


def test_means_and_paired_differences(report: Report) -> None:
    """For all questions and in each category; those without a category are in none."""
    _, other = report.outcomes
    assert report.categories == (None, "<y>", "x")
    assert [report.count(one) for one in report.categories] == [4, 1, 2]
    assert report.figures(other)["nDCG@10"].value == 0.5
    assert report.figures(other, "x")["MRR"].value == 0.75
    difference = report.differences(other, "x")["R@5"]
    assert (difference.value, difference.low, difference.high) == (0.25, 0.0, 0.5)


def test_the_table(report: Report) -> None:
    """A line a configuration and category, differences below, latency once; the notes are said."""
    lines = report_table(report).splitlines()
    assert lines[0] == "tiny: 4 questions" and lines[1] == "1 thing is odd."
    assert lines[3].split() == ["nDCG@10", "R@5", "R@10", "MRR", "p50", "ms", "p95", "ms"]
    assert lines[4:7][0] == "all (4)" and lines[5].split()[:2] == ["base", "50.0"] and lines[5].endswith(" 2.0     3.7")
    place = lines.index("x (2)")
    assert lines[place + 2].split()[:4] == ["other", "75.0", "[50.0,", "100.0]"]
    assert lines[place + 3].split()[:5] == ["less", "base", "+25.0", "[+0.0,", "+50.0]"]
    assert "Those of fewer than 20 questions are too narrow." in lines[-1]


def test_one_configuration_needs_no_differences(report: Report) -> None:
    """Its lines are the categories'."""
    lines = report_table(Report(report.dataset, report.outcomes[:1])).splitlines()
    assert [line.split("  ")[0] for line in lines[4:7]] == ["all (4)", "<y> (1)", "x (2)"]
    assert "less" not in "\n".join(lines)


def test_json_has_it_all(report: Report) -> None:
    """Figures from 0 to 1, what was found for each question, and no number that JSON does not know."""
    whole = json.loads(json.dumps(report_object(report), allow_nan=False))
    other = whole["configurations"]["other"]
    assert other["metrics"]["nDCG@10"]["value"] == 0.5
    assert whole["configurations"]["base"]["less_first"] is None
    assert other["categories"]["x"]["less_first"]["MRR"] == {"value": 0.25, "low": 0.0, "high": 0.5}
    assert other["categories"]["<y>"]["metrics"]["MRR"] == {"value": 0.5, "low": None, "high": None}
    assert other["latency"] == {"p50": pytest.approx(0.002), "p95": pytest.approx(0.0037)}
    assert [row["nDCG@10"] for row in other["by_question"]] == [1, 0.5, 0.5, 0]
    assert other["by_question"][0]["found"] == ["d"] == other["by_question"][0]["relevant"]


def test_the_picture_has_a_bar_a_figure(report: Report, tmp_path: Path) -> None:
    """As long as the mean, of well-formed XML whatever the names hold."""
    save_plot(report, tmp_path / "plot.svg")
    root = ElementTree.parse(tmp_path / "plot.svg").getroot()
    bars = [float(bar.get("width", "")) for bar in root.iterfind(".//{*}rect") if bar.get("fill-opacity")]
    assert bars == [pytest.approx(400 * mean) for mean in (0.5, 0.5, 0.5, 0.5, 0.5, 0.75)]
    assert "<y> (1)" in [text.text for text in root.iterfind(".//{*}text")]


def test_a_picture_is_an_svg(report: Report, tmp_path: Path) -> None:
    """Other names are refused, not filled with something else."""
    with pytest.raises(InvalidSetting, match="a plot is an SVG"):
        save_plot(report, tmp_path / "plot.png")
    assert list(tmp_path.iterdir()) == []
