"""Numbered migrations: each takes a database from the version before it to its own; none is ever edited."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from memgarden.errors import SchemaTooNew
from memgarden.store import schema
from memgarden.store.engine import Database

__all__ = ["VERSION", "migrate"]


def _create(connection: sa.Connection) -> None:
    schema.metadata.create_all(connection)


MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = (_create,)
VERSION = len(MIGRATIONS)


def migrate(database: Database) -> None:
    """Bring the database to `VERSION`; `SchemaTooNew` if it is past it."""
    with database.read() as connection:
        version = _version(connection)
    if version == VERSION:
        return
    with database.write() as connection:
        if database.dialect == "postgresql":  # two processes that create one garden: the second waits here
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(0x6D656D67)))
        version = _version(connection)
        if version > VERSION:
            raise SchemaTooNew(
                f"this garden has schema {version} and this memgarden knows up to {VERSION}: "
                "run `pip install --upgrade memgarden`"
            )
        for step in MIGRATIONS[version:]:
            step(connection)
        connection.execute(schema.garden.delete().where(schema.garden.c.key == "schema"))
        connection.execute(schema.garden.insert(), {"key": "schema", "value": str(VERSION)})


def _version(connection: sa.Connection) -> int:
    if not sa.inspect(connection).has_table(schema.garden.name):
        return 0
    value = connection.scalar(sa.select(schema.garden.c.value).where(schema.garden.c.key == "schema"))
    return int(value) if value else 0
