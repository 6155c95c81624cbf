"""What is committed and not yet in Chroma; written with the change itself, so a kill loses none of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa

from memgarden.paths import decode_path
from memgarden.protocols import ChunkRecord, OutboxItem
from memgarden.records import Importance
from memgarden.store import schema
from memgarden.store.engine import Database
from memgarden.store.facts import change_fact
from memgarden.store.read import slices
from memgarden.store.rows import VECTOR, to_memory

__all__ = ["SqlOutbox"]

memories, chunks, scopes, outbox = schema.memories.c, schema.chunks.c, schema.scopes.c, schema.outbox.c

PENDING = sa.select(schema.outbox).order_by(outbox.seq).limit(sa.bindparam("most"))
RECORDS = (
    sa.select(
        schema.memories,
        scopes.path,
        chunks.pk.label("chunk"),
        chunks.start,
        chunks.end,
        chunks.vector,
    )
    .join_from(schema.chunks, schema.memories, chunks.memory == memories.pk)
    .join(schema.scopes, chunks.scope == scopes.pk)
    .where(chunks.pk.in_(sa.bindparam("pks", expanding=True)))
)
ALL = sa.insert(schema.outbox).from_select(
    ["op", "chunk"], sa.select(sa.literal("upsert"), chunks.pk).order_by(chunks.pk)
)


class SqlOutbox:
    """The outbox of one garden. It reads across scopes: what it gives leaves only for the garden's own Chroma."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pending(self, limit: int) -> Sequence[OutboxItem]:
        """The oldest changes, at most `limit`, in order of commit."""
        with self._database.snapshot() as connection:
            waiting = connection.execute(PENDING, {"most": limit}).fetchall()
            wanted = [row.chunk for row in waiting if row.op == "upsert"]
            records: dict[int, ChunkRecord] = {}
            for some in slices(wanted):
                rows = connection.execute(RECORDS, {"pks": list(some)})
                records.update((row.chunk, _record(row)) for row in rows)
        # A chunk that was deleted since its upsert was noted has no record: the item then asks for its deletion.
        return [
            OutboxItem(
                seq=row.seq,
                op="delete" if row.op == "upsert" and row.chunk not in records else row.op,
                chunk_id=str(row.chunk),
                record=records.get(row.chunk) if row.op == "upsert" else None,
            )
            for row in waiting
        ]

    def settle(self, seqs: Sequence[int]) -> None:
        """Strike off changes that Chroma has made."""
        with self._database.write() as connection:
            for some in slices(seqs):
                connection.execute(sa.delete(schema.outbox).where(outbox.seq.in_(list(some))))

    def count(self, upto: int | None = None) -> int:
        """How many changes are waiting, of those up to a sequence number or of all."""
        statement = sa.select(sa.func.count()).select_from(schema.outbox)
        with self._database.read() as connection:
            return connection.scalar(statement if upto is None else statement.where(outbox.seq <= upto)) or 0

    def mark(self) -> int:
        """The sequence number of the newest change that waits, 0 for none."""
        with self._database.read() as connection:
            return connection.scalar(sa.select(sa.func.max(outbox.seq))) or 0

    def refill(self) -> None:
        """Ask for an empty collection and for every chunk there is, in place of whatever was waiting.

        From then on every write goes to the outbox too, if none did before.
        """
        with self._database.write() as connection:
            change_fact(connection, "mirrored", "yes")
            connection.execute(sa.delete(schema.outbox))
            connection.execute(sa.insert(schema.outbox), {"op": "reset", "chunk": 0})
            connection.execute(ALL)


def _record(row: sa.Row[tuple[object, ...]]) -> ChunkRecord:
    memory = to_memory(row)
    fields: dict[str, str | int | float | bool] = {
        "memory_id": memory.id,
        "kind": memory.kind,
        "importance": Importance(memory.importance).label,
        "created_at": memory.created_at.timestamp(),
        "start": row.start,
        "end": row.end,
    }
    if memory.expires_at is not None:
        fields["expires_at"] = memory.expires_at.timestamp()
    if memory.tags:
        fields["tags"] = ",".join(memory.tags)
    return ChunkRecord(
        id=str(row.chunk),
        text=memory.text[row.start : row.end],
        vector=np.frombuffer(row.vector, dtype=VECTOR),
        metadata=memory.metadata,
        fields=fields,
        scope=decode_path(row.path),
    )
