"""`memgarden eval` and `memgarden tune`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memgarden.cli.display import clean, progress
from memgarden.cli.opening import open_to_read
from memgarden.cli.options import GARDEN
from memgarden.errors import InvalidSetting

if TYPE_CHECKING:
    from memgarden.evaluate import Dataset
    from memgarden.evaluate.running import Told

__all__ = ["evaluate_", "tune_"]

Data = Annotated[
    Path,
    typer.Argument(
        exists=True,
        help='A folder in BEIR\'s form; or a file of questions to a garden, with lines like {"question": "where does '
        'she live?", "expected": ["Lisbon"]}.',
    ),
]
Asked = Annotated[
    str | None,
    typer.Option(
        "--garden",
        "-g",
        help="The garden that a file's questions are asked of.",
        show_default="MEMGARDEN_PATH, ./garden",
    ),
]
Whose = Annotated[
    list[str] | None,
    typer.Option("--user", "-u", help="Whose memories a file's questions are about, where they do not say."),
]
Qrels = Annotated[
    str | None, typer.Option(help="The judgements in the folder.", show_default="qrels.tsv, qrels/test.tsv")
]
Json = Annotated[Path | None, typer.Option("--json", help="Write all of it to this file, question by question.")]


def evaluate_(
    data: Data,
    config: Annotated[
        list[str] | None,
        typer.Option(
            "--config",
            "-c",
            help="Settings to compare: name:key=value,key=value. Repeat it; others are compared with the first.",
            show_default="default",
        ),
    ] = None,
    qrels: Qrels = None,
    garden: Asked = None,
    user: Whose = None,
    json_file: Json = None,
    plot: Annotated[Path | None, typer.Option(help="Draw it into this file, an SVG.")] = None,
) -> None:
    """Measure how well questions find what answers them: nDCG@10, recall, MRR and latency, with 95 % intervals.

    Documents of a folder are stored in gardens that are thrown away afterwards.
    """
    from memgarden.evaluate import Configuration, evaluate, parse_configuration, report_object, report_table, save_plot
    from memgarden.evaluate.plot import check_plot

    configurations = [parse_configuration(one) for one in config or ()] or [Configuration()]
    if plot is not None:
        check_plot(plot)
    _check_folders(json_file, plot)
    dataset, place = _read(data, qrels, garden, user)
    with _told() as told:
        report = evaluate(dataset, configurations, garden=place, told=told)
    typer.echo(clean(report_table(report)))
    _write(json_file, report_object(report))
    if plot is not None:
        save_plot(report, plot)


def tune_(
    data: Data,
    config: Annotated[
        str, typer.Option("--config", "-c", help="The settings in use: what a proposal has to beat.")
    ] = "current",
    metric: Annotated[str, typer.Option(help="What is to be high: nDCG@10, R@5, R@10 or MRR.")] = "nDCG@10",
    qrels: Qrels = None,
    garden: Asked = None,
    user: Whose = None,
    json_file: Json = None,
) -> None:
    """Propose a mode, fusion and alpha, and say whether they gain anything on questions they were not chosen by."""
    from memgarden.evaluate import parse_configuration, proposal_object, proposal_text, tune

    current = parse_configuration(config)
    _check_folders(json_file)
    dataset, place = _read(data, qrels, garden, user)
    with _told() as told:
        proposal = tune(dataset, current, metric=metric, garden=place, told=told)
    typer.echo(clean(proposal_text(proposal)))
    _write(json_file, proposal_object(proposal))


def _read(data: Path, qrels: str | None, garden: str | None, user: list[str] | None) -> tuple[Dataset, str | None]:
    """The data set, and the garden that is asked where it brings no memories."""
    from memgarden.evaluate import read_beir, read_questions
    from memgarden.evaluate.scoring import library

    library()
    if data.is_dir():
        if garden is not None or user:
            raise InvalidSetting(f"{data} brings its own memories: --garden and --user go with a file of questions")
        return read_beir(data, qrels), None
    if qrels is not None:
        raise InvalidSetting(f"--qrels goes with a folder in BEIR's form, and {data} is a file of questions")
    place = garden or os.environ.get("MEMGARDEN_PATH") or GARDEN
    with open_to_read(place) as opened:
        return read_questions(data, opened, user or ()), place


def _check_folders(*files: Path | None) -> None:
    """What takes minutes to find must have a place to go."""
    for file in files:
        if file is not None and not file.absolute().parent.is_dir():
            raise InvalidSetting(f"{file} cannot be written: the folder {file.parent} is not there; make it")


def _write(file: Path | None, value: dict[str, Any]) -> None:
    if file is not None:
        file.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


@contextmanager
def _told() -> Iterator[Told]:
    """A bar that shows what is going on."""
    with progress() as bar:
        task = bar.add_task("")
        yield lambda what, done, total: bar.update(task, description=clean(what), completed=done, total=total)
