"""What is read from the record: a scope's revision, what changed since one, and the memories themselves.

Every statement carries the scope's number or path; none reads across scopes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa

from memgarden.paths import encode_path
from memgarden.protocols import Order
from memgarden.records import NEVER, POSTING, ROW, Changes, Chunk, Head, Ints, Memory, ScopePath, to_micros
from memgarden.store import schema
from memgarden.store.engine import Database
from memgarden.store.rows import to_chunk, to_fields, to_memory, to_vectors

__all__ = ["Reader", "slices"]

VARIABLES = 500  # row numbers in one IN list: every database takes as many
memories, chunks, scopes, tombstones = schema.memories.c, schema.chunks.c, schema.scopes.c, schema.tombstones.c

HEAD = sa.select(scopes.pk, scopes.revision, scopes.floor).where(scopes.path == sa.bindparam("path"))
CHANGED = (
    sa.select(
        chunks.pk,
        chunks.memory,
        chunks.start,
        chunks.end,
        chunks.created_at,
        chunks.expires_at,
        chunks.length,
        chunks.postings,
        chunks.vector,
    )
    .where(chunks.scope == sa.bindparam("scope"), chunks.revision > sa.bindparam("since"))
    .order_by(chunks.pk)
)
REMOVED = sa.select(tombstones.chunk).where(
    tombstones.scope == sa.bindparam("scope"), tombstones.revision > sa.bindparam("since")
)
BY_PK = sa.select(schema.memories).where(
    memories.scope == sa.bindparam("scope"), memories.pk.in_(sa.bindparam("pks", expanding=True))
)
FIELDS = sa.select(*(column for column in schema.memories.c if column.name != "text")).where(
    memories.scope == sa.bindparam("scope"), memories.pk > sa.bindparam("after")
)
BY_ID = (
    sa.select(schema.memories)
    .join(schema.scopes, memories.scope == scopes.pk)
    .where(scopes.path == sa.bindparam("path"), memories.id == sa.bindparam("id"))
)
OF_MEMORY = (
    sa.select(schema.chunks)
    .where(chunks.scope == sa.bindparam("scope"), chunks.memory == sa.bindparam("memory"))
    .order_by(chunks.pk)
)


def slices(values: Sequence[Any], size: int = VARIABLES) -> Iterator[Sequence[Any]]:
    """`values` in runs of at most `size`."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


class Reader:
    """Reads of one garden's record."""

    def __init__(self, database: Database, dimension: int) -> None:
        """`dimension` is that of the garden's vectors."""
        self._database = database
        self._dimension = dimension

    def head(self, path: ScopePath) -> Head | None:
        """Where the scope stands; None for a scope that nothing was ever written to."""
        with self._database.read() as connection:
            row = connection.execute(HEAD, {"path": encode_path(path)}).first()
        return Head(row.pk, row.revision) if row else None

    def changes(self, path: ScopePath, known: Head | None) -> Changes | None:
        """What happened since `known`, of one moment; None for a scope that nothing was ever written to."""
        with self._database.snapshot() as connection:
            row = connection.execute(HEAD, {"path": encode_path(path)}).first()
            if row is None:
                return None
            whole = known is None or known.scope != row.pk or not row.floor <= known.revision <= row.revision
            since = 0 if known is None or whole else known.revision
            changed = connection.execute(CHANGED, {"scope": row.pk, "since": since}).fetchall()
            removed = [] if whole else connection.scalars(REMOVED, {"scope": row.pk, "since": since}).all()
        return self._changes(Head(row.pk, row.revision), changed, np.array(removed, dtype=np.int64), whole)

    def _changes(self, head: Head, found: Sequence[Any], removed: Ints, whole: bool) -> Changes:
        columns = list(zip(*found, strict=True)) or [()] * 9
        rows = np.empty(len(found), dtype=ROW)
        for name, values in zip(("chunk", "memory", "start", "end", "created_at"), columns, strict=False):
            rows[name] = values
        rows["expires_at"] = [NEVER if time is None else time for time in columns[5]]
        postings = columns[7]
        sizes = np.fromiter(map(len, postings), dtype=np.int64, count=len(postings)) // POSTING.itemsize
        return Changes(
            head=head,
            rows=rows,
            postings=np.frombuffer(b"".join(postings), dtype=POSTING),
            sizes=sizes,
            lengths=np.array(columns[6], dtype=np.int64),
            vectors=to_vectors(columns[8], self._dimension),
            removed=removed,
            whole=whole,
        )

    def memories(self, scope: int, pks: Sequence[int]) -> dict[int, Memory]:
        """The memories of these row numbers, by row number; those deleted meanwhile are missing."""
        found: dict[int, Memory] = {}
        with self._database.read() as connection:
            for some in slices(pks):
                rows = connection.execute(BY_PK, {"scope": scope, "pks": list(some)})
                found.update((row.pk, to_memory(row)) for row in rows)
        return found

    def fields(self, scope: int, after: int) -> dict[int, dict[str, Any]]:
        """The filterable fields of the memories with row numbers above `after`, by row number."""
        with self._database.read() as connection:
            rows = connection.execute(FIELDS, {"scope": scope, "after": after})
            return {row.pk: to_fields(row) for row in rows}

    def get(self, path: ScopePath, id: str, now: datetime) -> Memory | None:
        """The memory of that id; None if the scope holds none, or one that has expired."""
        with self._database.read() as connection:
            row = connection.execute(BY_ID, {"path": encode_path(path), "id": id}).first()
        expired = row is not None and row.expires_at is not None and row.expires_at <= to_micros(now)
        return None if row is None or expired else to_memory(row)

    def version(self, path: ScopePath, id: str) -> tuple[int, Memory, list[Chunk]] | None:
        """The row number of a memory, which is its version, the memory and its chunks."""
        with self._database.snapshot() as connection:
            row = connection.execute(BY_ID, {"path": encode_path(path), "id": id}).first()
            if row is None:
                return None
            pieces = connection.execute(OF_MEMORY, {"scope": row.scope, "memory": row.pk}).fetchall()
        return row.pk, to_memory(row), [to_chunk(piece) for piece in pieces]

    def page(self, path: ScopePath, now: datetime, order: Order, limit: int, offset: int) -> list[Memory]:
        """A page of the scope's memories; equal times are ordered by id."""
        name = order.removeprefix("-")
        keys = [memories[name], memories.id] if name != "id" else [memories.id]
        statement = (
            sa.select(schema.memories)
            .where(*_living(path, now))
            .order_by(*(key.desc() if order.startswith("-") else key for key in keys))
            .limit(limit)
            .offset(offset)
        )
        with self._database.read() as connection:
            return [to_memory(row) for row in connection.execute(statement)]

    def count(self, path: ScopePath, now: datetime) -> int:
        """How many memories the scope holds."""
        with self._database.read() as connection:
            return (
                connection.scalar(sa.select(sa.func.count()).select_from(schema.memories).where(*_living(path, now)))
                or 0
            )


def _living(path: ScopePath, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    scope = sa.select(scopes.pk).where(scopes.path == encode_path(path)).scalar_subquery()
    return memories.scope == scope, memories.expires_at.is_(None) | (memories.expires_at > to_micros(now))
