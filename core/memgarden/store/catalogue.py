"""What can be said of the garden as a whole: its scopes, its size, whether the database is sound."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from memgarden.paths import decode_path, encode_path, prefix_range
from memgarden.records import ScopePath, to_micros
from memgarden.store import schema
from memgarden.store.engine import Database
from memgarden.store.statement import Statement

__all__ = ["SqlCatalogue"]

COUNTED = ("scopes", "memories", "chunks", "tombstones", "outbox", "embeddings")

path, expires_at = schema.scopes.c.path, schema.memories.c.expires_at
POPULATED = (
    sa.select(path, sa.func.count())
    .join_from(schema.scopes, schema.memories, schema.memories.c.scope == schema.scopes.c.pk)
    .where(expires_at.is_(None) | (expires_at > sa.bindparam("now")))
    .group_by(path)
    .order_by(path)
)
ALL_SCOPES = Statement(POPULATED)
SCOPES_BELOW = Statement(
    POPULATED.where((path == sa.bindparam("at")) | ((path >= sa.bindparam("low")) & (path < sa.bindparam("high"))))
)
EXPIRED = Statement(
    sa.select(path, sa.func.count())
    .join_from(schema.scopes, schema.memories, schema.memories.c.scope == schema.scopes.c.pk)
    .where(expires_at <= sa.bindparam("now"))
    .group_by(path)
    .order_by(path)
)
LARGE = Statement(sa.select(schema.scopes.c.pk, path).where(schema.scopes.c.own == 1).order_by(path))
SIZES = Statement(
    sa.select(
        *(sa.select(sa.func.count()).select_from(schema.metadata.tables[name]).scalar_subquery() for name in COUNTED)
    )
)
BYTES = {
    "sqlite": Statement(sa.text("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")),
    "postgresql": Statement(sa.text("SELECT pg_database_size(current_database())")),
}
CHECK = Statement(sa.text("PRAGMA integrity_check"))


class SqlCatalogue:
    """Reads across scopes, for whoever runs the garden."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def scopes(self, prefix: ScopePath, now: datetime) -> dict[ScopePath, int]:
        """The scopes at and below `prefix` (all for `()`) that hold memories at `now`, with how many."""
        low, high = prefix_range(prefix)
        living = {"now": to_micros(now)}
        with self._database.read() as session:
            if prefix:
                rows = session.rows(SCOPES_BELOW, living | {"at": encode_path(prefix), "low": low, "high": high})
            else:
                rows = session.rows(ALL_SCOPES, living)
        return {decode_path(encoded): count for encoded, count in rows}

    def expired(self, now: datetime) -> dict[ScopePath, int]:
        """The scopes that hold memories which have expired at `now`, with how many."""
        with self._database.read() as session:
            return {decode_path(encoded): count for encoded, count in session.rows(EXPIRED, {"now": to_micros(now)})}

    def large(self) -> dict[int, ScopePath]:
        """The scopes that have a Chroma collection of their own, by number."""
        with self._database.read() as session:
            return {pk: decode_path(encoded) for pk, encoded in session.rows(LARGE, {})}

    def size(self) -> dict[str, int]:
        """Rows of each table, by name."""
        with self._database.read() as session:
            return dict(zip(COUNTED, session.row(SIZES, {}) or (), strict=True))

    def nbytes(self) -> int:
        """Bytes of the database."""
        with self._database.read() as session:
            return int(session.value(BYTES[self._database.dialect], {}))

    def check(self) -> list[str]:
        """What SQLite's own integrity check finds; nothing for a sound one; a server checks itself."""
        if self._database.dialect != "sqlite":
            return []
        with self._database.read() as session:
            return [finding for (finding,) in session.rows(CHECK, {}) if finding != "ok"]
