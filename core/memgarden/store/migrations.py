"""Numbered migrations: each takes a database from the version before it to its own; none is ever edited."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from memgarden.errors import SchemaTooNew
from memgarden.records import NEVER
from memgarden.store import schema
from memgarden.store.engine import Database
from memgarden.store.rows import PACKED

__all__ = ["VERSION", "migrate"]

COPIED = 10_000  # rows at a time
OWN_LANGUAGE = 0  # before version 4 a garden had one


def _create(connection: sa.Connection) -> None:
    schema.metadata.create_all(connection)


def _turns(connection: sa.Connection) -> None:
    # What was stored before is searched as documents are, until it is added again.
    if _old_chunks(connection):
        for name in ("session", "speaker", "stated"):
            connection.execute(sa.text(f"ALTER TABLE chunks ADD COLUMN {name} BIGINT"))
        schema.chunks_by_session.create(connection, checkfirst=True)


def _large_scopes(connection: sa.Connection) -> None:
    # A database made by the first migration of this version has them already: it creates the tables as they now are.
    for table, column in ((schema.scopes, schema.scopes.c.own), (schema.outbox, schema.outbox.c.scope)):
        if column.name not in {held["name"] for held in sa.inspect(connection).get_columns(table.name)}:
            definition = sa.schema.CreateColumn(column).compile(connection)
            connection.execute(sa.text(f"ALTER TABLE {table.name} ADD COLUMN {definition}"))
    for index in schema.outbox.indexes:
        index.create(connection, checkfirst=True)


def _packed_rows(connection: sa.Connection) -> None:
    """What an index knows of a chunk moves from columns into one value, so the table is written anew."""
    if not _old_chunks(connection):
        return
    last = _last_number(connection, "chunks")
    for index in schema.chunks.indexes:
        index.drop(connection, checkfirst=True)
    connection.execute(sa.text("ALTER TABLE chunks RENAME TO old_chunks"))
    schema.chunks.create(connection)
    integers = ("pk", "memory", "start", "end", "created_at", "expires_at", "session", "speaker", "stated", "length")
    before = sa.table("old_chunks", *map(sa.column, (*integers, "scope", "revision", "postings", "vector")))
    columns, at = before.c, 0
    page = sa.select(before).where(columns.pk > sa.bindparam("at")).order_by(columns.pk).limit(COPIED)
    while rows := connection.execute(page, {"at": at}).mappings().all():
        connection.execute(
            schema.chunks.insert(),
            [
                {name: row[name] for name in ("pk", "scope", "memory", "revision", "session", "created_at")}
                | {"postings": row["postings"], "vector": row["vector"]}
                | {"packed": PACKED.pack(*(_packable(name, row[name]) for name in integers), OWN_LANGUAGE)}
                for row in rows
            ],
        )
        at = rows[-1]["pk"]
    connection.execute(sa.text("DROP TABLE old_chunks"))
    _set_last_number(connection, "chunks", last)  # a number that a deleted chunk had must not come again


def _upkeep(connection: sa.Connection) -> None:
    schema.metadata.create_all(connection, tables=[schema.history, schema.retrievals])


def _packable(name: str, value: int | None) -> int:
    if value is None:
        return NEVER if name == "expires_at" else 0
    return value


def _old_chunks(connection: sa.Connection) -> bool:
    """Whether the chunks' table is that of versions 1 to 3; the first migration creates all tables as they now are."""
    return "start" in {column["name"] for column in sa.inspect(connection).get_columns(schema.chunks.name)}


def _last_number(connection: sa.Connection, table: str) -> int:
    """The highest row number that the table ever gave out."""
    if connection.dialect.name == "postgresql":
        sequence = connection.scalar(sa.text("SELECT pg_get_serial_sequence(:table, 'pk')"), {"table": table})
        return int(connection.scalar(sa.text(f"SELECT last_value FROM {sequence}")) or 0)
    return int(connection.scalar(sa.text("SELECT seq FROM sqlite_sequence WHERE name = :table"), {"table": table}) or 0)


def _set_last_number(connection: sa.Connection, table: str, last: int) -> None:
    if connection.dialect.name == "postgresql":
        text = "SELECT setval(pg_get_serial_sequence(:table, 'pk'), :last)"
        connection.execute(sa.text(text), {"table": table, "last": max(last, 1)})
        return
    connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :table"), {"table": table})
    connection.execute(
        sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)"), {"table": table, "last": last}
    )


MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = (_create, _turns, _large_scopes, _packed_rows, _upkeep)
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
            schema.partial_indexes(database.dialect)
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
