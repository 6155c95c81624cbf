"""What Chroma must hold by the record, and what the last comparison found, kept for every process to see."""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa

from memgarden.protocols import Contents, Expected
from memgarden.records import Floats
from memgarden.store import schema
from memgarden.store.engine import Database
from memgarden.store.statement import Session, Statement
from memgarden.store.vectors import to_vector

__all__ = ["FORGET_FINDING", "OWN_IS_WRONG", "SqlAudit"]

SAMPLE = 30
FINDING = "chroma_finding"

chunks, outbox, scopes, fact = schema.chunks.c, schema.outbox.c, schema.scopes.c, schema.garden.c
RESETS = Statement(
    sa.select(sa.func.count())
    .select_from(schema.outbox)
    .where(sa.or_(*(outbox.op == sa.literal_column(f"'{op}'") for op in ("reset", "erase"))))
)
WAITING = Statement(sa.select(outbox.op, outbox.chunk, outbox.scope).distinct())
LARGE = sa.select(scopes.pk).where(scopes.own == sa.literal_column("1"))
OWN = Statement(LARGE)
HERE = {  # the chunks of one large scope, of all small ones
    True: (chunks.scope == sa.bindparam("scope"), chunks.pk.not_in(sa.select(outbox.chunk))),
    False: (chunks.scope.not_in(LARGE), chunks.pk.not_in(sa.select(outbox.chunk))),
}
SETTLED = {
    large: Statement(sa.select(sa.func.count(), sa.func.min(chunks.pk), sa.func.max(chunks.pk)).where(*here))
    for large, here in HERE.items()
}
NEXT = {
    large: Statement(
        sa.select(chunks.pk, chunks.vector)
        .where(chunks.pk >= sa.bindparam("at"), *here)
        .order_by(chunks.pk)
        .limit(sa.literal_column("1"))
    )
    for large, here in HERE.items()
}
FOUND = fact.key == sa.literal_column(f"'{FINDING}'")
OWN_IS_WRONG = sa.and_(FOUND, fact.value.like(sa.literal_column("'%memgarden-%'")))
"""The condition on the garden's facts that the last comparison could not read a collection, or found one wrong that it
names, as it does a large scope's own."""
READ = Statement(sa.select(fact.value).where(FOUND))
FORGET_FINDING = Statement(sa.delete(schema.garden).where(FOUND))
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
            changes = session.rows(WAITING, {})
            moving = {scope for op, _, scope in changes if op in ("promote", "demote")}
            own = {scope for (scope,) in session.rows(OWN, {})} - moving
            waiting: dict[int | None, set[str]] = {}
            for op, chunk, scope in changes:
                if op in ("upsert", "delete"):
                    waiting.setdefault(scope if scope in own else None, set()).add(str(chunk))
            return Expected(
                shared=_contents(session, None, waiting.get(None, set())),
                own={scope: _contents(session, scope, waiting.get(scope, set())) for scope in own},
                moving=moving,
                rebuilt={~scope for op, _, scope in changes if op == "rebuild"},
            )

    def note(self, finding: str | None) -> None:
        """Keep what a comparison found, unless all is to be built anew since it began; None for nothing wrong."""
        if finding == self.finding():
            return
        with self._database.write() as session:
            session.run(FORGET_FINDING, {})
            if finding is not None and not session.value(RESETS, {}):
                session.run(NOTE, {"key": FINDING, "value": finding})

    def finding(self) -> str | None:
        """What the last comparison found, by whichever process."""
        with self._database.read() as session:
            found: str | None = session.value(READ, {})
        return found


def _contents(session: Session, scope: int | None, waiting: set[str]) -> Contents:
    """What the collection of a large scope must hold; for None, what the one that small scopes share must."""
    of, large = {"scope": scope}, scope is not None
    count, first, last = session.row(SETTLED[large], of if large else {}) or (0, None, None)
    sample: dict[str, Floats] = {}
    if count:
        for at in np.linspace(first, last, SAMPLE).astype(int).tolist():
            pk, vector = session.row(NEXT[large], {"at": at} | (of if large else {})) or (None, b"")
            sample[str(pk)] = to_vector(vector)
    return Contents(count, list(waiting), sample)
