"""The connection to the database: how it is opened, how a transaction begins, what its errors mean."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Any
from weakref import WeakSet

import sqlalchemy as sa
from sqlalchemy.pool import ConnectionPoolEntry

from memgarden.errors import GardenBusy, InvalidSetting, MemgardenError, MissingExtra, StorageError
from memgarden.store.statement import Session, Statement

__all__ = ["Database"]

PAGE_SIZE = 8192  # a chunk's row is about 2 KB: four to a page, where 4,096 would fit one and waste half
CHECKPOINT_PAGES = 4000  # 32 MB of log: a bulk load then checkpoints every 15,000 memories, not every 2,000
CACHE_KIB = 16_384
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, "55P03")
FULL = (sqlite3.SQLITE_FULL, "53100")
POOL = 8  # connections kept; more threads than that at once open more, which are closed when given back


class Database:
    """One database: `read()` for one statement, `snapshot()` for several of one moment, `write()` for a transaction."""

    def __init__(self, url: str | sa.URL, *, lock_timeout: float) -> None:
        """`url` is SQLAlchemy's; `lock_timeout`, in seconds, is how long a write waits for others."""
        self.lock_timeout = lock_timeout
        self.engine = _engine(url)
        self.dialect = self.engine.dialect.name
        sqlite = self.dialect == "sqlite"
        # SQLite lets one writer in at a time and makes the others poll; threads of this process queue here instead.
        self._queue = threading.Lock() if sqlite else None
        # A search asks for its scope's revision and for ten memories, and a tenth of its time was the pool's: so each
        # thread keeps a connection for such reads. It is in no transaction between them.
        self._own = threading.local()
        self._kept: WeakSet[_Kept] = WeakSet()
        self._begin_snapshot, self._begin_write = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", ""
        if sqlite:
            sa.event.listen(self.engine, "connect", self._prepare)
            # A deferred transaction that comes to write fails if someone wrote meanwhile; an immediate one waits first.
            self._begin_snapshot, self._begin_write = "BEGIN", "BEGIN IMMEDIATE"

    def _prepare(self, connection: Any, _: ConnectionPoolEntry) -> None:
        # sqlite3 would begin transactions on its own, too late for a snapshot; the methods below do it instead.
        connection.isolation_level = None
        if connection.execute("PRAGMA page_count").fetchone() == (0,):
            # Free pages can then be given back a few at a time. Of a database that is there already it would want the
            # lock.
            connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        for pragma in (
            f"busy_timeout = {int(self.lock_timeout * 1000)}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
            f"cache_size = -{CACHE_KIB}",
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")

    def read(self) -> contextlib.AbstractContextManager[Session]:
        """A session for one statement; two may see two states of the database."""
        if self._queue is None:
            return self._session("")
        kept: _Kept | None = getattr(self._own, "kept", None)
        if kept is None:
            kept = self._own.kept = _Kept(self)
            self._kept.add(kept)
        return kept

    def snapshot(self) -> contextlib.AbstractContextManager[Session]:
        """A session whose statements all see one state of the database."""
        return self._session(self._begin_snapshot)

    @contextlib.contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that commits when the block ends and leaves nothing behind when it raises.

        It has the writer's lock from its start (of the whole database in SQLite, of the scope that it bumps in
        PostgreSQL), so what it reads stays true until it commits.
        """
        if self._queue is not None and not self._queue.acquire(timeout=self.lock_timeout):
            raise self.busy("another thread")
        try:
            with self._session(self._begin_write) as session:
                yield session
                session.commit()
        finally:
            if self._queue is not None:
                self._queue.release()

    @contextlib.contextmanager
    def alone(self) -> Iterator[Session]:
        """A connection of its own without a transaction, for what can be part of none; threads that write wait.

        `GardenBusy` if somebody else is in the way for `lock_timeout`.
        """
        if self._queue is not None and not self._queue.acquire(timeout=self.lock_timeout):
            raise self.busy("another thread")
        connection = None
        try:
            connection = self.engine.raw_connection()
            if self.dialect == "postgresql":
                connection.driver_connection.autocommit = True  # type: ignore[union-attr]
            connection.detach()  # not the pool's any more: what it is told here is not for others
            session = Session(connection, self.engine.dialect, "")
            if self.dialect == "postgresql":
                session.run(Statement(sa.text(f"SET lock_timeout = {int(self.lock_timeout * 1000)}")), {})
            yield session
        except (sa.exc.DBAPIError, self.engine.dialect.loaded_dbapi.Error) as error:
            raise self.explanation(error) from error
        finally:
            if connection is not None:
                connection.close()
            if self._queue is not None:
                self._queue.release()

    @contextlib.contextmanager
    def upgrading(self) -> Iterator[sa.Connection]:
        """A connection of SQLAlchemy's, for migrations."""
        try:
            with self.engine.connect() as connection:
                yield connection
        except sa.exc.DBAPIError as error:
            raise self.explanation(error) from error

    @contextlib.contextmanager
    def _session(self, begin: str) -> Iterator[Session]:
        connection = None
        try:
            connection = self.engine.raw_connection()
            yield Session(connection, self.engine.dialect, begin)
        except (sa.exc.DBAPIError, self.engine.dialect.loaded_dbapi.Error) as error:
            raise self.explanation(error) from error
        finally:
            if connection is not None:
                self._give_back(connection, begin)

    def _give_back(self, connection: Any, begin: str) -> None:
        """To the pool, with nothing left to undo; a connection that cannot even do that is thrown away."""
        try:
            if begin:
                connection.rollback()
        except self.engine.dialect.loaded_dbapi.Error:
            connection.invalidate()
        finally:
            connection.close()

    def busy(self, who: str) -> GardenBusy:
        """The error that says who is in the way."""
        return GardenBusy(
            f"{who} has been writing to the garden for {self.lock_timeout:g} s: try again, or open it with a longer "
            "lock_timeout"
        )

    def explanation(self, error: BaseException) -> MemgardenError:
        """The error that tells a user what a driver's means."""
        error = getattr(error, "orig", None) or error
        # The driver's own code: a message may hold what users wrote.
        code = getattr(error, "sqlite_errorcode", None) or getattr(error, "sqlstate", None)
        if code in BUSY:
            return self.busy("another process")
        if code in FULL:
            return StorageError(f"the disk is full ({error}): free some space; nothing of this call was stored")
        return StorageError(f"the database refused: {error}")

    def close(self) -> None:
        """Give back every connection."""
        for kept in list(self._kept):
            kept.drop()
        self.engine.dispose()


class _Kept:
    """One thread's connection for single reads; given up at the first error."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.connection: Any = None
        self._session: Session | None = None

    def __enter__(self) -> Session:
        if self._session is None:
            try:
                self.connection = self._database.engine.raw_connection()
            except sa.exc.DBAPIError as error:
                raise self._database.explanation(error) from error
            self._session = Session(self.connection, self._database.engine.dialect, "")
        return self._session

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        self.drop()
        if isinstance(error, self._database.engine.dialect.loaded_dbapi.Error):
            raise self._database.explanation(error) from error

    def drop(self) -> None:
        """Back to the pool."""
        connection, self.connection, self._session = self.connection, None, None
        if connection is not None:
            connection.close()


def _engine(url: str | sa.URL) -> sa.Engine:
    """The engine of a database that a garden can be in; `InvalidSetting` or `MissingExtra` for any other."""
    try:
        kind = sa.make_url(url).get_backend_name()
        if kind == "sqlite":
            # Parameters go by name to every driver. Of SQLite's transactions there are only those that begin here, so
            # the pool need not end any.
            return sa.create_engine(url, pool_size=POOL, max_overflow=-1, paramstyle="named", pool_reset_on_return=None)
        if kind == "postgresql":
            return sa.create_engine(url, pool_size=POOL, max_overflow=-1, pool_pre_ping=True)
    except sa.exc.ArgumentError as error:
        raise InvalidSetting(f"{error}: a garden is in a folder or at postgresql+psycopg://...") from error
    except ModuleNotFoundError as error:
        if error.name != "psycopg":
            raise InvalidSetting(f"{error}: use postgresql+psycopg://...") from error
        raise MissingExtra("psycopg", "postgres") from error
    raise InvalidSetting(f"a garden is in SQLite or in PostgreSQL, not in {kind}")
