"""What Chroma must hold by the record, and what the last comparison found, kept for every process to see."""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa

from memgarden.protocols import Expected
from memgarden.records import Floats
from memgarden.store import schema
from memgarden.store.engine import Database
from memgarden.store.rows import VECTOR
from memgarden.store.statement import Statement

__all__ = ["FORGET_FINDING", "SqlAudit"]

SAMPLE = 30
FINDING = "chroma_finding"

chunks, outbox, fact = schema.chunks.c, schema.outbox.c, schema.garden.c
RESETS = Statement(
    sa.select(sa.func.count()).select_from(schema.outbox).where(outbox.op == sa.literal_column("'reset'"))
)
WAITING = Statement(sa.select(outbox.chunk).distinct())
SETTLED = Statement(
    sa.select(sa.func.count(), sa.func.min(chunks.pk), sa.func.max(chunks.pk)).where(
        chunks.pk.not_in(sa.select(outbox.chunk))
    )
)
NEXT = Statement(
    sa.select(chunks.pk, chunks.vector)
    .where(chunks.pk >= sa.bindparam("at"), chunks.pk.not_in(sa.select(outbox.chunk)))
    .order_by(chunks.pk)
    .limit(1)
)
READ = Statement(sa.select(fact.value).where(fact.key == sa.literal_column(f"'{FINDING}'")))
FORGET_FINDING = Statement(sa.delete(schema.garden).where(fact.key == sa.literal_column(f"'{FINDING}'")))
# Both values by parameter: given an expression for a key, SQLAlchemy asks for it back, and nobody reads the answer.
NOTE = Statement(sa.insert(schema.garden))


class SqlAudit:
    """Compares one garden's record with its Chroma."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def expected(self) -> Expected | None:
        """What Chroma must hold now, but for what waits in the outbox; None if it is to be built anew anyway."""
        with self._database.snapshot() as session:
            if session.value(RESETS, {}):
                return None
            waiting = [str(chunk) for (chunk,) in session.rows(WAITING, {})]
            count, first, last = session.row(SETTLED, {}) or (0, None, None)
            sample: dict[str, Floats] = {}
            if count:
                for at in np.linspace(first, last, SAMPLE).astype(int).tolist():
                    pk, vector = session.row(NEXT, {"at": at}) or (None, b"")
                    sample[str(pk)] = np.frombuffer(vector, dtype=VECTOR)
        return Expected(count, waiting, sample)

    def note(self, finding: str | None) -> None:
        """Keep what a comparison found; None for nothing wrong."""
        if finding == self.finding():
            return
        with self._database.write() as session:
            session.run(FORGET_FINDING, {})
            if finding is not None:
                session.run(NOTE, {"key": FINDING, "value": finding})

    def finding(self) -> str | None:
        """What the last comparison found, by whichever process."""
        with self._database.read() as session:
            found: str | None = session.value(READ, {})
        return found
