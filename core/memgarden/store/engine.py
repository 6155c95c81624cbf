"""The connection to the database: how it is opened, how a transaction begins, what its errors mean."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import ConnectionPoolEntry

from memgarden.errors import GardenBusy, StorageError

__all__ = ["Database"]

PAGE_SIZE = 8192  # a chunk's row is about 2 KB: four to a page, where 4,096 would fit one and waste half
CHECKPOINT_PAGES = 4000  # 32 MB of log: a bulk load then checkpoints every 15,000 memories, not every 2,000
CACHE_KIB = 16_384
BEGIN = "memgarden_begin"


class Database:
    """One database: `read()` for one statement, `snapshot()` for several of one moment, `write()` for a transaction."""

    def __init__(self, url: str, *, lock_timeout: float) -> None:
        """`url` is SQLAlchemy's; `lock_timeout`, in seconds, is how long a write waits for another process."""
        self.lock_timeout = lock_timeout
        self.engine = sa.create_engine(url, pool_size=8, max_overflow=56)
        self.dialect = self.engine.dialect.name
        # Views of one engine and its pool: the option tells `_begin` how a transaction is to begin.
        self._reader = self.engine
        self._snapshot = self.engine.execution_options(**{BEGIN: "DEFERRED"})
        self._writer = self.engine.execution_options(**{BEGIN: "IMMEDIATE"})
        # SQLite lets one writer in at a time and makes the others poll; threads of this process queue here instead.
        self._writing = threading.Lock() if self.dialect == "sqlite" else contextlib.nullcontext()
        if self.dialect == "sqlite":
            sa.event.listen(self.engine, "connect", self._prepare)
            sa.event.listen(self.engine, "begin", _begin)
        else:
            self._snapshot = self._snapshot.execution_options(isolation_level="REPEATABLE READ")

    def _prepare(self, connection: Any, _: ConnectionPoolEntry) -> None:
        # sqlite3 would begin transactions on its own, too late for a snapshot; `_begin` does it instead.
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout = {int(self.lock_timeout * 1000)}",
            f"page_size = {PAGE_SIZE}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
            f"cache_size = -{CACHE_KIB}",
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection for one statement; two may see two states of the database."""
        with self._explained(), self._reader.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[sa.Connection]:
        """A connection whose statements all see one state of the database."""
        with self._explained(), self._snapshot.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that commits when the block ends and leaves nothing behind when it raises.

        It has the writer's lock from its start, so what it reads stays true until it commits.
        """
        with self._explained(), self._writing, self._writer.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.OperationalError as error:
            reason = str(error.orig)
            if "locked" in reason or "busy" in reason:
                raise GardenBusy(
                    f"another process has been writing to the garden for {self.lock_timeout:g} s: try again, or open "
                    "it with a longer lock_timeout"
                ) from error
            if "full" in reason:
                raise StorageError(
                    f"the disk is full ({reason}): free some space; nothing of this call was stored"
                ) from error
            raise StorageError(f"the database refused: {reason}") from error
        except sa.exc.DatabaseError as error:
            raise StorageError(f"the database is damaged or refused: {error.orig}") from error

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


def _begin(connection: sa.Connection) -> None:
    # A deferred transaction that comes to write fails if someone wrote meanwhile; an immediate one waits first.
    if mode := connection.get_execution_options().get(BEGIN):
        connection.exec_driver_sql(f"BEGIN {mode}")
