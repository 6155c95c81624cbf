"""Makes the vectors of old memories narrow, in small transactions; every index then loads its scope anew."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from memgarden.paths import encode_path
from memgarden.records import Floats, ScopePath, to_micros
from memgarden.store import schema
from memgarden.store.engine import Database
from memgarden.store.statement import Statement
from memgarden.store.vectors import Form, narrowed, to_vector

__all__ = ["SqlNarrower"]

chunks, scopes = schema.chunks.c, schema.scopes.c
PLACE = sa.select(scopes.pk).where(scopes.path == sa.bindparam("path")).scalar_subquery()
WIDE = Statement(
    sa.select(chunks.pk, chunks.vector)
    .where(
        chunks.scope == PLACE,
        chunks.created_at < sa.bindparam("before"),
        chunks.pk > sa.bindparam("after"),
        sa.func.length(chunks.vector) % 2 == sa.literal_column("0"),
    )
    .order_by(chunks.pk)
    .limit(sa.bindparam("most"))
)
# Its row keeps its number, so an index that knows it would not read it again: with the floor raised each begins anew.
BUMP = Statement(
    sa.update(schema.scopes)
    .where(scopes.path == sa.bindparam("path"))
    .values(revision=scopes.revision + 1, floor=scopes.revision + 1)
    .returning(scopes.pk)
)
NARROW = Statement(
    sa.update(schema.chunks)
    .where(chunks.pk == sa.bindparam("at"), chunks.scope == sa.bindparam("of"))
    .values(vector=sa.bindparam("blob"))
)


class SqlNarrower:
    """The `Narrower` of one garden's record."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def wide(self, path: ScopePath, before: datetime, after: int, most: int) -> tuple[Sequence[int], Sequence[Floats]]:
        """The next chunks, by number above `after`, of memories said before then whose vectors are float32."""
        bounds = {"path": encode_path(path), "before": to_micros(before), "after": after, "most": most}
        with self._database.read() as session:
            rows = session.rows(WIDE, bounds)
        return [pk for pk, _ in rows], [to_vector(blob) for _, blob in rows]

    def narrow(self, path: ScopePath, numbers: Sequence[int], vectors: Sequence[Floats], form: Form) -> None:
        """Keep these vectors in that form; chunks that are gone by now stay gone."""
        blobs = [narrowed(vector, form) for vector in vectors]
        with self._database.write() as session:
            scope = session.value(BUMP, {"path": encode_path(path)})
            if scope is not None:
                pairs = zip(numbers, blobs, strict=True)
                session.many(NARROW, [{"at": number, "of": scope, "blob": blob} for number, blob in pairs])
