"""The tables. Rows are written once and deleted, never changed: a memory that changes is a new row of a new revision.

So a row number stands for one content for ever, and whoever has read it never needs to read it again. The exceptions
are a scope's revision, where its vectors lie, and the times at which a cached embedding was last used and a memory
last found.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

__all__ = [
    "chunks",
    "embeddings",
    "garden",
    "history",
    "memories",
    "metadata",
    "outbox",
    "partial_indexes",
    "retrievals",
    "scopes",
    "tombstones",
]

# SQLite numbers rows by itself only in a column of exactly the type INTEGER.
Key = BigInteger().with_variant(Integer, "sqlite")
# Prefix ranges over paths need the order of code points, which a database's own locale may not give.
Path = Text().with_variant(String(collation="C"), "postgresql")

metadata = MetaData()
# Words for word the condition of a query that is to use the index of promotions.
PROMOTED = text("op = 'promote'")

garden = Table(
    "garden",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

scopes = Table(
    "scopes",
    metadata,
    Column("pk", Key, primary_key=True, autoincrement=True),
    Column("path", Path, nullable=False, unique=True),
    Column("revision", BigInteger, nullable=False),
    # Tombstones up to this revision were pruned: an index older than it must be loaded anew.
    Column("floor", BigInteger, nullable=False, default=0),
    # 1: its chunks lie in a Chroma collection of its own, or are on their way there.
    Column("own", SmallInteger, nullable=False, server_default="0"),
    sqlite_autoincrement=True,
)

memories = Table(
    "memories",
    metadata,
    Column("pk", Key, primary_key=True, autoincrement=True),
    Column("scope", ForeignKey(scopes.c.pk), nullable=False),
    Column("id", Path, nullable=False),
    Column("text", Text, nullable=False),
    Column("metadata", Text, nullable=False),  # a JSON object
    Column("tags", Text, nullable=False),  # a JSON array of strings
    Column("importance", SmallInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),  # microseconds since 1970 in UTC, as all times
    Column("expires_at", BigInteger),
    Column("stored_at", BigInteger, nullable=False),
    UniqueConstraint("scope", "id"),
    Index("memories_by_time", "scope", "created_at"),
    sqlite_autoincrement=True,
)

chunks = Table(
    "chunks",
    metadata,
    Column("pk", Key, primary_key=True, autoincrement=True),
    Column("scope", ForeignKey(scopes.c.pk), nullable=False),
    Column("memory", ForeignKey(memories.c.pk), nullable=False),
    Column("revision", BigInteger, nullable=False),
    # What conversations are read by; NULL for what is no turn of one.
    Column("session", BigInteger),
    Column("created_at", BigInteger, nullable=False),  # the memory's own
    # records.ROW. In one value, since a search that loads an index waits longer for ten small columns than for vectors.
    Column("packed", LargeBinary, nullable=False),
    Column("postings", LargeBinary, nullable=False),  # records.POSTING, one after the other
    Column("vector", LargeBinary, nullable=False),  # float32, little-endian
    Index("chunks_by_revision", "scope", "revision"),
    Index("chunks_by_memory", "memory"),
    sqlite_autoincrement=True,
)

tombstones = Table(
    "tombstones",
    metadata,
    Column("scope", ForeignKey(scopes.c.pk), primary_key=True),
    Column("revision", BigInteger, primary_key=True),
    Column("chunk", BigInteger, primary_key=True),
)

outbox = Table(
    "outbox",
    metadata,
    Column("seq", Key, primary_key=True, autoincrement=True),
    Column("op", String(8), nullable=False),  # protocols.Op, but for void
    Column("chunk", BigInteger, nullable=False),
    # None for a reset, and for what was written before there were large scopes. A rebuild is of ~scope, so that it
    # counts with nothing of the scope's, and is found at once: of all others the scope is above zero.
    Column("scope", BigInteger),
    Index("outbox_by_scope", "scope"),
    Index("outbox_promotions", "scope", "seq", sqlite_where=PROMOTED),
    sqlite_autoincrement=True,
)

chunks_by_session = Index(
    "chunks_by_session",
    chunks.c.scope,
    chunks.c.session,
    chunks.c.created_at,
    sqlite_where=chunks.c.session.is_not(None),
)

embeddings = Table(
    "embeddings",
    metadata,
    Column("embedder", String(200), primary_key=True),
    Column("digest", String(64), primary_key=True),  # sha256 of the text, in hexadecimal
    Column("vector", LargeBinary, nullable=False),
    Column("used_at", BigInteger, nullable=False),
    Index("embeddings_by_use", "used_at"),
)

# One row for each version that was replaced or removed, and for each that came back: what is added costs nothing here.
# And one for each other that a memory was found to be similar to, which ends nothing.
history = Table(
    "history",
    metadata,
    Column("pk", Key, primary_key=True, autoincrement=True),
    Column("scope", ForeignKey(scopes.c.pk), nullable=False),
    Column("id", Path, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("since", BigInteger),  # when the version that it is about was stored; none for one that came back
    Column("event", String(16), nullable=False),  # upkeep.EVENTS
    Column("detail", Text, nullable=False),  # a JSON object, never with anything of the text
    Index("history_of_memory", "scope", "id"),
    sqlite_autoincrement=True,
)

# By a memory's row number, which comes never again: what is left of deleted ones does no harm, and is swept up.
retrievals = Table(
    "retrievals",
    metadata,
    Column("memory", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
)


def partial_indexes(dialect: str) -> None:
    """Make the indexes that are partial in SQLite partial in `dialect` too.

    Said where the indexes are defined, it would load that dialect for everybody.
    """
    for index in (index for table in metadata.sorted_tables for index in table.indexes):
        where = index.dialect_options["sqlite"]["where"]
        if where is not None:
            index.dialect_options[dialect]["where"] = where
