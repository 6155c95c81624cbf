"""The plain thing: SQLite FTS5 for the words, numpy over one user's vectors, reciprocal rank fusion."""

import re
import sqlite3

import numpy as np


class Contender:
    def open(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(folder / "memories.db", isolation_level=None)
        self.db.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
            "CREATE TABLE IF NOT EXISTS m (pk INTEGER PRIMARY KEY, user TEXT, id TEXT, text TEXT, vector BLOB);"
            "CREATE INDEX IF NOT EXISTS by_user ON m (user);"
            "CREATE VIRTUAL TABLE IF NOT EXISTS f USING fts5 (user, text, content='');"
        )

    def load(self, user, ids, texts, vectors):
        self.db.execute("BEGIN IMMEDIATE")
        last = self.db.execute("SELECT coalesce(max(pk), 0) FROM m").fetchone()[0]
        rows = list(zip(range(last + 1, last + 1 + len(ids)), ids, texts, vectors, strict=True))
        self.db.executemany(
            "INSERT INTO m VALUES (?, ?, ?, ?, ?)", [(n, user, i, t, v.tobytes()) for n, i, t, v in rows]
        )
        self.db.executemany("INSERT INTO f (rowid, user, text) VALUES (?, ?, ?)", [(n, user, t) for n, _, t, _ in rows])
        self.db.execute("COMMIT")

    def add(self, user, id, text, vector):
        self.load(user, [id], [text], vector[None])

    def query(self, user, text, vector):
        words = " OR ".join(re.findall(r"\w+", text))
        match = f'user : "{user}" AND text : ({words})'
        lexical = self.db.execute("SELECT rowid FROM f WHERE f MATCH ? ORDER BY rank LIMIT 100", (match,)).fetchall()
        rows = self.db.execute("SELECT pk, vector FROM m WHERE user = ?", (user,)).fetchall()
        scores = np.frombuffer(b"".join(v for _, v in rows), np.float32).reshape(len(rows), -1) @ vector
        dense = [rows[n][0] for n in np.argsort(-scores)[:100]]
        fused = {}
        for ranking in ([pk for (pk,) in lexical], dense):
            for place, pk in enumerate(ranking, 1):
                fused[pk] = fused.get(pk, 0) + 1 / (60 + place)
        best = sorted(fused, key=lambda pk: -fused[pk])[:10]
        return [self.db.execute("SELECT id, text FROM m WHERE pk = ?", (pk,)).fetchone()[0] for pk in best]

    def close(self):
        self.db.close()
