"""What is committed and not yet in Chroma; written with the change itself, so a kill loses none of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa

from memgarden.paths import decode_path
from memgarden.protocols import ChunkRecord, OutboxItem
from memgarden.store import schema
from memgarden.store.audit import FORGET_FINDING
from memgarden.store.engine import Database
from memgarden.store.facts import change_fact
from memgarden.store.rows import MEMORY, VECTOR, to_memory
from memgarden.store.statement import OneOf, Row, Statement

__all__ = ["SqlOutbox"]

memories, chunks, scopes, outbox = schema.memories.c, schema.chunks.c, schema.scopes.c, schema.outbox.c

PENDING = Statement(sa.select(outbox.seq, outbox.op, outbox.chunk).order_by(outbox.seq).limit(sa.bindparam("most")))
RECORDS = Statement(
    sa.select(chunks.pk, scopes.path, chunks.start, chunks.end, chunks.vector, *MEMORY)
    .join_from(schema.chunks, schema.memories, chunks.memory == memories.pk)
    .join(schema.scopes, chunks.scope == scopes.pk)
    .where(OneOf(chunks.pk, "pks"))
)
SETTLE = Statement(sa.delete(schema.outbox).where(OneOf(outbox.seq, "seqs")))
COUNT = Statement(sa.select(sa.func.count()).select_from(schema.outbox))
COUNT_UPTO = Statement(sa.select(sa.func.count()).select_from(schema.outbox).where(outbox.seq <= sa.bindparam("upto")))
MARK = Statement(sa.select(sa.func.max(outbox.seq)))
# What others have noted and not committed yet would be cleared by nobody and come before the reset: wait for them.
ALONE = Statement(sa.text("LOCK TABLE outbox IN EXCLUSIVE MODE"))
CLEAR = Statement(sa.delete(schema.outbox))
RESET = Statement(sa.insert(schema.outbox).values(op=sa.literal_column("'reset'"), chunk=sa.literal_column("0")))
EVERYTHING = Statement(
    sa.insert(schema.outbox).from_select(
        ["op", "chunk"], sa.select(sa.literal_column("'upsert'"), chunks.pk).order_by(chunks.pk)
    )
)


class SqlOutbox:
    """The outbox of one garden. It reads across scopes: what it gives leaves only for the garden's own Chroma."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pending(self, limit: int) -> Sequence[OutboxItem]:
        """The oldest changes, at most `limit`, in order of commit."""
        with self._database.snapshot() as session:
            waiting = session.rows(PENDING, {"most": limit})
            wanted = [chunk for _, op, chunk in waiting if op == "upsert"]
            rows = session.rows(RECORDS, {"pks": wanted}) if wanted else []
        records = {row[0]: _record(row) for row in rows}
        # A chunk that was deleted since its upsert was noted has no record: the item then asks for its deletion.
        return [
            OutboxItem(
                seq=seq,
                op="delete" if op == "upsert" and chunk not in records else op,
                chunk_id=str(chunk),
                record=records.get(chunk) if op == "upsert" else None,
            )
            for seq, op, chunk in waiting
        ]

    def settle(self, seqs: Sequence[int]) -> None:
        """Strike off changes that Chroma has made."""
        with self._database.write() as session:
            session.run(SETTLE, {"seqs": list(seqs)})

    def count(self, upto: int | None = None) -> int:
        """How many changes are waiting, of those up to a sequence number or of all."""
        with self._database.read() as session:
            return int(session.value(COUNT, {}) if upto is None else session.value(COUNT_UPTO, {"upto": upto}))

    def mark(self) -> int:
        """The sequence number of the newest change that waits, 0 for none."""
        with self._database.read() as session:
            return int(session.value(MARK, {}) or 0)

    def refill(self) -> None:
        """Ask for an empty collection and for every chunk there is, in place of whatever was waiting.

        From then on every write goes to the outbox too, if none did before.
        """
        with self._database.write() as session:
            if session.dialect.name == "postgresql":
                session.run(ALONE, {})
            change_fact(session, "mirrored", "yes")
            for statement in (CLEAR, RESET, EVERYTHING, FORGET_FINDING):
                session.run(statement, {})


def _record(row: Row) -> ChunkRecord:
    pk, path, start, end, vector, *own = row
    memory = to_memory(tuple(own))
    fields: dict[str, str | int | float | bool] = {
        "memory_id": memory.id,
        "kind": memory.kind,
        "importance": memory.importance.label,
        "created_at": memory.created_at.timestamp(),
        "start": start,
        "end": end,
    }
    if memory.expires_at is not None:
        fields["expires_at"] = memory.expires_at.timestamp()
    if memory.tags:
        fields["tags"] = ",".join(memory.tags)
    return ChunkRecord(
        id=str(pk),
        text=memory.text[start:end],
        vector=np.frombuffer(vector, dtype=VECTOR),
        metadata=memory.metadata,
        fields=fields,
        scope=decode_path(path),
    )
