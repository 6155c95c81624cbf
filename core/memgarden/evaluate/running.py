"""Asks a data set's questions under one configuration after the other."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from memgarden.errors import InvalidSetting
from memgarden.evaluate.configuration import Configuration
from memgarden.evaluate.dataset import Dataset
from memgarden.evaluate.report import Outcome, Report
from memgarden.evaluate.scoring import DEPTH, library, score
from memgarden.garden import Garden

__all__ = ["Place", "Told", "evaluate", "nobody", "opened", "places", "rank"]

Told = Callable[[str, int, int], None]
"""Hears what is going on, how much of it is done, and how much there is."""

Place = str | os.PathLike[str]

TIMED_K = 10
"""How many memories a search is asked for while it is timed: the default of `Scope.search`."""

DEFAULT = Configuration()

WARM_UP = "the first question loads the model and the scope's index"


def evaluate(
    dataset: Dataset,
    configurations: Sequence[Configuration] = (DEFAULT,),
    *,
    garden: Place | None = None,
    told: Told | None = None,
) -> Report:
    """Ask every question under every configuration; the first configuration is what the others are compared with.

    The memories of the data set are stored in gardens that are gone afterwards, one for all the configurations that
    store alike. A data set without memories is asked of `garden`, which is only read. Each configuration opens its
    garden anew and times the questions one by one: embedding the question and searching a loaded scope for 10
    memories. `MissingExtra` without the extra `eval`.
    """
    library()  # before anything is embedded in vain
    hear = told or nobody
    if len({one.name for one in configurations}) < len(configurations) or not configurations:
        raise InvalidSetting("give one configuration or more, each with a name of its own")
    outcomes = []
    with places(dataset, garden) as place_of:
        located = [(one, place_of(one)) for one in configurations]
        for one, place in located:
            with opened(dataset, one, place, hear) as ready:
                seconds = _time(ready, dataset, one, hear)
                rankings = rank(ready, dataset, one)
            outcomes.append(Outcome(one, rankings, score(dataset.questions, rankings), seconds))
    return Report(dataset, tuple(outcomes))


@contextmanager
def places(dataset: Dataset, garden: Place | None) -> Iterator[Callable[[Configuration], Place]]:
    """Says where each configuration's garden is: `garden`, or a folder that is gone afterwards."""
    if bool(dataset.memories) != (garden is None):
        raise InvalidSetting(
            f"{dataset.name} brings its own memories: leave the garden out"
            if dataset.memories
            else f"{dataset.name} brings no memories: say which garden is asked"
        )
    if garden is not None:
        yield lambda one: _stored(garden, one)
        return
    with TemporaryDirectory(prefix="memgarden-eval-") as folder:
        stored: list[Mapping[str, Any]] = []

        def place_of(one: Configuration) -> Place:
            if one.storing not in stored:
                stored.append(one.storing)
            return Path(folder) / str(stored.index(one.storing))

        yield place_of


@contextmanager
def opened(dataset: Dataset, configuration: Configuration, place: Place, told: Told) -> Iterator[Garden]:
    """The garden at a place; the data set's memories are stored there if it holds none."""
    with Garden.open(place, chroma=None, **configuration.opening) as garden:
        if not garden.scopes():
            _store(garden, dataset, told)
        yield garden


def _store(garden: Garden, dataset: Dataset, told: Told) -> None:
    total = sum(map(len, dataset.memories.values()))
    done = 0

    def tell(stored: int) -> None:
        told("storing", done + stored, total)

    for path, memories in dataset.memories.items():
        garden.scope(*path).add_many(memories, progress=tell)
        done += len(memories)


def rank(garden: Garden, dataset: Dataset, configuration: Configuration) -> tuple[tuple[str, ...], ...]:
    """The ids that are found for each question, best first."""
    found: dict[str, tuple[str, ...]] = {}
    for path, asked in dataset.asked.items():
        answers = garden.scope(*path).search_many([one.text for one in asked], k=DEPTH, **configuration.search)
        for question, hits in zip(asked, answers, strict=True):
            found[question.id] = tuple(hit.id for hit in hits)
    return tuple(found[question.id] for question in dataset.questions)


def _time(garden: Garden, dataset: Dataset, configuration: Configuration, told: Told) -> tuple[float, ...]:
    """The seconds that each question takes, in the order of the questions."""
    taken: dict[str, float] = {}
    for path, asked in dataset.asked.items():
        scope = garden.scope(*path)
        scope.search(WARM_UP, k=TIMED_K, **configuration.search)
        for question in asked:
            began = time.perf_counter()
            scope.search(question.text, k=TIMED_K, **configuration.search)
            taken[question.id] = time.perf_counter() - began
            told(f"asking, {configuration.name}", len(taken), len(dataset.questions))
    return tuple(taken[question.id] for question in dataset.questions)


def _stored(garden: Place, configuration: Configuration) -> Place:
    """The garden, if the configuration changes nothing of what it holds; its own embedder may have to be brought."""
    if changed := configuration.storing.keys() - {"embedder"}:
        raise InvalidSetting(
            f"configuration {configuration.name!r}: {min(changed)} was settled when the garden's memories were stored; "
            "compare it on a BEIR folder, whose documents are stored anew"
        )
    return garden


def nobody(what: str, done: int, total: int) -> None:
    """Nobody listens."""
