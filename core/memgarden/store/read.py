"""What is read from the record: a scope's revision, what changed since one, and the memories themselves.

Every statement carries the scope's number or path; none reads across scopes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa

from memgarden.paths import encode_path
from memgarden.protocols import Order
from memgarden.records import (
    POSTING,
    ROW,
    Changes,
    Chunk,
    Entry,
    Floats,
    Head,
    Ints,
    Memory,
    ScopePath,
    to_micros,
)
from memgarden.store import schema
from memgarden.store.engine import Database
from memgarden.store.rows import CHUNK, FIELDS, MEMORY, to_chunk, to_fields, to_memory
from memgarden.store.statement import OneOf, Row, Statement
from memgarden.store.vectors import to_vectors

__all__ = ["Reader"]

PART = 10_000  # rows turned into arrays at a time: as Python objects a million of them would take a gigabyte

memories, chunks, scopes, tombstones = schema.memories.c, schema.chunks.c, schema.scopes.c, schema.tombstones.c

SCOPE: sa.BindParameter[int] = sa.bindparam("scope")
SINCE: sa.BindParameter[int] = sa.bindparam("since")
# Rows are found by their number; the scope is a condition on them, and as a sum no index is tempting for it.
OWNED = memories.scope + 0 == SCOPE
HEAD = Statement(
    sa.select(scopes.pk, scopes.revision, scopes.floor, scopes.own).where(scopes.path == sa.bindparam("path"))
)
CHANGED = {
    large: Statement(
        sa.select(chunks.packed, chunks.postings, *(() if large else (chunks.vector,)))
        .where(chunks.scope == SCOPE, chunks.revision > SINCE)
        .order_by(chunks.revision, chunks.pk)  # which is the index's own order, and that of the row numbers too
    )
    for large in (False, True)
}
VECTORS = Statement(
    sa.select(chunks.pk, chunks.vector).where(OneOf(chunks.pk, "pks"), chunks.scope + 0 == SCOPE).order_by(chunks.pk)
)
REMOVED = Statement(sa.select(tombstones.chunk).where(tombstones.scope == SCOPE, tombstones.revision > SINCE))
BY_PK = Statement(sa.select(memories.pk, *MEMORY).where(OneOf(memories.pk, "pks"), OWNED))
FIELDS_AFTER = Statement(sa.select(memories.pk, *FIELDS).where(memories.scope == SCOPE, memories.pk > SINCE))
BY_ID = Statement(
    sa.select(memories.pk, memories.scope, *MEMORY)
    .join_from(schema.memories, schema.scopes, memories.scope == scopes.pk)
    .where(scopes.path == sa.bindparam("path"), memories.id == sa.bindparam("id"))
)
OF_MEMORY = Statement(
    sa.select(*CHUNK).where(chunks.memory == sa.bindparam("memory"), chunks.scope + 0 == SCOPE).order_by(chunks.pk)
)
BEFORE = Statement(
    sa.select(*MEMORY)
    .join_from(schema.memories, schema.chunks, chunks.memory == memories.pk)
    .join(schema.scopes, chunks.scope == scopes.pk)
    .where(
        scopes.path == sa.bindparam("path"),
        chunks.session == sa.bindparam("session"),
        chunks.created_at <= sa.bindparam("upto"),
        memories.id != sa.bindparam("but"),
    )
    .order_by(chunks.created_at.desc(), chunks.pk.desc())
    .limit(1)
)
OF_SESSION = Statement(
    sa.select(memories.pk, *MEMORY)
    .join_from(schema.memories, schema.chunks, chunks.memory == memories.pk)
    .join(schema.scopes, chunks.scope == scopes.pk)
    .where(
        scopes.path == sa.bindparam("path"),
        chunks.session == sa.bindparam("session"),
        memories.expires_at.is_(None) | (memories.expires_at > sa.bindparam("now")),
    )
    .order_by(chunks.created_at, chunks.pk)
)
LIVING = (
    memories.scope == sa.select(scopes.pk).where(scopes.path == sa.bindparam("path")).scalar_subquery(),
    memories.expires_at.is_(None) | (memories.expires_at > sa.bindparam("now")),
)
COUNT = Statement(sa.select(sa.func.count()).select_from(schema.memories).where(*LIVING))


NEXT = Statement(
    sa.select(memories.pk, memories.scope, *MEMORY)
    .where(*LIVING, memories.pk > sa.bindparam("after"))
    .order_by(memories.pk)
    .limit(sa.bindparam("limit"))
)
OF_MEMORIES = Statement(
    sa.select(chunks.memory, *CHUNK)
    .where(OneOf(chunks.memory, "memories"), chunks.scope + 0 == SCOPE)
    .order_by(chunks.memory, chunks.pk)
)


def _page(order: Order) -> Statement:
    name = order.removeprefix("-")
    keys = [memories[name], memories.id] if name != "id" else [memories.id]
    ordered = [key.desc() if order.startswith("-") else key for key in keys]
    living = sa.select(*MEMORY).where(*LIVING).order_by(*ordered)
    return Statement(living.limit(sa.bindparam("limit")).offset(sa.bindparam("offset")))


PAGES: dict[Order, Statement] = {
    order: _page(order) for order in ("created_at", "-created_at", "stored_at", "-stored_at", "id", "-id")
}


class Reader:
    """Reads of one garden's record."""

    def __init__(self, database: Database, dimension: int, *, large: bool = False) -> None:
        """`dimension` is that of the garden's vectors; `large`: there is a Chroma, which can search large scopes."""
        self._database = database
        self._dimension = dimension
        self._large = large

    def head(self, path: ScopePath) -> Head | None:
        """Where the scope stands; None for a scope that nothing was ever written to."""
        with self._database.read() as session:
            row = session.row(HEAD, {"path": encode_path(path)})
        return Head(row[0], row[1], self._large and bool(row[3])) if row else None

    def changes(self, path: ScopePath, known: Head | None) -> Changes | None:
        """What happened since `known`, of one moment; None for a scope that nothing was ever written to."""
        with self._database.snapshot() as session:
            row = session.row(HEAD, {"path": encode_path(path)})
            if row is None:
                return None
            scope, revision, floor, own = row
            head = Head(scope, revision, self._large and bool(own))
            whole = (
                known is None
                or (known.scope, known.large) != (scope, head.large)
                or not floor <= known.revision <= revision
            )
            above = {"scope": scope, "since": 0 if known is None or whole else known.revision}
            parts = [_part(part, self._dimension) for part in session.parts(CHANGED[head.large], above, PART)]
            removed = [] if whole else [chunk for (chunk,) in session.rows(REMOVED, above)]
        rows, sizes, postings, vectors = zip(*parts or [_part([], self._dimension)], strict=True)
        return Changes(
            head=head,
            rows=np.frombuffer(b"".join(rows), dtype=ROW),
            postings=np.frombuffer(b"".join(postings), dtype=POSTING),
            sizes=np.concatenate(sizes),
            vectors=None if head.large else vectors[0] if len(vectors) == 1 else np.concatenate(vectors),
            removed=np.array(removed, dtype=np.int64),
            whole=whole,
        )

    def vectors(self, scope: int, chunks: Ints) -> tuple[Ints, Floats]:
        """Those of `chunks` (ascending) that are still there, ascending, and their vectors `(n, d)`."""
        found: list[int] = []
        blobs: list[bytes] = []
        for first in range(0, len(chunks), PART):
            with self._database.read() as session:
                rows = session.rows(VECTORS, {"scope": scope, "pks": chunks[first : first + PART].tolist()})
            found += [pk for pk, _ in rows]
            blobs += [vector for _, vector in rows]
        return np.array(found, dtype=np.int64), to_vectors(blobs, self._dimension)

    def memories(self, scope: int, pks: Sequence[int]) -> dict[int, Memory]:
        """The memories of these row numbers, by row number; those deleted meanwhile are missing."""
        with self._database.read() as session:
            rows = session.rows(BY_PK, {"scope": scope, "pks": list(pks)})
        return {row[0]: to_memory(row[1:]) for row in rows}

    def fields(self, scope: int, after: int) -> dict[int, dict[str, Any]]:
        """The filterable fields of the memories with row numbers above `after`, by row number."""
        with self._database.read() as session:
            rows = session.rows(FIELDS_AFTER, {"scope": scope, "since": after})
        return {row[0]: to_fields(row[1:]) for row in rows}

    def get(self, path: ScopePath, id: str, now: datetime) -> Memory | None:
        """The memory of that id; None if the scope holds none, or one that has expired."""
        with self._database.read() as session:
            row = session.row(BY_ID, {"path": encode_path(path), "id": id})
        memory = to_memory(row[2:]) if row else None
        return None if memory is None or memory.has_expired(now) else memory

    def before(self, path: ScopePath, session: int, memory: Memory) -> Memory | None:
        """The turn of that session that was said last before `memory`, which may itself be stored; None if none was."""
        bounds = {"path": encode_path(path), "session": session, "but": memory.id, "upto": to_micros(memory.created_at)}
        with self._database.read() as connection:
            row = connection.row(BEFORE, bounds)
        return to_memory(row) if row else None

    def session(self, path: ScopePath, session: int, now: datetime) -> list[Memory]:
        """The turns of a session, by its hash, in order of time."""
        bounds = {"path": encode_path(path), "session": session, "now": to_micros(now)}
        with self._database.read() as connection:
            found = {row[0]: row[1:] for row in connection.rows(OF_SESSION, bounds)}  # a long turn has several chunks
        return [to_memory(row) for row in found.values()]

    def version(self, path: ScopePath, id: str) -> tuple[int, Memory, list[Chunk]] | None:
        """The row number of a memory, which is its version, the memory and its chunks."""
        with self._database.snapshot() as session:
            row = session.row(BY_ID, {"path": encode_path(path), "id": id})
            if row is None:
                return None
            pk, scope, *memory = row
            pieces = session.rows(OF_MEMORY, {"scope": scope, "memory": pk})
        return pk, to_memory(tuple(memory)), [to_chunk(piece) for piece in pieces]

    def entries(self, path: ScopePath, after: int, limit: int, now: datetime) -> list[tuple[int, Entry]]:
        """The next memories with row numbers above `after`, with their chunks, each with its row number."""
        bounds = {"path": encode_path(path), "after": after, "limit": limit, "now": to_micros(now)}
        with self._database.snapshot() as session:
            rows = session.rows(NEXT, bounds)
            if not rows:
                return []
            of = {"memories": [row[0] for row in rows], "scope": rows[0][1]}
            pieces: dict[int, list[Chunk]] = {}
            for memory, *piece in session.rows(OF_MEMORIES, of):
                pieces.setdefault(memory, []).append(to_chunk(tuple(piece)))
        return [(pk, Entry(to_memory(tuple(memory)), pieces.get(pk, []))) for pk, _, *memory in rows]

    def page(self, path: ScopePath, now: datetime, order: Order, limit: int, offset: int) -> list[Memory]:
        """A page of the scope's memories; equal times are ordered by id."""
        bounds = {"path": encode_path(path), "now": to_micros(now), "limit": limit, "offset": offset}
        with self._database.read() as session:
            return [to_memory(row) for row in session.rows(PAGES[order], bounds)]

    def count(self, path: ScopePath, now: datetime) -> int:
        """How many memories the scope holds."""
        with self._database.read() as session:
            return int(session.value(COUNT, {"path": encode_path(path), "now": to_micros(now)}))


def _part(found: Sequence[Row], dimension: int) -> tuple[bytes, Ints, bytes, Floats]:
    """The rows one after the other, how many terms each has, their postings as the rows, and their vectors."""
    packed, postings, *rest = zip(*found, strict=True) if found else ((), ())
    sizes = np.fromiter(map(len, postings), dtype=np.int64, count=len(postings)) // POSTING.itemsize
    return b"".join(packed), sizes, b"".join(postings), to_vectors(rest[0] if rest else (), dimension)
