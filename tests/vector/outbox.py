"""Outboxes for the tests: one in memory, and one in SQLite that several processes share."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import numpy as np

from memgarden.protocols import ChunkRecord, OutboxItem

DIMENSION = 8

Op = Literal["upsert", "delete", "reset"]


def record(id: str, text: str = "", metadata: Mapping[str, Any] | None = None) -> ChunkRecord:
    vector = np.random.default_rng(abs(hash(id))).normal(size=DIMENSION).astype(np.float32)
    return ChunkRecord(
        id=id,
        text=text or f"text {id}",
        vector=vector / np.linalg.norm(vector),
        metadata=metadata or {},
        fields={"kind": "note", "importance": 2, "created_at": 1.5},
        scope=("acme", "alice"),
    )


def change(seq: int, op: Op, chunk_id: str = "") -> OutboxItem:
    return OutboxItem(seq, op, chunk_id, record(chunk_id) if op == "upsert" else None)


class ListOutbox:
    def __init__(self, *changes: tuple[Op, str]) -> None:
        self.items: list[OutboxItem] = []
        self.lock = threading.Lock()
        self.put(*changes)

    def put(self, *changes: tuple[Op, str]) -> None:
        with self.lock:
            for op, chunk_id in changes:
                self.items.append(change(self.mark() + 1, op, chunk_id))

    def pending(self, limit: int) -> Sequence[OutboxItem]:
        with self.lock:
            return self.items[:limit]

    def settle(self, seqs: Sequence[int]) -> None:
        with self.lock:
            done = set(seqs)
            self.items = [item for item in self.items if item.seq not in done]

    def count(self, upto: int | None = None) -> int:
        return len([item for item in self.items if upto is None or item.seq <= upto])

    def mark(self) -> int:
        return self.items[-1].seq if self.items else 0


class SqliteOutbox:
    def __init__(self, path: Path | str) -> None:
        self.path = str(path)
        with closing(self._connect()) as db, db:
            db.execute("CREATE TABLE IF NOT EXISTS outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, op, chunk_id)")

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=10)
        db.execute("PRAGMA journal_mode=WAL")
        return db

    def put(self, *changes: tuple[Op, str]) -> None:
        with closing(self._connect()) as db, db:
            db.executemany("INSERT INTO outbox (op, chunk_id) VALUES (?, ?)", changes)

    def pending(self, limit: int) -> Sequence[OutboxItem]:
        with closing(self._connect()) as db:
            return [change(*row) for row in db.execute("SELECT * FROM outbox ORDER BY seq LIMIT ?", (limit,))]

    def settle(self, seqs: Sequence[int]) -> None:
        with closing(self._connect()) as db, db:
            db.executemany("DELETE FROM outbox WHERE seq = ?", [(seq,) for seq in seqs])

    def count(self, upto: int | None = None) -> int:
        with closing(self._connect()) as db:
            rows = db.execute("SELECT count(*) FROM outbox WHERE seq <= ?", (upto if upto is not None else 2**62,))
            return int(rows.fetchone()[0])

    def mark(self) -> int:
        with closing(self._connect()) as db:
            return int(db.execute("SELECT coalesce(max(seq), 0) FROM outbox").fetchone()[0])
