"""What the garden knows of itself: its id, its embedder, its language; settled when it is made."""

from __future__ import annotations

import json
from collections.abc import Mapping

import sqlalchemy as sa

from memgarden.store import schema
from memgarden.store.engine import Database
from memgarden.store.statement import Session, Statement

__all__ = ["change_fact", "note_archives", "noted_archives", "read_facts", "settle_facts"]

fact = schema.garden.c
ALL = Statement(sa.select(fact.key, fact.value))
# As text: both databases know these words. In PostgreSQL two that settle at once wait here for one another.
SETTLE = Statement(sa.text("INSERT INTO garden (key, value) VALUES (:key, :value) ON CONFLICT (key) DO NOTHING"))
CHANGE = Statement(sa.update(schema.garden).where(fact.key == sa.bindparam("at")).values(value=sa.bindparam("to")))

ARCHIVES = "archives"
OF_ARCHIVES = Statement(sa.select(fact.value).where(fact.key == sa.literal_column(f"'{ARCHIVES}'")))


def read_facts(database: Database) -> dict[str, str]:
    """Everything that is settled, by key."""
    with database.read() as session:
        return dict(session.rows(ALL, {}))


def change_fact(session: Session, key: str, value: str) -> None:
    """Give a settled fact another value, as part of a transaction."""
    session.run(CHANGE, {"at": key, "to": value})


def settle_facts(database: Database, facts: Mapping[str, str]) -> dict[str, str]:
    """Settle those of `facts` that are not yet, and return everything that is: the first to come decides."""
    settled = read_facts(database)
    if facts.keys() <= settled.keys():
        return settled
    with database.write() as session:
        session.many(SETTLE, [{"key": key, "value": value} for key, value in facts.items()])
    return read_facts(database)


def note_archives(database: Database, folder: str) -> None:
    """Keep that archives were written to this folder, beside all others that are noted."""
    if folder in noted_archives(database):
        return
    with database.write() as session:
        held = session.value(OF_ARCHIVES, {})
        folders = json.dumps(sorted({*json.loads(held or "[]"), folder}))
        if held is None:
            session.run(SETTLE, {"key": ARCHIVES, "value": folders})
        else:
            change_fact(session, ARCHIVES, folders)


def noted_archives(database: Database) -> list[str]:
    """The folders in which there are, or were, archives of the garden."""
    with database.read() as session:
        return list(json.loads(session.value(OF_ARCHIVES, {}) or "[]"))
