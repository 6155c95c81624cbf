"""A search of a scope's archives: they are read whole for it, and indexed, where a search finds its index ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

import numpy as np

from memgarden.asking import How, answer
from memgarden.index.pool import IndexPool
from memgarden.index.scope_index import ScopeIndex
from memgarden.maintain.applying import archives_of
from memgarden.maintain.archive import list_archives, read_archive
from memgarden.maintain.archives import entry_of
from memgarden.parts import Parts
from memgarden.records import NEVER, POSTING, ROW, Changes, Entry, Head, Hit, Memory, ScopePath, to_micros

__all__ = ["filterable", "search_archives"]

T = TypeVar("T")


class _Alone:
    """Stands in for the pool: hands out one index, whatever is asked for, and reads its memories from a list."""

    def __init__(self, pool: IndexPool, entries: Sequence[Entry], dimension: int) -> None:
        self._memories = [entry.memory for entry in entries]
        self._index = pool.made_of(_changes(entries, dimension), cast(Any, self)) if entries else None

    def use(self, path: ScopePath, work: Callable[[ScopeIndex | None], T]) -> T:
        return work(self._index)

    def memories(self, scope: int, pks: Sequence[int]) -> Mapping[int, Memory]:
        return {pk: self._memories[pk - 1] for pk in pks}

    def fields(self, scope: int, after: int) -> Mapping[int, Mapping[str, Any]]:
        return {pk: filterable(memory) for pk, memory in enumerate(self._memories, 1) if pk > after}


def filterable(memory: Memory) -> dict[str, Any]:
    """A memory's fields as filters see them."""
    names = ("id", "metadata", "tags", "importance", "kind", "created_at", "expires_at", "stored_at")
    return {name: getattr(memory, name) for name in names} | {"tags": list(memory.tags)}


def search_archives(parts: Parts, path: ScopePath, query: str, how: How) -> list[Hit]:
    """The best memories of the scope's archives for a query, as a search of the scope would find them."""
    folder = archives_of(parts)
    entries: dict[str, Entry] = {}
    for archive in list_archives(folder, path):
        for line in read_archive(folder, archive):
            entries[line.memory.id] = entry_of(parts, line, archive)  # of several with one id the newest
    alone = _Alone(parts.pool, list(entries.values()), parts.preparer.embedder.dimension)
    return answer(replace(parts, pool=cast(IndexPool, alone)), path, [[query]], how, None, None)[0]


def _changes(entries: Sequence[Entry], dimension: int) -> Changes:
    chunks = [(pk, entry.memory, chunk) for pk, entry in enumerate(entries, 1) for chunk in entry.chunks]
    rows = np.zeros(len(chunks), dtype=ROW)
    for number, (pk, memory, chunk) in enumerate(chunks):
        expires = NEVER if memory.expires_at is None else to_micros(memory.expires_at)
        turn = chunk.turn or (0, 0, 0)
        times = (to_micros(memory.created_at), expires)
        rows[number] = (number + 1, pk, chunk.start, chunk.end, *times, *turn, chunk.length, chunk.language)
    return Changes(
        head=Head(0, 1),
        rows=rows,
        postings=np.concatenate([chunk.postings for *_, chunk in chunks]).astype(POSTING, copy=False),
        sizes=np.array([len(chunk.postings) for *_, chunk in chunks], dtype=np.int64),
        vectors=np.stack([chunk.vector for *_, chunk in chunks]).reshape(-1, dimension),
        removed=np.empty(0, dtype=np.int64),
        whole=True,
    )
