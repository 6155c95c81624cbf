"""Gives a scope's memories, with their vectors, to a store that others read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from memgarden.parts import Parts
from memgarden.records import RECORD, Entry, ScopePath, utc_now

__all__ = ["Given", "Writer", "give"]

PAGE = 500  # memories written at a time


@dataclass(slots=True)
class Given:
    """What became of a scope's memories: how many the collection holds now, and by id why it lacks the others.

    `removed`: records of memories, or of parts of them, that the scope gave before and does not hold any more.
    """

    given: int = 0
    removed: int = 0
    refused: dict[str, str] = field(default_factory=dict)


class Writer(Protocol):
    """A collection that is written to."""

    def put(self, entries: Sequence[Entry]) -> dict[str, str]:
        """Write memories; by id, why others were not written."""
        ...

    def prune(self) -> int:
        """Remove what the scope gave before and does not hold any more; returns how many records."""
        ...


def give(parts: Parts, path: ScopePath, writer: Writer, progress: Callable[[int], None] | None) -> Given:
    """Write every memory of a scope. One that was cut off may be run again."""
    done = Given()
    after = 0
    while page := parts.source.entries(path, after, PAGE, utc_now()):
        after = page[-1][0]
        entries = [entry for _, entry in page]
        records = {entry.memory.id for entry in entries if entry.memory.kind == RECORD}
        refused = writer.put([entry for entry in entries if entry.memory.id not in records])
        done.refused |= dict.fromkeys(records, "it is a record, which no search is to find") | refused
        done.given += len(entries) - len(records) - len(refused)
        if progress is not None:
            progress(done.given)
    done.removed = writer.prune()
    return done
