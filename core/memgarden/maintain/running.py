"""Maintenance as a whole, for a scheduler: one process at a time, one scope after another, in small transactions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from memgarden.forgetting import finish_forgetting
from memgarden.maintain.applying import Applied, Progress, apply, rested
from memgarden.maintain.archive import remove_leftovers
from memgarden.maintain.archives import sweep_archives
from memgarden.maintain.compact import compact
from memgarden.maintain.extract import Extractive
from memgarden.maintain.plan import Plan, Step
from memgarden.maintain.planning import plan_scope
from memgarden.maintain.policy import Policy
from memgarden.maintain.settling import settle_all
from memgarden.maintain.summaries import Summarizer, summary_of
from memgarden.parts import Parts
from memgarden.records import Entry, ScopePath, utc_now

__all__ = ["SWEPT_AT_ONCE", "carry_out", "maintain", "on_duty", "sweep"]

HISTORY = timedelta(days=730)
EVENTS = 100  # of a memory's history
SWEPT_AT_ONCE = 100  # memories a transaction, so that no writer waits long


@contextmanager
def on_duty(parts: Parts) -> Iterator[dict[str, str]]:
    """While nobody else maintains the garden; what a run that was cut off left is finished first.

    Gives the archives that are damaged, by name, with what is wrong.
    """
    with parts.shift.during():
        finish_forgetting(parts)
        yield {} if parts.archives is None else settle_all(parts, parts.archives)


def carry_out(parts: Parts, plan: Plan, summarizer: Summarizer | None, progress: Progress | None) -> Applied:
    """Carry out a plan."""
    if any(step.action != "similar" for step in plan):  # for only then something may go to an archive
        parts.note_archives()
    preparer = parts.preparer

    def summarise(step: Step, entries: Sequence[Entry], archive: str) -> Entry:
        return summary_of(entries, archive, summarizer or Extractive(preparer.embed, step.sentences), preparer)

    return apply(parts, plan, summarise, progress)


def maintain(
    parts: Parts, prefix: ScopePath, policy: Policy, summarizer: Summarizer | None, progress: Progress | None
) -> Applied:
    """Sweep, merge, summarise and archive by a policy, in every scope at and below `prefix`; then compact."""
    done = Applied()
    with on_duty(parts) as damaged:
        done.failed |= damaged
        done.swept = sweep(parts, prefix)
        for path in parts.catalogue.scopes(prefix, utc_now()):
            parts.shift.renew()
            done += carry_out(parts, plan_scope(parts, path, policy, utc_now()), summarizer, None)
            if progress is not None:
                progress(sum(done.done.values()))
        if parts.archives is not None:
            remove_leftovers(parts.archives)
        compact(parts, full=False, older_than=HISTORY, events=EVENTS, embeddings=None, apply=True)
    return done


def sweep(parts: Parts, prefix: ScopePath = (), *, apply: bool = True) -> int:
    """Delete what has expired at and below `prefix`, in the garden and in archives; how many memories there were.

    Without `apply` they are counted and stay.
    """
    now, swept = utc_now(), 0
    for path, count in parts.catalogue.expired(now).items():
        if path[: len(prefix)] != prefix:
            continue
        if not apply:
            swept += count
            continue
        while gone := rested(lambda: parts.sink.sweep(path, now, SWEPT_AT_ONCE)):  # noqa: B023
            swept += gone
            parts.wrote()
    return swept + sweep_archives(parts, prefix, now, apply=apply)
