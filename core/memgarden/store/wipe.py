"""Leaves no free page in the database and nothing in its log: what was deleted is then in none of its files."""

from __future__ import annotations

import sqlalchemy as sa

from memgarden.store.engine import Database
from memgarden.store.statement import Statement

__all__ = ["TABLES", "checkpoint", "wipe"]

TABLES = ("memories", "chunks", "tombstones", "history", "retrievals", "scopes", "embeddings", "outbox", "garden")
INCREMENTAL = Statement(sa.text("PRAGMA auto_vacuum = INCREMENTAL"))
ON_DISK = Statement(sa.text("PRAGMA temp_store = FILE"))
VACUUM = Statement(sa.text("VACUUM"))
CHECKPOINT = {mode: Statement(sa.text(f"PRAGMA wal_checkpoint({mode})")) for mode in ("PASSIVE", "TRUNCATE")}
# The statistics are made anew as well: they hold values of the rows.
REWRITE = [Statement(sa.text(f"VACUUM (FULL, ANALYZE) {table}")) for table in TABLES]


def wipe(database: Database) -> None:
    """Write the database anew without its free pages; needs as much room on the disk again, and holds up writers.

    One that was made before free pages could be given back a few at a time can from here on. `GardenBusy` if others
    were in the way for the database's `lock_timeout`.
    """
    if database.dialect == "postgresql":
        for statement in REWRITE:
            with database.alone() as session:
                session.run(statement, {})
        return
    with database.alone() as session:
        session.run(INCREMENTAL, {})  # which VACUUM makes true, of a database in WAL mode too
        session.run(ON_DISK, {})  # or the whole database would be in memory meanwhile
        session.run(VACUUM, {})
    if not checkpoint(database, "TRUNCATE"):
        raise database.busy("somebody else")


def checkpoint(database: Database, mode: str, wait: float | None = None) -> bool:
    """Bring SQLite's log into the database and, with `TRUNCATE`, empty it; whether nobody was in the way.

    It waits for others at most `wait` seconds, or the database's `lock_timeout`.
    """
    with database.alone() as session:
        if wait is not None:
            session.rows(Statement(sa.text(f"PRAGMA busy_timeout = {int(wait * 1000)}")), {})
        busy, *_ = session.row(CHECKPOINT[mode], {}) or (0,)
    return not busy
