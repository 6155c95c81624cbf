"""What maintenance does to answers: `python -m benchmarks.lifecycle [SET]`.

Deduplication: every turn is stored twice, the second time in slightly different form, beside the first or as another
session; then duplicates are merged. What a search finds is counted by the turn, whichever of its forms was found.
nDCG@10 in per cent of the turns once, twice, and twice and merged.

Summaries: the older half of every chat is told by summaries, without a language model. A turn that answers counts as
found if it is among the ten, or told by a summary that is (`scope.originals` opens it). Beside it what is saved.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import tempfile
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np

from benchmarks.quality import DATA
from benchmarks.speed import machine
from memgarden import Deduplication, Garden, Memory, Policy, Summarisation
from memgarden.evaluate import read_beir
from memgarden.evaluate.dataset import Dataset
from memgarden.evaluate.interval import mean_interval
from memgarden.evaluate.scoring import METRICS, score
from memgarden.records import ScopePath, utc_now

TWIN = "~again"
CONTRACTIONS = {"I'm": "I am", "don't": "do not", "it's": "it is", "It's": "It is", "can't": "cannot", "I've": "I have"}
FILLERS = ("Well, ", "So, ", "Yeah, ", "Oh, ")

Found = Callable[[Garden, ScopePath, str], list[str]]


def varied(text: str, number: int) -> str:
    """The text in slightly different form: spelt out, with another beginning, or without its last mark."""
    for short, long in CONTRACTIONS.items():
        text = re.sub(rf"\b{short}\b", long, text)
    match number % 3:
        case 0:
            return FILLERS[number % len(FILLERS)] + text[:1].lower() + text[1:]
        case 1:
            return text.rstrip(".!? ").replace("!", ".").replace("  ", " ")
        case _:
            return text.lower() + " :)"


def twice(memories: Sequence[Memory], *, beside: bool) -> list[Memory]:
    """Each memory and its twin: a second after it in its session, or a day later in a session of their own."""
    made = []
    for number, memory in enumerate(memories):
        later = memory.created_at + (timedelta(seconds=1) if beside else timedelta(days=1))
        fields = dict(memory.metadata)
        if not beside:
            fields["session_id"] = f"{fields['session_id']}{TWIN}"
        twin = dataclasses.replace(
            memory, id=memory.id + TWIN, text=varied(memory.text, number), created_at=later, metadata=fields
        )
        made += [memory, twin]
    return sorted(made, key=lambda one: one.created_at)


def turns(garden: Garden, path: ScopePath, question: str) -> list[str]:
    """The best ten turns, each once, by the name of its first form."""
    hits = garden.scope(*path).search(question, k=10)
    return list(dict.fromkeys(hit.id.removesuffix(TWIN) for hit in hits))


def ndcg(garden: Garden, dataset: Dataset) -> np.ndarray:
    """nDCG@10 of every question, in per cent."""
    ranked = [turns(garden, question.scope, question.text) for question in dataset.questions]
    return 100 * score(dataset.questions, ranked)[:, list(METRICS).index("nDCG@10")]


def filled(folder: Path, dataset: Dataset, make: Callable[[Sequence[Memory]], Sequence[Memory]]) -> Garden:
    """A garden of the set's chats, each as `make` has it."""
    garden = Garden.open(folder, chroma=None)
    for path, memories in dataset.memories.items():
        garden.scope(*path).add_many(make(memories))
    return garden


def difference(name: str, plain: np.ndarray, other: np.ndarray) -> None:
    """One line: the mean, and the difference to the plain one with its interval."""
    gain = mean_interval(other - plain)
    print(f"{name:<34}{other.mean():6.2f}  {gain.value:+6.2f} [{gain.low:+.2f}, {gain.high:+.2f}]", flush=True)


def deduplicate(dataset: Dataset, folder: Path) -> None:
    """Prints what doubling costs and what merging brings back."""
    print("\nnDCG@10 and the difference to every turn stored once, with its 95 % interval\n")
    with filled(folder / "once", dataset, list) as garden:
        plain = ndcg(garden, dataset)
        merged = garden.plan(Deduplication()).counts()
        print(f"{'once':<34}{plain.mean():6.2f}         (a plan for it: {merged})")
    for name, beside in (("beside the first", True), ("as another session", False)):
        with filled(folder / name, dataset, lambda memories, beside=beside: twice(memories, beside=beside)) as garden:
            count = sum(garden.scopes().values())
            difference(f"twice, {name}", plain, ndcg(garden, dataset))
            for threshold in (0.97, 0.95, 0.93):
                wanted = Deduplication(threshold=threshold, similar=0.85)
                done = garden.apply(garden.plan(wanted))
                left = sum(garden.scopes().values())
                difference(f"  merged at {threshold}", plain, ndcg(garden, dataset))
                print(f"{'':<34}{count:,} turns, {left:,} left, {done.changed} changed", flush=True)


def summarise(dataset: Dataset, folder: Path) -> None:
    """Prints what summaries of the older half lose and save."""
    print("\nShare of the turns that answer which are among the ten, or told by a summary that is\n")
    for similarity in (0.6, 0.5, 0.4):
        with filled(folder / f"told {similarity}", dataset, list) as garden:
            plain = recalls(garden, dataset)
            before = weight(garden)
            halves = {path: middle(memories) for path, memories in dataset.memories.items()}
            policy = Policy(
                deduplicate=None,
                archive=None,
                scopes={
                    path: Policy(
                        deduplicate=None, archive=None, summarise=Summarisation(older_than=days, similarity=similarity)
                    )
                    for path, days in halves.items()
                },
            )
            done = garden.maintain(policy)
            after = weight(garden)
            difference(f"R@10, similarity {similarity}", plain, recalls(garden, dataset))
            saved = ", ".join(
                f"{was:,} {what} became {now:,}"
                for what, was, now in zip(("memories", "chunks", "characters"), before, after, strict=True)
            )
            print(f"{'':<34}{done.done.get('summarise', 0):,} turns told: {saved}", flush=True)


def middle(memories: Sequence[Memory]) -> float:
    """How many days ago the older half ends."""
    times = sorted(memory.created_at for memory in memories)
    return (utc_now() - times[len(times) // 2]).total_seconds() / 86_400


def weight(garden: Garden) -> tuple[int, int, int]:
    """How many memories there are, their chunks and their characters."""
    texts = [memory.text for path in garden.scopes() for memory in garden.scope(*path).list(limit=100_000)]
    return len(texts), garden.health().rows["chunks"], sum(map(len, texts))


def recalls(garden: Garden, dataset: Dataset) -> np.ndarray:
    """R@10 of every question, in per cent."""
    return 100 * np.array([recall(garden, one.scope, one.text, set(one.relevant)) for one in dataset.questions])


def recall(garden: Garden, path: ScopePath, question: str, due: set[str]) -> float:
    """The share of what is due that is found, summaries opened."""
    scope = garden.scope(*path)
    found: set[str] = set()
    for hit in scope.search(question, k=10):
        found |= {hit.id} if hit.memory.kind != "summary" else set(hit.memory.metadata["originals"])
    return len(due & found) / len(due)


def main() -> None:
    """Both parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", nargs="?", default="locomo-dev")
    parser.add_argument("--part", choices=["deduplicate", "summarise"])
    options = parser.parse_args()
    dataset = read_beir(DATA / options.set)
    print(json.dumps(machine(), indent=2))
    print(f"{options.set}: {sum(map(len, dataset.memories.values())):,} turns, {len(dataset.questions):,} questions")
    with tempfile.TemporaryDirectory() as folder:
        if options.part != "summarise":
            deduplicate(dataset, Path(folder))
        if options.part != "deduplicate":
            summarise(dataset, Path(folder))


if __name__ == "__main__":
    main()
