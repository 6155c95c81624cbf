"""Statements: written in SQLAlchemy Core, compiled once for the database at hand, run without its per-call machinery.

A durable add is nine statements and may take a millisecond in all; Core's execution costs 30 to 50 us of that for each,
the database's own part 5 to 15 (measured, as ratios, side by side).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

__all__ = ["OneOf", "Row", "Session", "Statement"]

Row = tuple[Any, ...]


class Statement:
    """A Core statement with named parameters; give lists to those that `OneOf` reads."""

    def __init__(self, core: sa.sql.expression.Executable) -> None:
        self._core = core
        self._compiled: dict[str, tuple[str, dict[str, Any]]] = {}

    def compiled(self, dialect: Dialect) -> tuple[str, dict[str, Any]]:
        """The SQL of this statement in the words of `dialect`, and the constants in it, which are parameters too."""
        found = self._compiled.get(dialect.name)
        if found is None:
            core = self._core.compile(dialect=dialect)  # type: ignore[attr-defined]
            constants = {name: value for name, value in core.params.items() if value is not None}
            found = self._compiled[dialect.name] = (str(core), constants)
        return found


class Session:
    """One connection within one transaction. Names in `params` are those of the statement's parameters."""

    def __init__(self, connection: Any, dialect: Dialect, begin: str) -> None:
        """`connection` is the driver's (DB-API 2.0); `begin` begins its transaction, unless empty."""
        self.dialect = dialect
        self._connection = connection
        self._cursor = connection.cursor()
        self._lists_as_json = dialect.name == "sqlite"
        if begin:
            self._cursor.execute(begin)

    def rows(self, statement: Statement, params: Mapping[str, Any]) -> list[Any]:
        """Every row, as tuples in the order of the statement's columns."""
        self._execute(statement, params)
        rows: list[Any] = self._cursor.fetchall()
        return rows

    def parts(self, statement: Statement, params: Mapping[str, Any], size: int) -> Iterator[list[Any]]:
        """Every row, at most `size` at a time; to be read to its end."""
        self._execute(statement, params)
        while part := self._cursor.fetchmany(size):
            yield part

    def row(self, statement: Statement, params: Mapping[str, Any]) -> Row | None:
        """The first row, or None."""
        rows = self.rows(statement, params)  # all of them: a statement left half read would hold its snapshot open
        return rows[0] if rows else None

    def value(self, statement: Statement, params: Mapping[str, Any]) -> Any:
        """The first value of the first row, or None."""
        row = self.row(statement, params)
        return None if row is None else row[0]

    def run(self, statement: Statement, params: Mapping[str, Any]) -> None:
        """Execute for its effect."""
        self._execute(statement, params)

    def many(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute once a row."""
        if rows:
            self._cursor.executemany(statement.compiled(self.dialect)[0], rows)

    def commit(self) -> None:
        """Make what was written last."""
        self._connection.commit()

    def _execute(self, statement: Statement, params: Mapping[str, Any]) -> None:
        if self._lists_as_json:
            params = {key: json.dumps(value) if type(value) is list else value for key, value in params.items()}
        text, constants = statement.compiled(self.dialect)
        self._cursor.execute(text, {**constants, **params} if constants else params)


class OneOf(sa.sql.expression.ColumnElement[bool]):
    """`column` is one of the values of a list, of any length, that is one parameter."""

    inherit_cache = False
    # Of no type: a boolean would be written as `... = 1` for SQLite, which then uses no index for it.
    type = sa.types.NullType()  # type: ignore[assignment]

    def __init__(self, column: sa.sql.expression.ColumnElement[Any], parameter: str) -> None:
        self.column = column
        self.parameter: sa.BindParameter[Any] = sa.bindparam(parameter)


@compiles(OneOf)
def _any(element: OneOf, compiler: SQLCompiler, **options: Any) -> str:
    return f"{compiler.process(element.column, **options)} = ANY({compiler.process(element.parameter, **options)})"


@compiles(OneOf, "sqlite")
def _json_each(element: OneOf, compiler: SQLCompiler, **options: Any) -> str:
    column, parameter = (compiler.process(part, **options) for part in (element.column, element.parameter))
    return f"{column} IN (SELECT value FROM json_each({parameter}))"
