"""A copy of the record as it is at one moment, made while others read and write it.

SQLite's online backup, https://www.sqlite.org/backup.html: in one step, since writers make one in several steps begin
anew; with a write-ahead log it keeps nobody waiting.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from memgarden.errors import InvalidSetting, StorageError
from memgarden.store.engine import Database

__all__ = ["copy_record"]

UNFINISHED = ".unfinished"


def copy_record(database: Database, target: Path) -> None:
    """Write the record to the file `target`, which must not be there; it is there whole or not at all.

    The copy has no Chroma of its own yet: it is given everything when it is first opened with one.
    """
    if database.dialect != "sqlite":
        raise InvalidSetting("a garden in PostgreSQL is backed up with pg_dump, and restored with pg_restore")
    if target.exists():
        raise StorageError(f"{target} is there already: choose a folder without a garden")
    unfinished = target.with_name(target.name + UNFINISHED)
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished.unlink(missing_ok=True)
        with contextlib.closing(database.engine.raw_connection()) as source:
            own = source.driver_connection
            if not isinstance(own, sqlite3.Connection):
                raise InvalidSetting("this SQLite driver cannot back up: copy the folder while nobody has it open")
            with contextlib.closing(sqlite3.connect(unfinished)) as copy:
                own.backup(copy)
                with copy:
                    copy.execute("DELETE FROM outbox")
                    copy.execute("UPDATE garden SET value = 'no' WHERE key = 'mirrored'")
                    copy.execute("DELETE FROM garden WHERE key = 'maintenance'")  # nobody maintains the copy
                copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        _sync(unfinished)
        unfinished.replace(target)
        _sync(target.parent)
    except (OSError, sqlite3.Error) as error:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        if isinstance(error, sqlite3.Error):
            raise database.explanation(error) from error
        raise StorageError(f"{target} cannot be written ({error}): choose another place") from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
