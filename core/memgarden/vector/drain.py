"""One step from the outbox to the vector index: what is committed in SQL and not yet there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from memgarden.protocols import ChunkRecord, Outbox

__all__ = ["ChunkIndex", "drain_once"]


class ChunkIndex(Protocol):
    """A vector index as the drainer sees it: a map from chunk id to chunk."""

    def upsert(self, records: Sequence[ChunkRecord]) -> None:
        """Store chunks, each in place of what stood under its id."""
        ...

    def delete(self, ids: Sequence[str]) -> None:
        """Remove chunks; ids that are not there are no error."""
        ...

    def reset(self) -> None:
        """Leave an empty index."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


def drain_once(outbox: Outbox, index: ChunkIndex, limit: int) -> int:
    """Make the oldest `limit` changes and strike them off; how many they were.

    The index is a map, so of several changes to one chunk only the last is made, and of what precedes a reset
    nothing. They are struck off after the index has acknowledged all of them: a failure leaves the outbox as it was,
    and making a change twice does no harm.
    """
    items = outbox.pending(limit)
    last: dict[str, ChunkRecord | None] = {}
    reset = False
    for item in items:
        if item.op == "reset":
            reset = True
            last.clear()
        else:
            last[item.chunk_id] = item.record if item.op == "upsert" else None
    if reset:
        index.reset()
    if gone := [chunk for chunk, record in last.items() if record is None]:
        index.delete(gone)
    if records := [record for record in last.values() if record is not None]:
        index.upsert(records)
    if items:
        outbox.settle([item.seq for item in items])
    return len(items)
