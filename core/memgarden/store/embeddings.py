"""The embedding cache: vectors by embedder and text, bounded, least recently used out first."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa

from memgarden.records import Floats
from memgarden.store import schema
from memgarden.store.engine import Database
from memgarden.store.read import slices
from memgarden.store.rows import VECTOR

__all__ = ["EmbeddingTable"]

column = schema.embeddings.c
STALE_MICROS = 3_600_000_000  # a use is noted at most once an hour, so that reading the cache seldom writes
TRIM_EVERY = 20  # the table may outgrow its limit by a twentieth before it is counted again


def digest(text: str) -> bytes:
    """The sha256 under which a text's vector is kept: the text itself is not."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


class EmbeddingTable:
    """A `VectorCache` in the garden's database of at most about `limit` vectors (a 384-d one takes 1.6 KB)."""

    def __init__(self, database: Database, limit: int) -> None:
        self._database = database
        self._limit = limit
        self._saved_since_trim = limit // TRIM_EVERY  # so the first save of a process trims

    def load(self, embedder: str, texts: Sequence[str]) -> list[Floats | None]:
        """The vector `(d,)` of each text, None where there is none."""
        digests = [digest(text) for text in texts]
        found: dict[bytes, bytes] = {}
        stale: list[bytes] = []
        now = time.time_ns() // 1000
        with self._database.read() as connection:
            for some in slices(digests):
                rows = connection.execute(
                    sa.select(column.digest, column.vector, column.used_at).where(
                        column.embedder == embedder, column.digest.in_(some)
                    )
                ).fetchall()
                found.update((row.digest, row.vector) for row in rows)
                stale.extend(row.digest for row in rows if now - row.used_at > STALE_MICROS)
        if stale:
            with self._database.write() as connection:
                for some in slices(stale):
                    which = (column.embedder == embedder, column.digest.in_(some))
                    connection.execute(sa.update(schema.embeddings).where(*which).values(used_at=now))
        return [np.frombuffer(found[key], dtype=VECTOR) if key in found else None for key in digests]

    def save(self, embedder: str, texts: Sequence[str], vectors: Floats) -> None:
        """Keep `vectors[i]` for `texts[i]`; what is there already is replaced."""
        if not texts or self._limit <= 0:
            return
        now = time.time_ns() // 1000
        blobs = {
            digest(text): vector.astype(VECTOR, copy=False).tobytes()
            for text, vector in zip(texts, vectors, strict=True)
        }
        rows = [{"embedder": embedder, "digest": key, "vector": blob, "used_at": now} for key, blob in blobs.items()]
        with self._database.write() as connection:
            for some in slices(list(blobs)):
                connection.execute(
                    sa.delete(schema.embeddings).where(column.embedder == embedder, column.digest.in_(some))
                )
            connection.execute(sa.insert(schema.embeddings), rows)
            self._saved_since_trim += len(rows)
            if self._saved_since_trim >= self._limit // TRIM_EVERY:
                self._saved_since_trim = 0
                self._trim(connection)

    def _trim(self, connection: sa.Connection) -> None:
        surplus = (connection.scalar(sa.select(sa.func.count()).select_from(schema.embeddings)) or 0) - self._limit
        if surplus <= 0:
            return
        last = connection.scalar(sa.select(column.used_at).order_by(column.used_at).limit(1).offset(surplus - 1))
        connection.execute(sa.delete(schema.embeddings).where(column.used_at <= last))
