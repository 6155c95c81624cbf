"""Compaction: what is not needed is dropped, and its room given back, a little at a time while everybody goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from memgarden.errors import InvalidSetting
from memgarden.forgetting import finish_forgetting
from memgarden.maintain.applying import rested
from memgarden.maintain.sizes import Sizes, sizes_of
from memgarden.parts import Parts
from memgarden.records import utc_now
from memgarden.surplus import Bounds, Surplus

__all__ = ["Compaction", "compact"]

ROWS = 500
"""Rows dropped in one transaction; of embeddings that are 0.8 MB."""

PAGES = 128
"""Free pages given back at a time: a megabyte."""

WORN = 3
"""A collection is built anew once one in so many of the chunks that it was given is deleted."""

LITTLE = 1_000
"""Deletions below which a collection is left as it is: to build it anew costs more than it saves."""

LEFT = 3600.0
"""Seconds after which an unfinished file is nobody's: who writes one writes to it all the time."""


@dataclass(frozen=True, slots=True)
class Compaction:
    """What compaction did, or would do if it is not `applied`.

    `before` and `after` are the bytes that the whole garden takes. Where it is not applied, the database's `after` is
    about what is to be expected; Chroma's is what it takes at the moment, since it builds its collections anew later.

    `dropped` counts rows by kind (of tombstones: scopes that have too many), `files` leftovers of exports and backups
    that were cut off, `rebuilt` Chroma collections that are built anew beside the old ones and swapped, in the
    background, by the scope's number, 0 for the shared one.
    """

    applied: bool
    before: Sizes
    after: Sizes
    dropped: dict[str, int]
    files: tuple[str, ...]
    rebuilt: tuple[int, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The report as an object of JSON."""
        return {
            "applied": self.applied,
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "dropped": self.dropped,
            "files": list(self.files),
            "rebuilt": list(self.rebuilt),
            "notes": list(self.notes),
        }


def compact(
    parts: Parts, *, full: bool, older_than: timedelta, events: int, embeddings: int | None, apply: bool
) -> Compaction:
    """Look for what is not needed and, if it is to be applied, drop it; see `Garden.compact`."""
    if older_than < timedelta(0) or events < 1 or (embeddings or 0) < 0:
        raise InvalidSetting(
            "older_than and embeddings are 0 or more, and a memory keeps 1 event of its history or more"
        )
    if apply:
        finish_forgetting(parts)
    before = sizes_of(parts)
    size = parts.compactor.size()
    surplus = parts.compactor.surplus(Bounds(utc_now() - older_than, events, embeddings))
    files = _leftovers(parts)
    worn = _worn(parts)
    notes = _notes(parts, full, apply, returns=size.returns, free=size.free, worn=worn)
    freed = sum(len(each.keys) * each.each for each in surplus)
    expected = max(size.database - freed - (size.free if size.returns or full else 0), 0)
    if apply and not _apply(parts, surplus, files, worn, full=full):
        notes.append("readers or writers were in the way of emptying the log: it goes with the next time")
    return Compaction(
        applied=apply,
        before=before,
        after=sizes_of(parts) if apply else _expected(parts, before, expected, files),
        dropped={each.kind: len(each.keys) for each in surplus},
        files=tuple(path.name for path in files),
        rebuilt=tuple(worn),
        notes=tuple(notes),
    )


def _apply(parts: Parts, surplus: Sequence[Surplus], files: list[Path], worn: list[int], *, full: bool) -> bool:
    for each in surplus:
        for first in range(0, len(each.keys), 1 if each.kind == "tombstones" else ROWS):
            rested(lambda: parts.compactor.drop(each, first, 1 if each.kind == "tombstones" else ROWS))  # noqa: B023
    for path in files:
        path.unlink(missing_ok=True)
    for scope in worn:
        parts.outbox.rebuild(scope)
    parts.wrote()
    if full:
        parts.compactor.rewrite()
        return True
    _released(parts.compactor.release)
    return parts.compactor.checkpoint()


def _released(release: Callable[[int], int]) -> None:
    left = rested(lambda: release(PAGES))
    while left:
        was, left = left, rested(lambda: release(PAGES))
        if left >= was:
            return  # others free more than this gives back, or the database cannot


def _expected(parts: Parts, before: Sizes, database: int, files: Sequence[Path]) -> Sizes:
    archived = before.archives
    if archived is not None and parts.archives is not None:
        archived -= sum(path.stat().st_size for path in files if path.is_relative_to(parts.archives))
    return replace(before, database=database, archives=archived)


def _leftovers(parts: Parts) -> list[Path]:
    beside = [] if "://" in parts.where else Path(parts.where).glob("*.unfinished")
    archived = [] if parts.archives is None else parts.archives.rglob("*.unfinished")
    return sorted(path for path in {*beside, *archived} if time.time() - path.stat().st_mtime > LEFT)


def _worn(parts: Parts) -> list[int]:
    worn = parts.outbox.worn()
    return sorted(scope for scope, (given, gone) in worn.items() if gone >= LITTLE and gone * WORN > given)


def _notes(parts: Parts, full: bool, apply: bool, *, returns: bool, free: int, worn: list[int]) -> list[str]:
    notes = []
    if full:
        notes.append("the database is written anew, while writers wait and as much room again is needed on the disk")
    elif free and not returns and "://" not in parts.where:
        notes.append("an older garden cannot give free pages back in steps: full=True once, and it can from then on")
    if worn and apply:
        notes.append(
            "Chroma builds these collections anew in the background, beside the old ones, which are searched until "
            "the new ones take their place"
        )
    if worn and parts.mirror is None:
        notes.append("the garden was opened without Chroma: the next process that has it builds them")
    return notes
