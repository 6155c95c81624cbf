"""What the garden knows of itself: its id, its embedder, its language; settled when it is made."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from memgarden.store import schema
from memgarden.store.engine import Database

__all__ = ["change_fact", "read_facts", "settle_facts"]


def read_facts(database: Database) -> dict[str, str]:
    """Everything that is settled, by key."""
    with database.read() as connection:
        rows = connection.execute(sa.select(schema.garden.c.key, schema.garden.c.value))
        return {row.key: row.value for row in rows}


def change_fact(connection: sa.Connection, key: str, value: str) -> None:
    """Give a settled fact another value, as part of a transaction."""
    connection.execute(sa.update(schema.garden).where(schema.garden.c.key == key).values(value=value))


def settle_facts(database: Database, facts: Mapping[str, str]) -> dict[str, str]:
    """Settle those of `facts` that are not yet, and return everything that is: the first to come decides."""
    settled = read_facts(database)
    if facts.keys() <= settled.keys():
        return settled
    with database.write() as connection:
        rows = connection.execute(sa.select(schema.garden.c.key, schema.garden.c.value))
        settled = {row.key: row.value for row in rows}
        new = {key: value for key, value in facts.items() if key not in settled}
        if new:
            connection.execute(sa.insert(schema.garden), [{"key": key, "value": value} for key, value in new.items()])
    return settled | new
