"""What the garden knows of itself: its id, its embedder, its language; settled when it is made."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from memgarden.store import schema
from memgarden.store.engine import Database
from memgarden.store.statement import Session, Statement

__all__ = ["change_fact", "read_facts", "settle_facts"]

fact = schema.garden.c
ALL = Statement(sa.select(fact.key, fact.value))
# As text: both databases know these words. In PostgreSQL two that settle at once wait here for one another.
SETTLE = Statement(sa.text("INSERT INTO garden (key, value) VALUES (:key, :value) ON CONFLICT (key) DO NOTHING"))
CHANGE = Statement(sa.update(schema.garden).where(fact.key == sa.bindparam("at")).values(value=sa.bindparam("to")))


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
