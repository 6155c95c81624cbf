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


def _turns(connection: sa.Connection) -> None:
    # What was stored before is searched as documents are, until it is added again.
    columns = (schema.chunks.c.session, schema.chunks.c.speaker, schema.chunks.c.stated)
    held = {column["name"] for column in sa.inspect(connection).get_columns(schema.chunks.name)}
    for column in columns:
        if column.name not in held:  # the first migration creates the tables as they now are
            definition = sa.schema.CreateColumn(column).compile(connection)
            connection.execute(sa.text(f"ALTER TABLE {schema.chunks.name} ADD COLUMN {definition}"))
    schema.chunks_by_session.create(connection, checkfirst=True)


def _large_scopes(connection: sa.Connection) -> None:
    # A database made by the first migration of this version has them already: it creates the tables as they now are.
    for table, column in ((schema.scopes, schema.scopes.c.own), (schema.outbox, schema.outbox.c.scope)):
        if column.name not in {held["name"] for held in sa.inspect(connection).get_columns(table.name)}:
            definition = sa.schema.CreateColumn(column).compile(connection)
            connection.execute(sa.text(f"ALTER TABLE {table.name} ADD COLUMN {definition}"))
    for index in schema.outbox.indexes:
        index.create(connection, checkfirst=True)


MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = (_create, _turns, _large_scopes)
VERSION = len(MIGRATIONS)
ADVISORY_LOCK = 0x6D656D67  # "memg": two processes that make one PostgreSQL garden at once queue behind it


def migrate(database: Database) -> None:
    """Bring the database to `VERSION`; `SchemaTooNew` if it is past it."""
    with database.upgrading() as connection:
        version = _version(connection)
        if version > VERSION:
            raise SchemaTooNew(
                f"this garden has schema {version} and this memgarden knows up to {VERSION}: "
                "run `pip install --upgrade memgarden`"
            )
        if version == VERSION:
            return
        if database.dialect == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ADVISORY_LOCK)))
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        for step in MIGRATIONS[_version(connection) :]:  # asked again, now that nobody else can be at it
            step(connection)
        connection.execute(schema.garden.delete().where(schema.garden.c.key == "schema"))
        connection.execute(schema.garden.insert(), {"key": "schema", "value": str(VERSION)})
        connection.commit()


def _version(connection: sa.Connection) -> int:
    if not sa.inspect(connection).has_table(schema.garden.name):
        return 0
    value = connection.scalar(sa.select(schema.garden.c.value).where(schema.garden.c.key == "schema"))
    return int(value) if value else 0
