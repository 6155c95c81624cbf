"""One drainer for a garden in PostgreSQL: of two that promote a scope at once, one empties what the other filled."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from memgarden.store.engine import Database
from memgarden.store.statement import Session, Statement

__all__ = ["SqlLease"]

KEY = 0x6D656D64  # "memd"; locks are the database's own, so gardens do not meet
TAKE = Statement(sa.select(sa.func.pg_try_advisory_lock(sa.literal_column(str(KEY)))))
ALIVE = Statement(sa.select(sa.literal_column("1")))


class SqlLease:
    """A lock that the server holds for a connection, and lets go of when it or the process ends."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Any = None

    def try_acquire(self) -> bool:
        """Whether this object has it now; never waits. `StorageError` if the server cannot be asked."""
        if self._connection is None:
            connection = self._asked(None)
            if connection is None:
                return False
            self._connection = connection
            return True
        try:
            self._asked(self._connection)
        except OSError:
            self.release()  # lost with the connection
            raise
        return True

    def release(self) -> None:
        """Let go; without it, nothing happens."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def holder(self) -> str:
        """Who has it, in words."""
        return "another process"

    def _asked(self, connection: Any) -> Any:
        """The connection that has it: a new one if None is given, None if somebody else has it."""
        engine, held = self._database.engine, connection is not None
        try:
            if not held:
                connection = engine.raw_connection()
                connection.detach()  # not the pool's any more: closed, it is closed
            session = Session(connection, engine.dialect, "")
            found = session.value(ALIVE if held else TAKE, {})
            session.commit()
        except (sa.exc.DBAPIError, engine.dialect.loaded_dbapi.Error) as error:
            if not held and connection is not None:
                connection.close()
            raise self._database.explanation(error) from error
        if not found:
            connection.close()
            return None
        return connection
