"""What maintenance reads of the record: profiles without text, versions as they were planned for, a memory's past."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from memgarden.paths import encode_path
from memgarden.records import Chunk, Entry, Importance, ScopePath, from_micros, to_micros
from memgarden.store import schema
from memgarden.store.engine import Database
from memgarden.store.read import LIVING, OF_MEMORIES
from memgarden.store.rows import MEMORY, to_chunk, to_memory
from memgarden.store.similar import note_similar
from memgarden.store.statement import OneOf, Row, Statement
from memgarden.upkeep import Event, Likeness, Move, Past, Profile

__all__ = ["SqlUpkeep"]

memories, scopes, retrievals, history = schema.memories.c, schema.scopes.c, schema.retrievals.c, schema.history.c

AWAY = frozenset({"archived", "merged", "summarised"})
FROM_MERGE: sa.ColumnElement[str] = sa.literal_column('\'%"from": "merged"%\'')
GONE = frozenset({"merged", "summarised", "archived", "deleted", "expired"})
PATH: sa.BindParameter[str] = sa.bindparam("path")
PLACE = sa.select(scopes.pk).where(scopes.path == PATH).scalar_subquery()
PROFILES = Statement(
    sa.select(
        memories.pk,
        memories.id,
        memories.kind,
        memories.importance,
        memories.tags,
        memories.created_at,
        memories.stored_at,
        memories.expires_at,
        retrievals.at,
        sa.select(sa.func.max(history.at))
        .where(
            history.scope == memories.scope,
            history.id == memories.id,
            history.event == sa.literal_column("'restored'"),
        )
        .scalar_subquery(),
    )
    .join_from(schema.memories, schema.retrievals, retrievals.memory == memories.pk, isouter=True)
    .where(*LIVING, memories.pk > sa.bindparam("after"))
    .order_by(memories.pk)
    .limit(sa.bindparam("limit"))
)
VERSIONS = Statement(
    sa.select(memories.pk, memories.scope, *MEMORY).where(OneOf(memories.pk, "pks"), memories.scope + 0 == PLACE)
)
HISTORY = Statement(
    sa.select(history.event, history.at, history.since, history.detail)
    .where(history.scope == PLACE, history.id == sa.bindparam("id"))
    .order_by(history.pk)
)
MOVES = Statement(
    sa.select(history.id, history.event, history.detail)
    .where(
        history.scope == PLACE,
        history.event.in_([sa.literal_column(f"'{event}'") for event in ("merged", "summarised", "restored")]),
        history.detail != sa.literal_column("'{}'"),  # those that others were merged into
    )
    .order_by(history.pk)
)
STORED = Statement(
    sa.select(memories.stored_at, memories.expires_at).where(memories.scope == PLACE, memories.id == sa.bindparam("id"))
)
NUMBERS = Statement(sa.select(memories.id, memories.pk).where(memories.scope == PLACE, OneOf(memories.id, "ids")))
UNMERGED = Statement(
    sa.select(history.id)
    .where(history.scope == PLACE, history.event == sa.literal_column("'restored'"), history.detail.like(FROM_MERGE))
    .distinct()
)
LATEST = sa.select(sa.func.max(history.pk)).where(history.scope == PLACE, OneOf(history.id, "ids")).group_by(history.id)
LAST = Statement(sa.select(history.id, history.event, history.detail).where(history.pk.in_(LATEST)))
# As text: both databases know these words, and SQLAlchemy has a construct of its own for each.
NOTE = Statement(
    sa.text(
        "INSERT INTO retrievals (memory, at) VALUES (:memory, :at) "
        "ON CONFLICT (memory) DO UPDATE SET at = excluded.at WHERE excluded.at > retrievals.at"
    )
)


class SqlUpkeep:
    """The `Upkeep` of one garden's record."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def profiles(self, path: ScopePath, after: int, limit: int, now: datetime) -> list[Profile]:
        """The next living memories with versions above `after`."""
        bounds = {"path": encode_path(path), "after": after, "limit": limit, "now": to_micros(now)}
        with self._database.read() as session:
            return [_profile(row) for row in session.rows(PROFILES, bounds)]

    def versions(self, path: ScopePath, versions: Sequence[int]) -> Mapping[int, Entry]:
        """The memories of these versions with their chunks; those changed or deleted since are missing."""
        with self._database.snapshot() as session:
            rows = session.rows(VERSIONS, {"path": encode_path(path), "pks": list(versions)})
            if not rows:
                return {}
            of = {"memories": [row[0] for row in rows], "scope": rows[0][1]}
            pieces: dict[int, list[Chunk]] = {}
            for memory, *piece in session.rows(OF_MEMORIES, of):
                pieces.setdefault(memory, []).append(to_chunk(tuple(piece)))
        return {row[0]: Entry(to_memory(row[2:]), pieces.get(row[0], [])) for row in rows}

    def history(self, path: ScopePath, id: str) -> list[Past]:
        """What became of the memories that had this id, oldest first.

        That one was added is not noted: it follows from when the version that ended first was stored, or the living
        one where none has ended since there was none.
        """
        of = {"path": encode_path(path), "id": id}
        with self._database.snapshot() as session:
            noted, stored = session.rows(HISTORY, of), session.row(STORED, of)
        past: list[Past] = []
        there = False
        for event, at, since, detail in noted:
            if not there and since is not None:
                past.append(Past("added", from_micros(since)))
            past.append(Past(event, from_micros(at), json.loads(detail)))
            there = event not in GONE or (event == "merged" and "into" not in json.loads(detail))
        if stored is not None and not there:
            past.append(Past("added", from_micros(stored[0])))
        return past

    def unmerged(self, path: ScopePath) -> set[str]:
        """The ids of memories that came back after they had been merged into others."""
        with self._database.read() as session:
            return {id for (id,) in session.rows(UNMERGED, {"path": encode_path(path)})}  # noqa: A001

    def archived(self, path: ScopePath, ids: Sequence[str]) -> set[str]:
        """Those of these ids whose last memory went to an archive, whatever it was that sent it there."""
        with self._database.read() as session:
            rows = session.rows(LAST, {"path": encode_path(path), "ids": list(ids)})
        return {id for id, event, detail in rows if event in AWAY and "archive" in json.loads(detail)}  # noqa: A001

    def moves(self, path: ScopePath) -> list[Move]:
        """What was merged, summarised or restored in the scope, oldest first."""
        with self._database.read() as session:
            rows = session.rows(MOVES, {"path": encode_path(path)})
        return [_move(id, event, json.loads(detail)) for id, event, detail in rows]  # noqa: A001

    def note_retrievals(self, path: ScopePath, found: Mapping[str, datetime]) -> None:
        """Keep when the memories of these ids were last found."""
        with self._database.write() as session:
            numbers = session.rows(NUMBERS, {"path": encode_path(path), "ids": list(found)})
            session.many(NOTE, [{"memory": pk, "at": to_micros(found[id])} for id, pk in numbers])  # noqa: A001

    def note_similar(self, path: ScopePath, pairs: Sequence[Likeness], shift: str) -> int:
        """Tell of each pair in the history of the first, under the shift of that token; how many were not told before.

        A memory's own are told of no more than `NOTED_AT_MOST`, those that come first.
        """
        return note_similar(self._database, path, pairs, shift)


def _move(id: str, event: Event, detail: Mapping[str, Any]) -> Move:
    return (
        Move(id, event, None, None)
        if event == "restored"
        else Move(id, event, detail.get("into"), detail.get("archive"))
    )


def _profile(row: Row) -> Profile:
    pk, id, kind, importance, tags, created_at, stored_at, *times = row  # noqa: A001
    expires_at, retrieved_at, restored_at = (None if time is None else from_micros(time) for time in times)
    return Profile(
        version=pk,
        id=id,
        kind=kind,
        importance=Importance(importance),
        tags=tuple(json.loads(tags)) if tags != "[]" else (),
        created_at=from_micros(created_at),
        stored_at=from_micros(stored_at),
        expires_at=expires_at,
        retrieved_at=retrieved_at,
        restored_at=restored_at,
    )
