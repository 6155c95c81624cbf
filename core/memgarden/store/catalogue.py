"""What can be said of the garden as a whole: its scopes, its size, whether the database is sound."""

from __future__ import annotations

import sqlalchemy as sa

from memgarden.paths import decode_path, encode_path, prefix_range
from memgarden.records import ScopePath
from memgarden.store import schema
from memgarden.store.engine import Database

__all__ = ["SqlCatalogue"]

COUNTED = ("scopes", "memories", "chunks", "tombstones", "outbox", "embeddings")


class SqlCatalogue:
    """Reads across scopes, for whoever runs the garden."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def scopes(self, prefix: ScopePath) -> dict[ScopePath, int]:
        """The scopes at and below `prefix` (all for `()`) that hold memories, with how many."""
        path = schema.scopes.c.path
        statement = (
            sa.select(path, sa.func.count())
            .join_from(schema.scopes, schema.memories, schema.memories.c.scope == schema.scopes.c.pk)
            .group_by(path)
            .order_by(path)
        )
        if prefix:
            low, high = prefix_range(prefix)
            statement = statement.where((path == encode_path(prefix)) | ((path >= low) & (path < high)))
        with self._database.read() as connection:
            return {decode_path(row[0]): row[1] for row in connection.execute(statement)}

    def size(self) -> dict[str, int]:
        """Rows of each table, by name."""
        counts = [
            sa.select(sa.func.count()).select_from(schema.metadata.tables[name]).scalar_subquery() for name in COUNTED
        ]
        with self._database.read() as connection:
            return dict(zip(COUNTED, connection.execute(sa.select(*counts)).one(), strict=True))

    def nbytes(self) -> int:
        """Bytes of the database."""
        if self._database.dialect == "postgresql":
            statement = "SELECT pg_database_size(current_database())"
        else:
            statement = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        with self._database.read() as connection:
            return int(connection.scalar(sa.text(statement)) or 0)

    def check(self) -> list[str]:
        """What SQLite's own integrity check finds; nothing for a sound one (a server checks itself)."""
        if self._database.dialect != "sqlite":
            return []
        with self._database.read() as connection:
            found = connection.scalars(sa.text("PRAGMA integrity_check")).all()
        return [finding for finding in found if finding != "ok"]
