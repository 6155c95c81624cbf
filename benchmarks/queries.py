"""What expanders, times and quoted phrases do for the questions of chats: `python -m benchmarks.queries`.

Asks the set's questions with each option, `now` being the end of the chat, and prints nDCG@10 in per cent beside the
difference to the defaults and its 95 % interval: of all questions, or of those alone that the option can change.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality import DATA
from memgarden import Garden
from memgarden.evaluate import read_beir
from memgarden.evaluate.configuration import Configuration
from memgarden.evaluate.dataset import Dataset, Question
from memgarden.evaluate.interval import mean_interval
from memgarden.evaluate.running import nobody, opened
from memgarden.evaluate.scoring import METRICS, score
from memgarden.records import utc_now
from memgarden.retrieve import times
from memgarden.retrieve.phrases import quoted

WEIGHTS = (0.25, 0.5, 1.0, 2.0)
K = 10


def scores(garden: Garden, dataset: Dataset, asked: Iterable[Question], **options: Any) -> np.ndarray:
    """nDCG@10 of each question, in per cent."""
    questions = list(asked)
    found = []
    for one in questions:
        now = max(memory.created_at for memory in dataset.memories[one.scope])
        hits = garden.scope(*one.scope).search(one.text, k=K, **{"phrases": False, "now": now} | options)
        found.append([hit.id for hit in hits])
    return 100 * score(questions, found)[:, list(METRICS).index("nDCG@10")]


def show(name: str, plain: np.ndarray, changed: np.ndarray) -> None:
    """One line: how many questions, both means, and the difference."""
    gain = mean_interval(changed - plain)
    print(
        f"{name:<24}{len(plain):>5}  {plain.mean():5.1f} -> {changed.mean():5.1f}  "
        f"{gain.value:+.1f} [{gain.low:+.1f}, {gain.high:+.1f}]",
        flush=True,
    )


def reading(timed: Iterable[Question]) -> float:
    """Milliseconds that it takes to read the time of a question, median."""
    taken = []
    for one in timed:
        began = time.perf_counter()
        times.periods(one.text, utc_now())
        taken.append(time.perf_counter() - began)
    return 1000 * statistics.median(taken)


def main() -> None:
    """Ask a set with each option."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", nargs="?", default="locomo-dev")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--embedder", default="onnx")
    args = parser.parse_args()
    dataset = read_beir(args.data / args.set)
    timed = [one for one in dataset.questions if times.EXPRESSION.search(one.text)]
    phrased = [one for one in dataset.questions if quoted(one.text)]
    with (
        tempfile.TemporaryDirectory() as folder,
        opened(dataset, Configuration("x", {"embedder": args.embedder}), Path(folder) / "g", nobody) as garden,
    ):
        if phrased:
            show("phrases", scores(garden, dataset, phrased), scores(garden, dataset, phrased, phrases=True))
        plain, chosen = scores(garden, dataset, timed, times=False), times.WEIGHT
        for weight in WEIGHTS:
            times.WEIGHT = weight
            show(f"times, weight {weight}", plain, scores(garden, dataset, timed))
        times.WEIGHT = chosen
        print(f"to read a time takes {reading(timed):.2f} ms, median", flush=True)
        plain = scores(garden, dataset, dataset.questions)
        for expander in ("templates", "prf", "prf:5"):
            show(f"expander {expander}", plain, scores(garden, dataset, dataset.questions, expander=expander))


if __name__ == "__main__":
    main()
