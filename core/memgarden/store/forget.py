"""Takes memories out of the record for good: out of every table in small transactions, then out of its free pages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from memgarden.erasure import EVERYTHING, Bounds, Removed, Task
from memgarden.paths import decode_path, encode_path, prefix_range
from memgarden.records import ScopePath, utc_now
from memgarden.store import schema
from memgarden.store.engine import Database
from memgarden.store.statement import OneOf, Session, Statement
from memgarden.store.wipe import wipe

__all__ = ["SqlEraser", "fingerprint"]

AT_ONCE = 200  # memories a transaction, so that no writer waits long
ROWS_AT_ONCE = 2_000  # smaller rows

JOURNAL = "forget:"  # and a number of the task's own
DUE = "wipe due"

memories, chunks, scopes, history = schema.memories.c, schema.chunks.c, schema.scopes.c, schema.history.c
tombstones, retrievals, embeddings, fact = (
    schema.tombstones.c,
    schema.retrievals.c,
    schema.embeddings.c,
    schema.garden.c,
)
OF: sa.BindParameter[int] = sa.bindparam("of")
MOST: sa.BindParameter[int] = sa.bindparam("most")
PATH: sa.BindParameter[str] = sa.bindparam("path")
OLD = memories.pk <= sa.bindparam("upto", type_=sa.BigInteger)
NOTED_BEFORE = history.pk <= sa.bindparam("upto", type_=sa.BigInteger)

NOTE = Statement(sa.text("INSERT INTO garden (key, value) VALUES (:key, :value) ON CONFLICT (key) DO NOTHING"))
STRIKE = Statement(sa.delete(schema.garden).where(OneOf(fact.key, "keys")))
NOTED = Statement(
    sa.select(fact.key, fact.value).where(fact.key.like(sa.literal_column(f"'{JOURNAL}%'"))).order_by(fact.key)
)
HIGHEST = Statement(
    sa.select(
        sa.select(sa.func.max(memories.pk)).scalar_subquery(), sa.select(sa.func.max(history.pk)).scalar_subquery()
    )
)
IS_DUE = Statement(sa.select(fact.value).where(fact.key == sa.literal_column(f"'{DUE}'")))
HERE = Statement(sa.select(scopes.pk, scopes.path).where(scopes.path == PATH))
BELOW = Statement(
    sa.select(scopes.pk, scopes.path)
    .where((scopes.path == PATH) | ((scopes.path >= sa.bindparam("low")) & (scopes.path < sa.bindparam("high"))))
    .order_by(scopes.path)
)
# With its floor: no tombstones are left to tell an index what is gone, so each that lags behind is loaded anew.
BUMP = Statement(
    sa.update(schema.scopes)
    .where(scopes.pk == OF)
    .values(revision=scopes.revision + 1, floor=scopes.revision + 1)
    .returning(scopes.pk)
)
SOME = Statement(
    sa.select(memories.pk, memories.id, memories.text)
    .where(memories.scope == OF, OLD)
    .order_by(memories.pk)
    .limit(MOST)
)
NAMED = Statement(
    sa.select(memories.pk, memories.id, memories.text).where(memories.scope == OF, OLD, OneOf(memories.id, "ids"))
)
DROP_RETRIEVALS = Statement(sa.delete(schema.retrievals).where(OneOf(retrievals.memory, "pks")))
DROP_CHUNKS = Statement(
    sa.delete(schema.chunks).where(OneOf(chunks.memory, "pks"), chunks.scope + 0 == OF).returning(chunks.pk)
)
DROP_MEMORIES = Statement(sa.delete(schema.memories).where(OneOf(memories.pk, "pks"), memories.scope + 0 == OF))
DROP_TOMBSTONES = Statement(sa.delete(schema.tombstones).where(tombstones.scope == OF))
DROP_HISTORY = Statement(
    sa.delete(schema.history).where(history.scope == OF, NOTED_BEFORE, OneOf(history.id, "ids")).returning(history.pk)
)
SOME_HISTORY = sa.select(history.pk).where(history.scope == OF, NOTED_BEFORE).order_by(history.pk).limit(MOST)
DROP_SOME_HISTORY = Statement(sa.delete(schema.history).where(history.pk.in_(SOME_HISTORY)).returning(history.pk))
DROP_SCOPE = Statement(
    sa.delete(schema.scopes).where(
        scopes.pk == OF,
        ~sa.exists().where(memories.scope == scopes.pk),
        ~sa.exists().where(history.scope == scopes.pk),
    )
)
SOME_EMBEDDINGS = sa.select(embeddings.digest).limit(MOST)
DROP_EMBEDDINGS = Statement(
    sa.delete(schema.embeddings).where(embeddings.digest.in_(SOME_EMBEDDINGS)).returning(embeddings.digest)
)
DETAILS = Statement(
    sa.select(history.pk, history.event, history.detail)
    .where(
        history.scope == OF,
        NOTED_BEFORE,
        history.pk > sa.bindparam("after"),
        history.detail != sa.literal_column("'{}'"),
    )
    .order_by(history.pk)
    .limit(MOST)
)
MEND = Statement(
    sa.update(schema.history).where(history.pk == sa.bindparam("at")).values(detail=sa.bindparam("to", type_=sa.Text))
)
STRIKE_MARKS = Statement(sa.delete(schema.history).where(OneOf(history.pk, "pks")))
METADATA = Statement(
    sa.select(memories.pk, memories.metadata)
    .where(memories.scope == OF, memories.pk > sa.bindparam("after"), memories.metadata != sa.literal_column("'{}'"))
    .order_by(memories.pk)
    .limit(MOST)
)


def fingerprint(salt: str, path: ScopePath, id: str, text: str) -> bytes:
    """The sha256 of a memory that was forgotten, by which a copy of it that turns up can be told."""
    told = json.dumps([salt, path, id, text], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(told.encode()).digest()


class SqlEraser:
    """The `Eraser` of one garden's record."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, task: Task) -> Task:
        """Note the task in the journal; gives it with its bounds."""
        fields: dict[str, Any] = {"path": task.path, "ids": task.ids, "salt": task.salt, "began": utc_now().isoformat()}
        with self._database.write() as session:
            memories, history = (highest or 0 for highest in session.row(HIGHEST, {}) or (0, 0))
            fields |= {"memories": memories, "history": history}
            session.run(NOTE, {"key": JOURNAL + task.key, "value": json.dumps(fields)})
        return replace(task, bounds=Bounds(memories, history))

    def unfinished(self) -> list[Task]:
        """The tasks in the journal."""
        with self._database.read() as session:
            rows = session.rows(NOTED, {})
        return [_task(key.removeprefix(JOURNAL), json.loads(value)) for key, value in rows]

    def remove(self, task: Task) -> Removed:
        """Delete it from every table, and all cached embeddings, in small transactions."""
        removed = Removed()
        for of, path in self._places(task):
            if task.ids is None:
                removed = removed.plus(self._remove_scope(of, path, task))
            else:
                removed = removed.plus(self._remove_ids(of, path, task.ids, task))
        self._empty_cache()
        return removed

    def end(self, tasks: Sequence[Task]) -> None:
        """Strike tasks off the journal, whose pages are to be wiped with all others."""
        with self._database.write() as session:
            session.run(NOTE, {"key": DUE, "value": "yes"})
            session.run(STRIKE, {"keys": [JOURNAL + task.key for task in tasks]})

    def due(self) -> bool:
        """Whether free pages may still hold what was deleted."""
        with self._database.read() as session:
            return session.value(IS_DUE, {}) is not None

    def wipe(self) -> None:
        """Leave no free page and an empty log; `GardenBusy` where others are in the way."""
        wipe(self._database)
        with self._database.write() as session:
            session.run(STRIKE, {"keys": [DUE]})

    def _places(self, task: Task) -> list[tuple[int, ScopePath]]:
        low, high = prefix_range(task.path)
        at = {"path": encode_path(task.path)}
        with self._database.read() as session:
            rows = session.rows(BELOW, at | {"low": low, "high": high}) if task.ids is None else session.rows(HERE, at)
        return [(pk, decode_path(path)) for pk, path in rows]

    def _remove_scope(self, of: int, path: ScopePath, task: Task) -> Removed:
        removed, more = Removed(), True
        upto, noted_upto = task.bounds.memories, task.bounds.history
        while more:
            with self._database.write() as session:
                _zero_what_is_deleted(session)
                if session.row(BUMP, {"of": of}) is None:
                    break
                found = session.rows(SOME, {"of": of, "upto": upto, "most": AT_ONCE})
                chunks = _drop(session, of, [pk for pk, _, _ in found])
                bounds = {"of": of, "upto": noted_upto, "most": ROWS_AT_ONCE}
                noted = len(session.rows(DROP_SOME_HISTORY, bounds))
                more = len(found) == AT_ONCE or noted == ROWS_AT_ONCE
                if not more:
                    session.run(DROP_SCOPE, {"of": of})
            removed = removed.plus(_removed(found, path, task.salt, chunks, noted))
        return removed

    def _remove_ids(self, of: int, path: ScopePath, ids: Sequence[str], task: Task) -> Removed:
        removed = Removed()
        upto, noted_upto = task.bounds.memories, task.bounds.history
        for first in range(0, len(ids), AT_ONCE):
            part = list(ids[first : first + AT_ONCE])
            with self._database.write() as session:
                _zero_what_is_deleted(session)
                session.run(BUMP, {"of": of})
                found = session.rows(NAMED, {"of": of, "upto": upto, "ids": part})
                chunks = _drop(session, of, [pk for pk, _, _ in found])
                noted = len(session.rows(DROP_HISTORY, {"of": of, "upto": noted_upto, "ids": part}))
            removed = removed.plus(_removed(found, path, task.salt, chunks, noted))
        gone = frozenset(ids)
        struck = self._mend_history(of, gone, noted_upto)
        return removed._replace(history=removed.history + struck, named=self._naming(of, gone))

    def _mend_history(self, of: int, gone: frozenset[str], upto: int) -> int:
        """What became of other memories stays told, without the ids: as that one was merged, not into which.

        That one was similar to what is gone is told no more: without the id it says nothing. How many of those.
        """
        struck = 0
        after: int | None = 0
        while after is not None:
            with self._database.write() as session:
                _zero_what_is_deleted(session)
                page = session.rows(DETAILS, {"of": of, "upto": upto, "after": after, "most": ROWS_AT_ONCE})
                named = [(pk, event, told) for pk, event, detail in page if _names(told := json.loads(detail), gone)]
                marks = [pk for pk, event, _ in named if event == "similar"]
                session.run(STRIKE_MARKS, {"pks": marks})
                for pk, event, detail in named:
                    if event != "similar":
                        text = json.dumps(_without(detail, gone), ensure_ascii=False)
                        session.run(MEND, {"at": pk, "to": text})
            struck += len(marks)
            after = page[-1][0] if len(page) == ROWS_AT_ONCE else None
        return struck

    def _naming(self, of: int, gone: frozenset[str]) -> int:
        after: int | None = 0
        count = 0
        while after is not None:
            with self._database.read() as session:
                page = session.rows(METADATA, {"of": of, "after": after, "most": ROWS_AT_ONCE})
            count += sum(_names(json.loads(metadata), gone) for _, metadata in page)
            after = page[-1][0] if len(page) == ROWS_AT_ONCE else None
        return count

    def _empty_cache(self) -> None:
        more = True
        while more:
            with self._database.write() as session:
                _zero_what_is_deleted(session)
                more = bool(session.rows(DROP_EMBEDDINGS, {"most": ROWS_AT_ONCE}))


def _task(key: str, fields: dict[str, Any]) -> Task:
    ids = fields["ids"]
    bounds = EVERYTHING
    if "began" in fields:
        bounds = Bounds(fields["memories"], fields["history"], datetime.fromisoformat(fields["began"]))
    return Task(tuple(fields["path"]), None if ids is None else tuple(ids), key, fields["salt"], bounds)


def _removed(found: Sequence[Any], path: ScopePath, salt: str, chunks: int, noted: int) -> Removed:
    prints = tuple(fingerprint(salt, path, key, text) for _, key, text in found)
    return Removed(len(found), chunks, noted, prints)


def _drop(session: Session, of: int, pks: list[int]) -> int:
    """Delete memories with all that hangs on them; how many chunks there were."""
    which = {"of": of, "pks": pks}
    session.run(DROP_RETRIEVALS, {"pks": pks})
    chunks = len(session.rows(DROP_CHUNKS, which))
    session.run(DROP_MEMORIES, which)
    session.run(DROP_TOMBSTONES, {"of": of})
    return chunks


ZERO = Statement(sa.text("PRAGMA secure_delete = ON"))


def _zero_what_is_deleted(session: Session) -> None:
    # What is wiped later is cut off the file: the disk's own blocks should not hold it either.
    if session.dialect.name == "sqlite":
        session.rows(ZERO, {})


def _names(value: Any, gone: frozenset[str]) -> bool:
    """Whether a JSON value holds one of the strings anywhere."""
    if isinstance(value, str):
        return value in gone
    if isinstance(value, dict):
        return any(key in gone or _names(inner, gone) for key, inner in value.items())
    return isinstance(value, list) and any(_names(inner, gone) for inner in value)


def _without(value: Any, gone: frozenset[str]) -> Any:
    """The JSON value with null for each of these strings."""
    if isinstance(value, dict):
        return {key: _without(inner, gone) for key, inner in value.items() if key not in gone}
    if isinstance(value, list):
        return [_without(inner, gone) for inner in value]
    return None if isinstance(value, str) and value in gone else value
