"""How the record is written: one transaction a call, all of it or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from memgarden.errors import Conflict
from memgarden.paths import encode_path
from memgarden.records import Entry, Head, ScopePath
from memgarden.store import schema
from memgarden.store.engine import Database
from memgarden.store.read import slices
from memgarden.store.rows import chunk_row, memory_row

__all__ = ["Writer"]

memories, chunks, scopes = schema.memories.c, schema.chunks.c, schema.scopes.c

BUMP = (
    sa.update(schema.scopes)
    .where(scopes.path == sa.bindparam("at"))
    .values(revision=scopes.revision + 1)
    .returning(scopes.pk, scopes.revision)
)
OF_IDS = sa.select(memories.pk, memories.id).where(
    memories.scope == sa.bindparam("of"), memories.id.in_(sa.bindparam("ids", expanding=True))
)
MIRRORED = sa.exists().where(schema.garden.c.key == "mirrored", schema.garden.c.value == "yes")
IN_SCOPE = chunks.scope == sa.bindparam("of")
OF_MEMORIES = chunks.memory.in_(sa.bindparam("pks", expanding=True))
# The garden may be given a Chroma by another process at any time: each statement sees for itself whether it has one.
ENQUEUE_NEW = sa.insert(schema.outbox).from_select(
    ["op", "chunk"],
    sa.select(sa.literal("upsert"), chunks.pk).where(IN_SCOPE, chunks.revision == sa.bindparam("at"), MIRRORED),
)
ENQUEUE_GONE = sa.insert(schema.outbox).from_select(
    ["op", "chunk"], sa.select(sa.literal("delete"), chunks.pk).where(IN_SCOPE, OF_MEMORIES, MIRRORED)
)
BURY = sa.insert(schema.tombstones).from_select(
    ["scope", "revision", "chunk"],
    sa.select(chunks.scope, sa.bindparam("at", type_=sa.BigInteger), chunks.pk).where(IN_SCOPE, OF_MEMORIES),
)
DELETE_CHUNKS = sa.delete(schema.chunks).where(IN_SCOPE, OF_MEMORIES)
DELETE_MEMORIES = sa.delete(schema.memories).where(
    memories.scope == sa.bindparam("of"), memories.pk.in_(sa.bindparam("pks", expanding=True))
)


class Writer:
    """Writes to one garden's record, and to the outbox in the same transaction where the garden has a Chroma."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, path: ScopePath, entries: Sequence[Entry], expect: Mapping[str, int] | None = None) -> Head:
        """Store entries of distinct ids; those whose id the scope holds already are replaced whole.

        `expect` gives the row number that an id must still have, else `Conflict`.
        """
        with self._database.write() as connection:
            head = self._bump(connection, path)
            held = self._held(connection, head, [entry.memory.id for entry in entries])
            if expect is not None and expect != held:
                raise Conflict(f"changed by somebody else meanwhile: {', '.join(map(repr, expect))}")
            self._remove(connection, head, list(held.values()))
            self._insert(connection, head, entries)
        return head

    def delete(self, path: ScopePath, ids: Sequence[str]) -> int:
        """Delete the memories of these ids; returns how many there were."""
        with self._database.write() as connection:
            scope = connection.scalar(sa.select(scopes.pk).where(scopes.path == encode_path(path)))
            if scope is None:
                return 0
            held = self._held(connection, Head(scope, 0), ids)
            if held:
                self._remove(connection, self._bump(connection, path), list(held.values()))
        return len(held)

    def _bump(self, connection: sa.Connection, path: ScopePath) -> Head:
        encoded = encode_path(path)
        row = connection.execute(BUMP, {"at": encoded}).first()
        if row is None:
            pk = connection.execute(
                sa.insert(schema.scopes).returning(scopes.pk), {"path": encoded, "revision": 1}
            ).scalar_one()
            return Head(pk, 1)
        return Head(row.pk, row.revision)

    def _held(self, connection: sa.Connection, head: Head, ids: Sequence[str]) -> dict[str, int]:
        if head.revision == 1:
            return {}
        found: dict[str, int] = {}
        for some in slices(ids):
            rows = connection.execute(OF_IDS, {"of": head.scope, "ids": list(some)})
            found.update((row.id, row.pk) for row in rows)
        return found

    def _remove(self, connection: sa.Connection, head: Head, pks: Sequence[int]) -> None:
        for some in slices(pks):
            which = {"of": head.scope, "pks": list(some)}
            connection.execute(BURY, which | {"at": head.revision})
            connection.execute(ENQUEUE_GONE, which)
            connection.execute(DELETE_CHUNKS, which)
            connection.execute(DELETE_MEMORIES, which)

    def _insert(self, connection: sa.Connection, head: Head, entries: Sequence[Entry]) -> None:
        parents: list[dict[str, Any]] = []
        pieces: list[dict[str, Any]] = []
        memory_pks = self._reserve(connection, schema.memories, len(entries))
        chunk_pks = iter(self._reserve(connection, schema.chunks, sum(len(entry.chunks) for entry in entries)))
        for entry, pk in zip(entries, memory_pks, strict=True):
            parent = memory_row(entry.memory, head.scope, pk)
            parents.append(parent)
            pieces.extend(chunk_row(chunk, parent, next(chunk_pks), head.revision) for chunk in entry.chunks)
        connection.execute(sa.insert(schema.memories), parents)
        connection.execute(sa.insert(schema.chunks), pieces)
        connection.execute(ENQUEUE_NEW, {"of": head.scope, "at": head.revision})

    def _reserve(self, connection: sa.Connection, table: sa.Table, count: int) -> Sequence[int]:
        """Row numbers that no row ever had, so that children can be written without asking for their parents'."""
        if self._database.dialect == "postgresql":
            sequence = sa.func.pg_get_serial_sequence(table.name, "pk")
            drawn = sa.select(sa.func.nextval(sa.cast(sequence, sa.Text))).select_from(
                sa.func.generate_series(1, count)
            )
            return connection.scalars(drawn).all()
        # The writer's lock is held: nobody else draws meanwhile, and SQLite notes the highest number ever used.
        statement = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        last = connection.scalar(statement, {"name": table.name}) or 0
        return range(last + 1, last + 1 + count)
