"""Notes in the history of memories which others they are similar to: once of each pair, and nothing else changes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from memgarden.paths import encode_path
from memgarden.records import ScopePath, to_micros, utc_now
from memgarden.store import schema
from memgarden.store.engine import Database
from memgarden.store.shift import check_shift
from memgarden.store.statement import OneOf, Session, Statement
from memgarden.upkeep import Likeness

__all__ = ["NOTED_AT_MOST", "note_similar"]

NOTED_AT_MOST = 10
"""Others that a memory is noted to be similar to: of a thousand notes made by one pattern all pairs are a million."""

ENDED = ("deleted", "expired")  # after which a memory of the same id is another one

memories, history, scopes = schema.memories.c, schema.history.c, schema.scopes.c
PLACE = sa.select(scopes.pk).where(scopes.path == sa.bindparam("path")).scalar_subquery()
TOLD = Statement(
    sa.select(history.id, history.event, history.detail)
    .where(
        history.scope == PLACE,
        OneOf(history.id, "ids"),
        history.event.in_([sa.literal_column(f"'{event}'") for event in ("similar", *ENDED)]),
    )
    .order_by(history.pk)
)
OTHER = schema.memories.alias("other").c
NOTE = Statement(
    sa.insert(schema.history)
    .from_select(
        ["scope", "id", "at", "since", "event", "detail"],
        sa.select(
            memories.scope,
            memories.id,
            sa.cast(sa.bindparam("now"), sa.BigInteger),
            memories.stored_at,
            sa.literal_column("'similar'"),
            sa.cast(sa.bindparam("detail"), sa.Text),
        ).where(
            memories.pk == sa.bindparam("one"),
            memories.scope + 0 == PLACE,
            sa.exists().where(OTHER.pk == sa.bindparam("other"), OTHER.scope == memories.scope),
        ),
    )
    .returning(history.pk)
)


def note_similar(database: Database, path: ScopePath, pairs: Sequence[Likeness], shift: str) -> int:
    """Note of each pair that it is similar, in one transaction; how many there were of which no history told yet."""
    at = {"path": encode_path(path)}
    with database.read() as session:
        new = list(_untold(session, at, pairs))
    if not new:
        return 0
    now, noted = to_micros(utc_now()), 0
    with database.write() as session:
        check_shift(session, shift)
        for pair in new:
            detail = json.dumps({"to": pair.to}, ensure_ascii=False)
            numbers = {"one": pair.version, "other": pair.to_version}
            noted += len(session.rows(NOTE, at | numbers | {"now": now, "detail": detail}))
    return noted


def _untold(session: Session, at: dict[str, str], pairs: Sequence[Likeness]) -> Iterable[Likeness]:
    """The pairs that are to be noted: each once, whichever of the two it was noted for, and not too many of one."""
    ids = list(dict.fromkeys(id for pair in pairs for id in (pair.id, pair.to)))  # noqa: A001
    told: dict[str, list[str]] = {id: [] for id in ids}  # noqa: A001
    for id, event, detail in session.rows(TOLD, at | {"ids": ids}):  # noqa: A001
        if event == "similar":
            told[id].append(json.loads(detail)["to"])
        else:
            told[id].clear()
            for others in told.values():
                _strike(others, id)
    for pair in pairs:
        if pair.to not in told[pair.id] and pair.id not in told[pair.to] and len(told[pair.id]) < NOTED_AT_MOST:
            told[pair.id].append(pair.to)
            yield pair


def _strike(others: list[str], gone: str) -> None:
    if gone in others:
        others.remove(gone)
