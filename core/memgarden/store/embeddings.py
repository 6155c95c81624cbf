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
from memgarden.store.statement import OneOf, Statement
from memgarden.store.vectors import VECTOR

__all__ = ["EmbeddingTable"]

STALE_MICROS = 3_600_000_000  # a use is noted at most once an hour, so that reading the cache seldom writes
TRIM_EVERY = 20  # the table may outgrow its limit by a twentieth before it is counted again

column = schema.embeddings.c
SOME = (column.embedder == sa.bindparam("by"), OneOf(column.digest, "digests"))
LOAD = Statement(sa.select(column.digest, column.vector, column.used_at).where(*SOME))
USE = Statement(sa.update(schema.embeddings).where(*SOME).values(used_at=sa.bindparam("now")))
REMOVE = Statement(sa.delete(schema.embeddings).where(*SOME))
INSERT = Statement(sa.insert(schema.embeddings))
COUNT = Statement(sa.select(sa.func.count()).select_from(schema.embeddings))
OLDEST = sa.select(column.embedder, column.digest).order_by(column.used_at).limit(sa.bindparam("surplus"))
TRIM = Statement(sa.delete(schema.embeddings).where(sa.tuple_(column.embedder, column.digest).in_(OLDEST)))


def digest(text: str) -> str:
    """The sha256 under which a text's vector is kept, in hexadecimal: the text itself is not."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class EmbeddingTable:
    """A `VectorCache` in the garden's database of at most about `limit` vectors (a 384-d one takes 1.6 KB)."""

    def __init__(self, database: Database, limit: int) -> None:
        self._database = database
        self._limit = limit
        self._saved_since_trim = limit // TRIM_EVERY  # so the first save of a process trims

    def load(self, embedder: str, texts: Sequence[str]) -> list[Floats | None]:
        """The vector `(d,)` of each text, None where there is none."""
        digests = [digest(text) for text in texts]
        now = time.time_ns() // 1000
        with self._database.read() as session:
            rows = session.rows(LOAD, {"by": embedder, "digests": digests})
        if stale := [key for key, _, used_at in rows if now - used_at > STALE_MICROS]:
            with self._database.write() as session:
                session.run(USE, {"by": embedder, "digests": stale, "now": now})
        found = {key: vector for key, vector, _ in rows}
        return [np.frombuffer(found[key], dtype=VECTOR) if key in found else None for key in digests]

    def save(self, embedder: str, texts: Sequence[str], vectors: Floats) -> None:
        """Keep `vectors[i]` for `texts[i]`; what is there already is replaced."""
        if not texts or self._limit <= 0:
            return
        now = time.time_ns() // 1000
        pairs = zip(texts, vectors, strict=True)
        blobs = {digest(text): vector.astype(VECTOR, copy=False).tobytes() for text, vector in pairs}
        rows = [{"embedder": embedder, "digest": key, "vector": blob, "used_at": now} for key, blob in blobs.items()]
        with self._database.write() as session:
            session.run(REMOVE, {"by": embedder, "digests": list(blobs)})
            session.many(INSERT, rows)
            self._saved_since_trim += len(rows)
            if self._saved_since_trim >= self._limit // TRIM_EVERY:
                self._saved_since_trim = 0
                surplus = session.value(COUNT, {}) - self._limit
                if surplus > 0:
                    session.run(TRIM, {"surplus": surplus})
