"""One step from the outbox to the vector index: what is committed in SQL and not yet there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from memgarden.errors import ChromaError
from memgarden.protocols import ChunkRecord, Outbox, OutboxItem
from memgarden.records import ScopePath

__all__ = ["ChunkIndex", "Erased", "drain_once"]


class ChunkIndex(Protocol):
    """A vector index as the drainer sees it: a map from chunk id to chunk, and one more for each large scope.

    `own` is the number of a scope with a collection of its own, None for the collection that all others share.
    """

    def upsert(self, records: Sequence[ChunkRecord], own: int | None = None) -> None:
        """Store chunks, each in place of what stood under its id."""
        ...

    def delete(self, ids: Sequence[str], own: int | None = None) -> None:
        """Remove chunks; ids that are not there are no error."""
        ...

    def promote(self, own: int, path: ScopePath) -> None:
        """Give the scope an empty collection of its own, and leave none of its chunks in the shared one."""
        ...

    def demote(self, own: int) -> None:
        """Leave no collection of that scope's own."""
        ...

    def rebuild(self, own: int | None, most: int) -> int | None:
        """Copy `most` more chunks into a collection that takes this one's place once it holds all of them.

        None as long as there are more; then how many it holds.
        """
        ...

    def reset(self) -> None:
        """Leave an empty index."""
        ...

    def erase(self) -> None:
        """Leave an empty index, and no file with anything of what it held."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


class Erased(Exception):
    """The index was erased by a process whose memory may still hold what it was: it is to begin anew."""


def drain_once(outbox: Outbox, index: ChunkIndex, limit: int, *, anew: bool = False) -> int:
    """Make the oldest `limit` changes and strike them off; how many they were.

    The index is a map, so of several changes to one chunk only the last is made, and of what precedes a reset
    nothing. They are struck off after the index has acknowledged all of them: a failure leaves the outbox as it was,
    and making a change twice does no harm. `anew`: after an erase nothing more is done, but `Erased` raised.

    A rebuild holds nothing up: after the changes, `limit` chunks more are copied, and it is struck off at its end.
    """
    pending = outbox.pending(limit)
    made = len(pending)
    items = [item for item in pending if item.op != "rebuild"]
    if items and items[0].op == "erase":
        # By itself, for somebody waits for it; and what follows may fail, which must not erase all again.
        index.erase()
        outbox.settle([items[0].seq])
        if anew:
            raise Erased
        items = items[1:]
    last: dict[str, OutboxItem] = {}
    for item in items:
        if item.op in ("upsert", "delete"):
            last[item.chunk_id] = item
            continue
        if item.op == "void":
            continue
        if item.op == "reset":
            index.reset()
        else:
            _make(index, last)
            _move(index, item)
        last.clear()
    _make(index, last)
    if items:
        outbox.settle([item.seq for item in items])
    for item in pending:
        if item.op == "rebuild":
            try:
                held = index.rebuild(item.scope, limit)
            except ChromaError:
                outbox.settle([item.seq])  # or each batch of changes would wait for it; compaction asks again
                raise
            if held is not None:
                outbox.settle([item.seq], held)
    return made


def _move(index: ChunkIndex, item: OutboxItem) -> None:
    if item.scope is None:
        raise ValueError(f"a {item.op} without a scope")
    if item.op == "promote":
        index.promote(item.scope, item.path)
    else:
        index.demote(item.scope)


def _make(index: ChunkIndex, last: Mapping[str, OutboxItem]) -> None:
    """Changes to distinct chunks, collection by collection."""
    places: dict[int | None, list[OutboxItem]] = {}
    for item in last.values():
        places.setdefault(item.scope if item.own else None, []).append(item)
    for own, items in places.items():
        if gone := [item.chunk_id for item in items if item.record is None]:
            index.delete(gone, own)
        if records := [item.record for item in items if item.record is not None]:
            index.upsert(records, own)
