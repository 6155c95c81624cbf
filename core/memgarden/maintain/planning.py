"""What a policy would do in a garden: one scope after another, reading and changing nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np

from memgarden.errors import InvalidSetting
from memgarden.maintain.duplicates import Duplicates, find_duplicates
from memgarden.maintain.plan import Plan, Step
from memgarden.maintain.policy import Deduplication, Policy, Retention, Summarisation
from memgarden.maintain.retention import plan_retention
from memgarden.maintain.summaries import eligible, plan_summaries
from memgarden.parts import Parts
from memgarden.records import Entry, Floats, ScopePath
from memgarden.upkeep import Profile

__all__ = ["Wanted", "as_policy", "duplicates_of", "plan_scope"]

PAGE = 500  # memories with vectors read at a time
PROFILES = 5_000  # memories without

Wanted = Policy | Deduplication | Summarisation | Retention


def as_policy(wanted: Wanted) -> Policy:
    """A policy, or one that does this and nothing else."""
    if isinstance(wanted, Policy):
        return wanted
    if not isinstance(wanted, Deduplication | Summarisation | Retention):
        raise InvalidSetting(f"a policy is a Policy, a Retention, a Deduplication or a Summarisation, not {wanted!r}")
    return Policy(
        deduplicate=wanted if isinstance(wanted, Deduplication) else None,
        summarise=wanted if isinstance(wanted, Summarisation) else None,
        archive=wanted if isinstance(wanted, Retention) else None,
    )


def plan_scope(parts: Parts, path: ScopePath, policy: Policy, now: datetime) -> Plan:
    """What the policy does in a scope: no memory is in two steps, so what is merged now is archived another time."""
    steps: list[Step] = []
    taken: set[int] = set()
    own = policy.of(path)
    if own.deduplicate is not None:
        steps += duplicates_of(parts, path, own.deduplicate, now).plan()
        for step in steps:
            if step.action == "merge" and step.stays is not None:
                taken |= {step.stays.number, *(one.number for one in step.goes)}
    if own.summarise is not None:
        wanted = own.summarise
        old = [
            each for each in _profiles(parts, path, now) if each.version not in taken and eligible(each, wanted, now)
        ]
        groups = list(plan_summaries(path, _versions(parts, path, old), wanted))
        steps += groups
        taken |= {one.number for step in groups for one in step.goes}
    if own.archive is not None:
        left = (each for each in _profiles(parts, path, now) if each.version not in taken)
        steps += plan_retention(path, left, own.archive, now)
    return Plan(tuple(steps))


def duplicates_of(parts: Parts, path: ScopePath, options: Deduplication | None, now: datetime) -> Duplicates:
    """The duplicates of one scope."""

    def alone(numbers: Sequence[int]) -> Iterator[Floats]:
        for start in range(0, len(numbers), PAGE):
            page = numbers[start : start + PAGE]
            found = parts.upkeep.versions(path, page)
            memories = [entry.memory for entry in found.values()]
            made = dict(zip(found, parts.preparer.following(memories, [None] * len(memories)), strict=True))
            for number in page:
                vectors = [chunk.vector for chunk in made[number].chunks] if number in made else []
                yield np.array(vectors, dtype=np.float32)  # none of what was changed in between

    entries, apart = _entries(parts, path, now), parts.upkeep.unmerged(path)
    return find_duplicates(path, entries, options or Deduplication(), alone, apart)


def _entries(parts: Parts, path: ScopePath, now: datetime) -> Iterator[tuple[int, Entry]]:
    after = 0
    while page := parts.source.entries(path, after, PAGE, now):
        yield from page
        after = page[-1][0]


def _profiles(parts: Parts, path: ScopePath, now: datetime) -> Iterator[Profile]:
    after = 0
    while page := parts.upkeep.profiles(path, after, PROFILES, now):
        yield from page
        after = page[-1].version


def _versions(parts: Parts, path: ScopePath, profiles: list[Profile]) -> Iterator[tuple[int, Entry]]:
    for start in range(0, len(profiles), PAGE):
        numbers = [profile.version for profile in profiles[start : start + PAGE]]
        yield from parts.upkeep.versions(path, numbers).items()
