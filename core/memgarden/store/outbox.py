"""What is committed and not yet in Chroma; written with the change itself, so a kill loses none of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa

from memgarden.fields import fields_of
from memgarden.paths import decode_path
from memgarden.protocols import ChunkRecord, Op, OutboxItem
from memgarden.records import Ints
from memgarden.store import schema
from memgarden.store.audit import FORGET_FINDING, OWN_IS_WRONG
from memgarden.store.engine import Database
from memgarden.store.facts import change_fact
from memgarden.store.rows import MEMORY, to_memory, to_span
from memgarden.store.statement import OneOf, Row, Session, Statement
from memgarden.store.vectors import to_vector
from memgarden.store.write import MIRRORED

__all__ = ["SqlOutbox"]

memories, chunks, scopes, outbox = schema.memories.c, schema.chunks.c, schema.scopes.c, schema.outbox.c
fact = schema.garden.c

SCOPE: sa.BindParameter[int] = sa.bindparam("scope")
PENDING = Statement(
    sa.select(outbox.seq, outbox.op, outbox.chunk, outbox.scope, scopes.own, scopes.path)
    .join_from(schema.outbox, schema.scopes, outbox.scope == scopes.pk, isouter=True)
    .where(outbox.op != sa.literal_column("'rebuild'"))
    .order_by(outbox.seq)
    .limit(sa.bindparam("most"))
)
NEXT_REBUILD = Statement(
    sa.select(outbox.seq, outbox.scope, scopes.own)
    .join_from(schema.outbox, schema.scopes, scopes.pk == -1 - outbox.scope, isouter=True)
    .where(outbox.scope < 0)
    .order_by(outbox.seq)
    .limit(sa.literal_column("1"))
)
RECORDS = Statement(
    sa.select(chunks.pk, scopes.path, chunks.packed, chunks.vector, *MEMORY)
    .join_from(schema.chunks, schema.memories, chunks.memory == memories.pk)
    .join(schema.scopes, chunks.scope == scopes.pk)
    .where(OneOf(chunks.pk, "pks"))
)
SETTLE = Statement(sa.delete(schema.outbox).where(OneOf(outbox.seq, "seqs")))
COUNT = Statement(sa.select(sa.func.count()).select_from(schema.outbox))
COUNT_UPTO = Statement(sa.select(sa.func.count()).select_from(schema.outbox).where(outbox.seq <= sa.bindparam("upto")))
MARK = Statement(sa.select(sa.func.max(outbox.seq)))
# What others have noted and not committed yet would be cleared by nobody and come before the reset: wait for them.
ALONE = Statement(sa.text("LOCK TABLE outbox IN EXCLUSIVE MODE"))
CLEAR = Statement(sa.delete(schema.outbox))
RESET, ERASE = (
    Statement(sa.insert(schema.outbox).values(op=sa.literal_column(f"'{op}'"), chunk=sa.literal_column("0")))
    for op in ("reset", "erase")
)
IS_MIRRORED = Statement(sa.select(sa.literal_column("1")).where(MIRRORED))
ALL_CHUNKS = sa.select(sa.literal_column("'upsert'"), chunks.pk, chunks.scope).order_by(chunks.pk)
EVERYTHING = Statement(sa.insert(schema.outbox).from_select(["op", "chunk", "scope"], ALL_CHUNKS))
ALL_OF_SCOPE = Statement(
    sa.insert(schema.outbox).from_select(["op", "chunk", "scope"], ALL_CHUNKS.where(chunks.scope == SCOPE))
)
# In one statement with the condition: of processes that see the same size at once, one does it.
FLIP = Statement(
    sa.update(schema.scopes)
    .where(scopes.pk == SCOPE, scopes.own == 1 - sa.bindparam("own", type_=sa.SmallInteger))
    .values(own=sa.bindparam("own", type_=sa.SmallInteger))
    .returning(scopes.pk)
)
MOVE = Statement(sa.insert(schema.outbox).values(op=sa.bindparam("op"), chunk=sa.literal_column("0"), scope=SCOPE))
SIZES = Statement(
    sa.select(scopes.pk, scopes.own, sa.func.count(chunks.pk))
    .join_from(schema.scopes, schema.chunks, chunks.scope == scopes.pk, isouter=True)
    .group_by(scopes.pk, scopes.own)
    .having(
        ((scopes.own == 0) & (sa.func.count(chunks.pk) >= sa.bindparam("limit")))
        | ((scopes.own == 1) & (2 * sa.func.count(chunks.pk) < sa.bindparam("limit")))
    )
)
PROMOTIONS = Statement(sa.select(outbox.scope, sa.func.max(outbox.seq)).where(schema.PROMOTED).group_by(outbox.scope))
PROMOTE_LARGE = Statement(
    sa.insert(schema.outbox).from_select(
        ["op", "chunk", "scope"],
        sa.select(sa.literal_column("'promote'"), sa.literal_column("0"), scopes.pk).where(scopes.own == 1),
    )
)
OF_PLACE = Statement(sa.select(outbox.seq).where(outbox.scope == SCOPE))
VOID = Statement(sa.delete(schema.outbox).where(outbox.scope == SCOPE))
REBUILDS = Statement(sa.select(outbox.scope).where(OneOf(outbox.seq, "seqs"), outbox.scope < 0))
IS_MOVING = Statement(sa.select(outbox.seq).where(schema.PROMOTED, outbox.scope == SCOPE))
IS_OWN = Statement(sa.select(scopes.pk).where(scopes.pk == SCOPE, scopes.own == 1))
ANY_LARGE = Statement(sa.select(scopes.pk).where(scopes.own == 1).limit(sa.literal_column("1")))
# A reset has no scope, and is always the oldest. Where an own collection was found to be wrong all count as reset:
# what it lacks it would not miss. In one statement, which every search of a large scope waits for twice.
OLDEST = sa.select(sa.func.min(outbox.seq)).scalar_subquery()
EMPTIED = sa.or_(*(outbox.op == sa.literal_column(f"'{op}'") for op in ("reset", "erase")))
IS_EMPTIED = Statement(sa.select(outbox.seq).where(outbox.seq == OLDEST, EMPTIED))
ERASING = Statement(sa.select(outbox.seq).where(outbox.seq == OLDEST, outbox.op == sa.literal_column("'erase'")))
WAITING = Statement(
    sa.union_all(
        sa.select(outbox.op, outbox.chunk).where(outbox.seq == OLDEST, EMPTIED),
        sa.select(sa.literal_column("'reset'"), sa.literal_column("0")).select_from(schema.garden).where(OWN_IS_WRONG),
        sa.select(outbox.op, outbox.chunk).where(outbox.scope == SCOPE),
    ).limit(sa.bindparam("most"))
)


# What each collection was given and what was deleted from it since it was built, by the scope's number, 0 for the one
# that small scopes share: two numbers in a fact, since Chroma does not shrink by deletions.
WEAR = "chroma wear:"
PLACE = sa.case((scopes.own == sa.literal_column("1"), outbox.scope), else_=sa.literal_column("0"))
SETTLED = Statement(
    sa.select(PLACE, outbox.op, sa.func.count())
    .join_from(schema.outbox, schema.scopes, outbox.scope == scopes.pk, isouter=True)
    .where(OneOf(outbox.seq, "seqs"))
    .group_by(PLACE, outbox.op)
)
WORN = Statement(sa.select(fact.key, fact.value).where(fact.key.like(sa.literal_column(f"'{WEAR}%'"))))
WEAR_OF = Statement(sa.select(fact.value).where(fact.key == sa.bindparam("at")))
FORGET_WEAR = Statement(sa.delete(schema.garden).where(fact.key == sa.bindparam("at")))
AS_NEW = Statement(sa.delete(schema.garden).where(fact.key.like(sa.literal_column(f"'{WEAR}%'"))))
WEAR_DOWN = Statement(
    sa.text(
        "INSERT INTO garden (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
    )
)


class SqlOutbox:
    """The outbox of one garden. It reads across scopes: what it gives leaves only for the garden's own Chroma."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pending(self, limit: int) -> Sequence[OutboxItem]:
        """The oldest changes, at most `limit`, in order of commit; after them the oldest `rebuild`, if there is one."""
        with self._database.snapshot() as session:
            waiting = session.rows(PENDING, {"most": limit})
            rebuild = session.row(NEXT_REBUILD, {})
            promoted = dict(session.rows(PROMOTIONS, {}))
            wanted = [chunk for seq, op, chunk, scope, *_ in waiting if op == "upsert" and seq > promoted.get(scope, 0)]
            rows = session.rows(RECORDS, {"pks": wanted}) if wanted else []
        records = {row[0]: _record(row) for row in rows}
        items = [
            OutboxItem(
                seq=seq,
                op=_op(op, seq, chunk in records, promoted.get(scope, 0)),
                chunk_id=str(chunk),
                record=records.get(chunk) if op == "upsert" else None,
                scope=scope,
                own=bool(own),
                path=() if path is None else decode_path(path),
            )
            for seq, op, chunk, scope, own, path in waiting
        ]
        return items if rebuild is None else [*items, _rebuild(*rebuild)]

    def settle(self, seqs: Sequence[int], held: int | None = None) -> None:
        """Strike off changes that Chroma has made; `held` is how many chunks a collection that was built anew holds."""
        with self._database.write() as session:
            _count_wear(session, list(seqs))
            if held is not None:
                for (aside,) in session.rows(REBUILDS, {"seqs": list(seqs)}):
                    session.run(WEAR_DOWN, {"key": f"{WEAR}{~aside}", "value": f"{held} 0"})
                    session.run(VOID, {"scope": aside})  # of two who asked at once, both have it
            session.run(SETTLE, {"seqs": list(seqs)})

    def count(self, upto: int | None = None) -> int:
        """How many changes are waiting, of those up to a sequence number or of all."""
        with self._database.read() as session:
            return int(session.value(COUNT, {}) if upto is None else session.value(COUNT_UPTO, {"upto": upto}))

    def mark(self) -> int:
        """The sequence number of the newest change that waits, 0 for none."""
        with self._database.read() as session:
            return int(session.value(MARK, {}) or 0)

    def waiting(self, scope: int, most: int) -> Ints | None:
        """The scope's chunks that are still to go to its own collection, ascending.

        None where the collection is yet to be built or built anew, where the last comparison found one wrong, and
        where more than `most` changes wait.
        """
        with self._database.read() as session:
            rows = session.rows(WAITING, {"scope": scope, "most": most + 1})
        if len(rows) > most or any(op in ("reset", "erase", "promote", "demote") for op, _ in rows):
            return None
        return np.unique(np.array([chunk for op, chunk in rows if op == "upsert"], dtype=np.int64))

    def rebalance(self, limit: int) -> bool:
        """Give scopes of `limit` chunks and more a collection of their own, and take it from those below half of that.

        Each in one transaction with the changes that Chroma is to make for it. Returns whether there are large scopes.
        """
        with self._database.read() as session:
            crossed = session.rows(SIZES, {"limit": limit})
        for scope, own, _ in crossed:
            with self._database.write() as session:
                if session.row(FLIP, {"scope": scope, "own": 1 - own}) is None:
                    continue
                session.run(VOID, {"scope": ~scope})
                session.run(FORGET_WEAR, {"at": f"{WEAR}{scope}"})
                session.run(MOVE, {"scope": scope, "op": "demote" if own else "promote"})
                session.run(ALL_OF_SCOPE, {"scope": scope})
        with self._database.read() as session:
            return session.row(ANY_LARGE, {}) is not None

    def worn(self) -> dict[int, tuple[int, int]]:
        """By the scope's number, 0 for the shared one: what a collection was given, and what was deleted from it."""
        with self._database.read() as session:
            rows = session.rows(WORN, {})
        return {int(key.removeprefix(WEAR)): _wear(value) for key, value in rows}

    def rebuild(self, scope: int) -> None:
        """Have a collection built anew beside itself: a large scope's own, or for 0 the shared one.

        Asked for once, until it is done; and not where it is built anew anyway, or is no more.
        """
        with self._database.write() as session:
            if scope and session.row(IS_OWN, {"scope": scope}) is None:
                session.run(FORGET_WEAR, {"at": f"{WEAR}{scope}"})
                return
            if session.row(IS_MIRRORED, {}) is None or session.row(IS_EMPTIED, {}) is not None:
                return
            if session.row(IS_MOVING, {"scope": scope}) is None and session.row(OF_PLACE, {"scope": ~scope}) is None:
                session.run(MOVE, {"scope": ~scope, "op": "rebuild"})

    def refill(self) -> None:
        """Ask for empty collections and for every chunk there is, in place of whatever was waiting.

        From then on every write goes to the outbox too, if none did before.
        """
        with self._database.write() as session:
            _lock(session)
            change_fact(session, "mirrored", "yes")
            # What was to be erased still is: to be emptied would leave it in Chroma's files.
            _anew(session, RESET if session.row(ERASING, {}) is None else ERASE)

    def erase(self) -> bool:
        """As `refill`, and nothing is to be left in Chroma's files; False for a garden that never had a Chroma."""
        with self._database.write() as session:
            _lock(session)
            mirrored = session.row(IS_MIRRORED, {}) is not None
            if mirrored:
                _anew(session, ERASE)
        return mirrored

    def erasing(self) -> bool:
        """Whether Chroma has yet to erase what was forgotten."""
        with self._database.read() as session:
            return session.row(ERASING, {}) is not None


def _rebuild(seq: int, aside: int, own: int | None) -> OutboxItem:
    # The scope may be small again, or forgotten, since it was asked for.
    op: Op = "rebuild" if own or aside == ~0 else "void"
    return OutboxItem(seq=seq, op=op, chunk_id="0", record=None, scope=~aside or None, own=bool(own))


def _wear(value: str) -> tuple[int, int]:
    given, deleted = value.split()
    return int(given), int(deleted)


def _count_wear(session: Session, seqs: list[int]) -> None:
    counts: dict[int, dict[str, int]] = {}
    for place, op, count in session.rows(SETTLED, {"seqs": seqs}):
        counts.setdefault(place, {})[op] = count
    for place, ops in counts.items():
        key = f"{WEAR}{place}"
        given, deleted = _wear(session.value(WEAR_OF, {"at": key}) or "0 0")
        if "promote" in ops:  # from here on it is another collection
            given = deleted = 0
        if "upsert" in ops or "delete" in ops:
            wear = f"{given + ops.get('upsert', 0)} {deleted + ops.get('delete', 0)}"
            session.run(WEAR_DOWN, {"key": key, "value": wear})


def _lock(session: Session) -> None:
    if session.dialect.name == "postgresql":
        session.run(ALONE, {})


def _anew(session: Session, first: Statement) -> None:
    for statement in (CLEAR, first, PROMOTE_LARGE, EVERYTHING, FORGET_FINDING, AS_NEW):
        session.run(statement, {})


def _op(op: Op, seq: int, there: bool, promoted: int) -> Op:
    if seq < promoted:
        return "void"  # the promotion clears all of it away, and upserts of what there is follow it
    # A chunk that was deleted since its upsert was noted has no record: the item then asks for its deletion.
    return "delete" if op == "upsert" and not there else op


def _record(row: Row) -> ChunkRecord:
    pk, path, packed, vector, *own = row
    start, end = to_span(packed)
    memory = to_memory(tuple(own))
    return ChunkRecord(
        id=str(pk),
        text=memory.text[start:end],
        vector=to_vector(vector),
        metadata=memory.metadata,
        fields=fields_of(memory, start, end),
        scope=decode_path(path),
    )
