"""How the record is written: one transaction a call, all of it or nothing."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from memgarden.errors import Conflict
from memgarden.paths import encode_path
from memgarden.records import RECORD, Entry, Head, ScopePath, to_micros, utc_now
from memgarden.store import schema
from memgarden.store.engine import Database
from memgarden.store.rows import chunk_row, memory_row
from memgarden.store.shift import check_shift
from memgarden.store.statement import OneOf, Session, Statement
from memgarden.upkeep import UPDATED, Cause, Removal

__all__ = ["KEPT_TOMBSTONES", "MIRRORED", "Writer", "prune"]

KEPT_TOMBSTONES = 1000  # the newest of a scope; an index that lags further behind is loaded anew, in milliseconds
PRUNED_EVERY = 64  # deletions of a scope, on average: counting its tombstones costs as much as a small write

memories, chunks, scopes, tombstones = schema.memories.c, schema.chunks.c, schema.scopes.c, schema.tombstones.c
DELETED, EXPIRED = Cause("deleted"), Cause("expired")

BUMP = Statement(
    sa.update(schema.scopes)
    .where(scopes.path == sa.bindparam("at"))
    .values(revision=scopes.revision + 1)
    .returning(scopes.pk, scopes.revision)
)
# As text: both databases know these words, and SQLAlchemy has a construct of its own for each.
FOUND = Statement(
    sa.text("INSERT INTO scopes (path, revision, floor) VALUES (:at, 0, 0) ON CONFLICT (path) DO NOTHING")
)
PLACE = Statement(sa.select(scopes.pk).where(scopes.path == sa.bindparam("at")))
HELD = Statement(
    sa.select(memories.id, memories.pk).where(memories.scope == sa.bindparam("of"), OneOf(memories.id, "ids"))
)
OVER = Statement(
    sa.select(memories.pk)
    .where(memories.scope == sa.bindparam("of"), memories.expires_at <= sa.bindparam("now"))
    .order_by(memories.pk)
    .limit(sa.bindparam("most"))
)
# The garden may be given a Chroma by another process at any time: each statement sees for itself whether it has one.
MIRRORED = sa.exists().where(schema.garden.c.key == "mirrored", schema.garden.c.value == "yes")
# By the memories' numbers; the scope is a condition, and as a sum no index is tempting for it.
GONE = (OneOf(chunks.memory, "pks"), chunks.scope + 0 == sa.bindparam("of"))
ENQUEUE_NEW = Statement(
    sa.insert(schema.outbox).from_select(
        ["op", "chunk", "scope"],
        sa.select(sa.literal_column("'upsert'"), chunks.pk, chunks.scope).where(
            chunks.scope == sa.bindparam("of"), chunks.revision == sa.bindparam("at"), MIRRORED
        ),
    )
)
ENQUEUE_GONE = Statement(
    sa.insert(schema.outbox).from_select(
        ["op", "chunk", "scope"],
        sa.select(sa.literal_column("'delete'"), chunks.pk, chunks.scope).where(*GONE, MIRRORED),
    )
)
BURY = Statement(
    sa.insert(schema.tombstones).from_select(
        ["scope", "revision", "chunk"],
        sa.select(chunks.scope, sa.cast(sa.bindparam("at"), sa.BigInteger), chunks.pk).where(*GONE),
    )
)
DELETE_CHUNKS = Statement(sa.delete(schema.chunks).where(*GONE))
DELETE_MEMORIES = Statement(
    sa.delete(schema.memories).where(OneOf(memories.pk, "pks"), memories.scope + 0 == sa.bindparam("of"))
)
# What a framework keeps as records changes with every turn of a chat, and is nobody's memory.
NOTED = ["scope", "id", "at", "since", "event", "detail"]
WHAT = (
    memories.scope,
    memories.id,
    sa.cast(sa.bindparam("now"), sa.BigInteger),
)
WHY = (sa.cast(sa.bindparam("event"), sa.String), sa.cast(sa.bindparam("detail"), sa.Text))
THESE = (OneOf(memories.pk, "pks"), memories.scope + 0 == sa.bindparam("of"), memories.kind != RECORD)
NOTE_END = Statement(
    sa.insert(schema.history).from_select(NOTED, sa.select(*WHAT, memories.stored_at, *WHY).where(*THESE))
)
NOTE_RETURN = Statement(sa.insert(schema.history).from_select(NOTED, sa.select(*WHAT, sa.null(), *WHY).where(*THESE)))
SURPLUS = Statement(
    sa.select(tombstones.revision)
    .where(tombstones.scope == sa.bindparam("of"))
    .order_by(tombstones.revision.desc(), tombstones.chunk.desc())
    .limit(1)
    .offset(KEPT_TOMBSTONES)
)
PRUNE = Statement(
    sa.delete(schema.tombstones).where(
        tombstones.scope == sa.bindparam("of"), tombstones.revision <= sa.bindparam("upto")
    )
)
RAISE_FLOOR = Statement(
    sa.update(schema.scopes).where(scopes.pk == sa.bindparam("of")).values(floor=sa.bindparam("upto"))
)
INSERT_MEMORY = Statement(sa.insert(schema.memories))
INSERT_CHUNK = Statement(sa.insert(schema.chunks))
LAST_NUMBERS = Statement(sa.select(sa.column("name"), sa.column("seq")).select_from(sa.table("sqlite_sequence")))
DRAWN = {
    table: Statement(
        sa.select(sa.func.nextval(sa.func.pg_get_serial_sequence(sa.text(f"'{table}'"), sa.text("'pk'")))).select_from(
            sa.func.generate_series(1, sa.cast(sa.bindparam("count"), sa.Integer))
        )
    )
    for table in ("memories", "chunks")
}


class Writer:
    """Writes to one garden's record, and to the outbox in the same transaction where the garden has a Chroma."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(
        self,
        path: ScopePath,
        entries: Sequence[Entry],
        expect: Mapping[str, int] | None = None,
        *,
        cause: Cause = UPDATED,
        drop: Sequence[Removal] = (),
    ) -> Head:
        """Store entries of distinct ids; those whose id the scope holds already are replaced whole, for `cause`.

        `drop` goes in the same transaction. `expect` gives the row number that each id of either must still have, and
        of an id that it does not name there must be no memory, else `Conflict`.
        """
        with self._database.write() as session:
            for why in (cause, *(gone.cause for gone in drop)):
                if why.shift:
                    check_shift(session, why.shift)
            head = _bump(session, path)
            ids = [*(entry.memory.id for entry in entries), *(id for gone in drop for id in gone.ids)]  # noqa: A001
            held = {} if head.revision == 1 else _held(session, head.scope, ids)
            if expect is not None and expect != held:
                raise Conflict(f"changed by somebody else meanwhile: {', '.join(map(repr, expect))}")
            for gone in drop:
                _remove(session, head, [held.pop(id) for id in gone.ids if id in held], gone.cause)  # noqa: A001
            if held:
                _remove(session, head, list(held.values()), cause)
            pks = _insert(session, head, entries)
            if cause.event == "restored":
                _note(session, NOTE_RETURN, head.scope, pks, cause)
        return head

    def delete(
        self, path: ScopePath, ids: Sequence[str], *, cause: Cause = DELETED, versions: Mapping[str, int] | None = None
    ) -> int:
        """Delete the memories of these ids; returns how many there were.

        With `versions` only those that still have this row number: what was changed meanwhile stays.
        """
        with self._database.write() as session:
            if cause.shift:
                check_shift(session, cause.shift)
            scope = session.value(PLACE, {"at": encode_path(path)})
            held = {} if scope is None else _held(session, scope, list(ids))
            if versions is not None:
                held = {id: pk for id, pk in held.items() if versions.get(id) == pk}  # noqa: A001
            if held:
                _remove(session, _bump(session, path), list(held.values()), cause)
        return len(held)

    def sweep(self, path: ScopePath, now: datetime, most: int) -> int:
        """Delete memories that have expired at `now`, at most so many; returns how many there were."""
        with self._database.write() as session:
            scope = session.value(PLACE, {"at": encode_path(path)})
            bounds = {"of": scope, "now": to_micros(now), "most": most}
            expired = [] if scope is None else [pk for (pk,) in session.rows(OVER, bounds)]
            if expired:
                _remove(session, _bump(session, path), expired, EXPIRED)
        return len(expired)


def _bump(session: Session, path: ScopePath) -> Head:
    """The scope with its next revision; made if there is none. From here on no other writer is in the scope."""
    at = {"at": encode_path(path)}
    row = session.row(BUMP, at)
    if row is None:
        session.run(FOUND, at)
        row = session.row(BUMP, at) or ()
    return Head(*row)


def _held(session: Session, scope: int, ids: list[str]) -> dict[str, int]:
    return dict(session.rows(HELD, {"of": scope, "ids": ids}))


def _remove(session: Session, head: Head, pks: list[int], cause: Cause) -> None:
    which = {"of": head.scope, "pks": pks}
    _note(session, NOTE_END, head.scope, pks, cause)
    session.run(BURY, which | {"at": head.revision})
    session.run(ENQUEUE_GONE, which)
    session.run(DELETE_CHUNKS, which)
    session.run(DELETE_MEMORIES, which)
    # By chance, so that it comes to it however short the processes live and whatever pattern the deletions have.
    if random.random() * PRUNED_EVERY < len(pks):
        prune(session, head.scope)


def _note(session: Session, how: Statement, scope: int, pks: list[int], cause: Cause) -> None:
    detail = json.dumps(cause.detail, ensure_ascii=False) if cause.detail else "{}"
    now = to_micros(utc_now())
    session.run(how, {"of": scope, "pks": pks, "now": now, "event": cause.event, "detail": detail})


def prune(session: Session, scope: int) -> None:
    """Drop a scope's tombstones but for the newest `KEPT_TOMBSTONES`."""
    upto = session.value(SURPLUS, {"of": scope})
    if upto is not None:
        session.run(PRUNE, {"of": scope, "upto": upto})
        session.run(RAISE_FLOOR, {"of": scope, "upto": upto})


def _insert(session: Session, head: Head, entries: Sequence[Entry]) -> list[int]:
    parents: list[dict[str, Any]] = []
    pieces: list[dict[str, Any]] = []
    memory_pks, chunk_pks = _draw(session, len(entries), sum(len(entry.chunks) for entry in entries))
    for entry, pk in zip(entries, memory_pks, strict=True):
        parent = memory_row(entry.memory, head.scope, pk)
        parents.append(parent)
        for chunk in entry.chunks:
            pieces.append(chunk_row(chunk, parent, chunk_pks[len(pieces)], head.revision))
    session.many(INSERT_MEMORY, parents)
    session.many(INSERT_CHUNK, pieces)
    session.run(ENQUEUE_NEW, {"of": head.scope, "at": head.revision})
    return list(memory_pks)


def _draw(session: Session, memories: int, chunks: int) -> tuple[Sequence[int], Sequence[int]]:
    """Row numbers that no row ever had, so that children can be written without asking for their parents'."""
    if session.dialect.name == "postgresql":
        wanted = {"memories": memories, "chunks": chunks}
        drawn = [[pk for (pk,) in session.rows(DRAWN[table], {"count": count})] for table, count in wanted.items()]
        return drawn[0], drawn[1]
    # The writer's lock is held: nobody else draws meanwhile, and SQLite notes the highest number ever used.
    last: dict[str, int] = dict(session.rows(LAST_NUMBERS, {}))
    first = {table: last.get(table, 0) + 1 for table in ("memories", "chunks")}
    return (
        range(first["memories"], first["memories"] + memories),
        range(first["chunks"], first["chunks"] + chunks),
    )
