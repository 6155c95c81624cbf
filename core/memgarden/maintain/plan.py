"""What maintenance would do, and why: made by planners that change nothing, carried out by `applying`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from memgarden.records import ScopePath

__all__ = ["AT_ONCE", "CHUNKS_AT_ONCE", "Action", "Plan", "Step", "Version", "cut"]

AT_ONCE = 100  # memories that leave in one transaction: `benchmarks.upkeep beside` prints the longest
CHUNKS_AT_ONCE = 500  # of them all, unless one memory has more

T = TypeVar("T")

Action = Literal["archive", "merge", "summarise", "similar"]


@dataclass(frozen=True, slots=True)
class Version:
    """A memory as it was when the plan was made: one that is changed later has another number."""

    id: str
    number: int


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to be done in one scope, in one transaction, with its reason.

    What `goes` leaves the garden for its archive; what `stays` takes in what a `merge` removes. `similar` tells of two
    memories that both stay: of that which would go, were they one, and of that which would stay. If it `marks` them,
    the history of the first says so from then on. `scores` are the cosines of what goes, or is similar, to what stays.
    `sentences` is the share of the text that a summary is to keep.
    """

    action: Action
    path: ScopePath
    goes: tuple[Version, ...]
    reason: str
    stays: Version | None = None
    scores: tuple[float, ...] = ()
    sentences: float = 1.0
    marks: bool = False

    @property
    def idle(self) -> bool:
        """Whether it only tells of something: carried out, it does nothing."""
        return self.action == "similar" and not self.marks


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order in which they are carried out by `Garden.apply`; until then nothing has changed."""

    steps: tuple[Step, ...] = ()

    def __repr__(self) -> str:
        paths = {step.path for step in self.steps}
        where = repr(*paths) if len(paths) == 1 else f"{len(paths):,} scopes"
        told = ", ".join(f"{action} {count:,}" for action, count in self.counts().items())
        return f"Plan({told} in {where})" if told else "Plan(nothing to do)"

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __add__(self, other: Plan) -> Plan:
        return Plan(self.steps + other.steps)

    def counts(self) -> dict[Action, int]:
        """How many memories each action is about; a merge, a summary: how many go."""
        counts: Counter[Action] = Counter()
        for step in self.steps:
            counts[step.action] += 1 if step.action == "similar" else len(step.goes)
        return dict(counts)


def cut(items: Iterable[T], *limits: tuple[Callable[[T], int], int]) -> Iterator[list[T]]:
    """The items in parts, in each as many as keep every weight within its limit, or one that does not by itself."""
    part: list[T] = []
    sums = [0] * len(limits)
    for item in items:
        weights = [weigh(item) for weigh, _ in limits]
        if part and any(held + more > most for held, more, (_, most) in zip(sums, weights, limits, strict=True)):
            yield part
            part, sums = [], [0] * len(limits)
        part.append(item)
        sums = [held + more for held, more in zip(sums, weights, strict=True)]
    if part:
        yield part
