"""What of the record is not needed, and how it is given back a little at a time. It is looked for without a lock."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from memgarden.records import to_micros
from memgarden.store import schema
from memgarden.store.engine import Database
from memgarden.store.statement import OneOf, Statement
from memgarden.store.wipe import checkpoint, wipe
from memgarden.store.write import KEPT_TOMBSTONES, prune
from memgarden.surplus import Bounds, Size, Surplus

__all__ = ["SqlCompactor"]

BRIEF = 0.1
"""Seconds for which the log's emptying waits for readers, while writers wait for it."""

ROW = 60  # bytes about, of a small row with its place in an index

history, retrievals, embeddings = schema.history.c, schema.retrievals.c, schema.embeddings.c
tombstones = schema.tombstones.c
LOST = Statement(sa.select(retrievals.memory).where(retrievals.memory.not_in(sa.select(schema.memories.c.pk))))
# By what names an archive it is told whether a memory left for it: that stays for as long as it may be asked.
ARCHIVED: sa.ColumnElement[str] = sa.literal_column("'%\"archive\"%'")
# A living memory's marks stay, or they would be made anew; and they do not count for how much it may have of the rest.
MARK = history.event == sa.literal_column("'similar'")
LIVES = sa.exists().where(schema.memories.c.scope == history.scope, schema.memories.c.id == history.id)
NTH = (
    sa.select(
        history.pk,
        history.at,
        history.detail,
        sa.func.row_number().over(partition_by=(history.scope, history.id), order_by=history.pk.desc()).label("nth"),
    ).where(~MARK | ~LIVES)
).subquery()
OLD = Statement(
    sa.select(NTH.c.pk)
    .where((NTH.c.at < sa.bindparam("since")) | (NTH.c.nth > sa.bindparam("events")), NTH.c.detail.not_like(ARCHIVED))
    .order_by("pk")
)
BURIED = Statement(
    sa.select(tombstones.scope, sa.func.count())
    .group_by(tombstones.scope)
    .having(sa.func.count() > sa.literal_column(str(KEPT_TOMBSTONES)))
)
UNUSED = Statement(
    sa.select(embeddings.embedder, embeddings.digest)
    .order_by(embeddings.used_at.desc(), embeddings.digest)
    .offset(sa.bindparam("kept"))
    .limit(sa.literal_column(str(2**62)))
)
WIDTH = Statement(sa.select(sa.func.max(sa.func.length(embeddings.vector))))
DROP_RETRIEVALS = Statement(sa.delete(schema.retrievals).where(OneOf(retrievals.memory, "keys")))
DROP_HISTORY = Statement(sa.delete(schema.history).where(OneOf(history.pk, "keys")))
DROP_EMBEDDING = Statement(
    sa.delete(schema.embeddings).where(
        embeddings.embedder == sa.bindparam("by"), embeddings.digest == sa.bindparam("at")
    )
)
PRAGMAS = {name: Statement(sa.text(f"PRAGMA {name}")) for name in ("page_count", "page_size", "freelist_count")}
MODE = Statement(sa.text("PRAGMA auto_vacuum"))
INCREMENTAL = 2
POSTGRES_SIZE = Statement(sa.text("SELECT pg_database_size(current_database())"))


class SqlCompactor:
    """The `Compactor` of one garden's record."""

    def __init__(self, database: Database, cached: int) -> None:
        """`cached` is how many embeddings the garden keeps."""
        self._database, self._cached = database, cached

    def size(self) -> Size:
        """Bytes; a server's free ones it keeps to itself and reuses."""
        with self._database.read() as session:
            if self._database.dialect == "postgresql":
                held = int(session.value(POSTGRES_SIZE, {}))
                return Size(held, 0, held, returns=False)
            pages, size, free = (int(session.value(statement, {})) for statement in PRAGMAS.values())
            returns = session.value(MODE, {}) == INCREMENTAL
        file = Path(str(self._database.engine.url.database))
        log = file.with_name(f"{file.name}-wal")
        disk = file.stat().st_size + (log.stat().st_size if log.exists() else 0)
        return Size(pages * size, free * size, disk, returns)

    def surplus(self, bounds: Bounds) -> list[Surplus]:
        """What is not needed, by kind."""
        kept = {"since": to_micros(bounds.since), "events": bounds.events}
        with self._database.read() as session:
            lost = [key for (key,) in session.rows(LOST, {})]
            old = [key for (key,) in session.rows(OLD, kept)]
            buried = session.rows(BURIED, {})
            unused = session.rows(UNUSED, {"kept": self._cached if bounds.embeddings is None else bounds.embeddings})
            width = int(session.value(WIDTH, {}) or 0)
        return [
            Surplus("retrievals", lost, ROW),
            Surplus("history", old, 3 * ROW),
            Surplus("tombstones", [scope for scope, _ in buried], ROW * KEPT_TOMBSTONES),
            Surplus("embeddings", unused, width + 3 * ROW),
        ]

    def drop(self, surplus: Surplus, first: int, most: int) -> None:
        """Delete so many of it, from the `first` on, in one transaction."""
        keys = list(surplus.keys[first : first + most])
        with self._database.write() as session:
            if surplus.kind == "embeddings":
                session.many(DROP_EMBEDDING, [{"by": by, "at": at} for by, at in keys])
            elif surplus.kind == "tombstones":
                for scope in keys:
                    prune(session, scope)
            else:
                session.run(DROP_HISTORY if surplus.kind == "history" else DROP_RETRIEVALS, {"keys": keys})

    def release(self, pages: int) -> int:
        """Give so many free pages back; how many are left."""
        if self._database.dialect != "sqlite":
            return 0
        with self._database.write() as session:
            session.rows(Statement(sa.text(f"PRAGMA incremental_vacuum({pages})")), {})
            return int(session.value(PRAGMAS["freelist_count"], {}))

    def checkpoint(self) -> bool:
        """Bring the log into the database and empty it, as far as nobody is in the way; whether nobody was.

        First without waiting for anybody, so that little is left to be done while writers wait.
        """
        if self._database.dialect != "sqlite":
            return True
        return checkpoint(self._database, "PASSIVE") and checkpoint(self._database, "TRUNCATE", wait=BRIEF)

    def rewrite(self) -> None:
        """Write the whole database anew without free pages, while writers wait."""
        wipe(self._database)
