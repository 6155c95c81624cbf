"""How far a forget reaches: the same text under other ids, in summaries and in archives of the very scope."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from memgarden.asking import matching
from memgarden.errors import MemgardenError, StorageError
from memgarden.forgetting import Receipt, finish_forgetting, forget
from memgarden.index.columns import lookup
from memgarden.index.filter import parse_filter
from memgarden.index.predicate import Test
from memgarden.maintain.archive import list_archives, read_archive
from memgarden.maintain.archives import restore
from memgarden.maintain.searching import filterable
from memgarden.maintain.summaries import ORIGINALS
from memgarden.parts import Parts
from memgarden.records import Flags, Memory, ScopePath
from memgarden.turns import SUMMARY
from memgarden.upkeep import Move

__all__ = ["chosen", "forget_some", "reached"]


def forget_some(
    parts: Parts, path: ScopePath, ids: Sequence[str], where: Mapping[str, Any] | None, timeout: float
) -> Receipt:
    """Forget the memories of these ids, or those that a filter lets through if there is one, and what that reaches."""
    with parts.shift.during(timeout):
        if parts.eraser.unfinished():
            finish_forgetting(parts, timeout)  # before anything of it comes back from an archive
        wanted = ids if where is None else chosen(parts, path, where)
        return forget(parts, path, reached(parts, path, wanted), timeout=timeout)


def chosen(parts: Parts, path: ScopePath, where: Mapping[str, Any]) -> list[str]:
    """The ids of the memories that a filter lets through, in the scope and in its archives, expired ones too."""
    tree = parse_filter(where)
    found = [memory.id for memory in matching(parts, path, where, "id", expired=True)]
    for memories in _archived(parts, path):
        passed = tree.mask(_Listed(memories))
        found += [memory.id for memory, passes in zip(memories, passed.tolist(), strict=True) if passes]
    return list(dict.fromkeys(found))


def reached(parts: Parts, path: ScopePath, ids: Sequence[str]) -> list[str]:
    """These ids, those of what went into them, and those of the summaries that tell of any of it.

    What else such a summary tells comes back from the scope's archives first.
    """
    moves = parts.upkeep.moves(path)
    last = {move.id: move for move in moves}  # what came back is a memory of its own again
    into: dict[str, list[str]] = {}
    for move in last.values():
        if move.into is not None:
            into.setdefault(move.into, []).append(move.id)
    wanted = _closed(ids, into)
    summaries = _summaries(parts, path)
    above: dict[str, list[str]] = {}
    for move in moves:
        if move.into is not None and (move.event == "summarised" or move.id in summaries):
            above.setdefault(move.id, []).append(move.into)
    for summary in summaries.values():
        for one in _told(summary):
            above.setdefault(one, []).append(summary.id)
    telling = [one for one in _closed(wanted, above) if one not in set(wanted)]
    others = {one for summary in telling for one in (*into.get(summary, ()), *_told(summaries.get(summary)))}
    others -= {*wanted, *telling}
    named = {summaries[one].metadata.get("archive") for one in telling if one in summaries}
    _bring_back(parts, path, others, [last[one] for one in others if one in last], named)
    return [*wanted, *telling]


def _bring_back(parts: Parts, path: ScopePath, ids: Collection[str], moves: Sequence[Move], named: set[Any]) -> None:
    names = {move.archive for move in moves} | named
    if parts.archives is None or not ids:
        return
    for archive in list_archives(parts.archives, path):
        if archive.name in names:
            with suppress(StorageError):  # it is damaged, as the receipt will say
                restore(parts, archive.name, ids)


def _summaries(parts: Parts, path: ScopePath) -> dict[str, Memory]:
    """The scope's summaries by id, archived and living ones."""
    found = {one.id: one for memories in _archived(parts, path) for one in memories if one.kind == SUMMARY}
    return found | {one.id: one for one in matching(parts, path, {"kind": SUMMARY}, "id", expired=True)}


def _archived(parts: Parts, path: ScopePath) -> Iterator[list[Memory]]:
    """What each archive of the scope holds; one that is damaged is passed over, as the receipt will say."""
    folder = parts.archives
    if folder is None:
        return
    for archive in list_archives(folder, path):
        with suppress(MemgardenError):
            yield [line.memory for line in read_archive(folder, archive)]


def _told(summary: Memory | None) -> list[str]:
    """The ids of what a summary tells; anybody may write a memory of this kind, with whatever metadata."""
    told = None if summary is None else summary.metadata.get(ORIGINALS)
    return [one for one in told if isinstance(one, str)] if isinstance(told, list) else []


def _closed(ids: Sequence[str], onwards: Mapping[str, Sequence[str]]) -> list[str]:
    """The ids and all that is reached from them, each once."""
    found = dict.fromkeys(ids)
    left = list(found)
    while left:
        for one in onwards.get(left.pop(), ()):
            if one not in found:
                found[one] = None
                left.append(one)
    return list(found)


class _Listed:
    """The columns of memories that are at hand."""

    def __init__(self, memories: Sequence[Memory]) -> None:
        self._fields = [filterable(memory) for memory in memories]

    def test(self, field: str, test: Test) -> Flags:
        return np.array([test(lookup(fields, field)) for fields in self._fields], dtype=np.bool_)
