"""Chroma and the record of a closed garden, compared chunk by chunk by plain clients of each."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np

from memgarden import Garden
from memgarden.vector.collection import collection_name

__all__ = ["same_as_record"]

READ = """
import sys
import chromadb, numpy as np
collection = chromadb.PersistentClient(sys.argv[1]).get_collection(sys.argv[2], embedding_function=None)
ids, texts, vectors, scopes = [], [], [], []
while True:
    page = collection.get(limit=1000, offset=len(ids), include=["documents", "embeddings", "metadatas"])
    if not page["ids"]:
        break
    ids += page["ids"]
    texts += page["documents"]
    vectors += list(page["embeddings"])
    scopes += [m["mg.scope"] + "|" + m["mg.memory_id"] for m in page["metadatas"]]
np.savez(sys.argv[3], ids=np.array(ids), texts=np.array(texts), scopes=np.array(scopes), vectors=np.array(vectors))
"""


def same_as_record(garden: Garden) -> int:
    """Assert that each chunk is in Chroma with its text, vector, scope and memory, and nothing else is; how many."""
    where = Path(garden._parts.where)
    out = where / "read.npz"
    # In a process of its own: chromadb keeps a client for each folder for as long as the process lives.
    name = collection_name(garden._parts.id)
    subprocess.run([sys.executable, "-c", READ, str(where / "chroma"), name, str(out)], check=True, timeout=120)
    found = np.load(out)
    out.unlink()
    with sqlite3.connect(where / "garden.db") as connection:
        rows = connection.execute(
            'SELECT c.pk, substr(m.text, c.start + 1, c."end" - c.start), c.vector, s.path, m.id'
            " FROM chunks c JOIN memories m ON c.memory = m.pk JOIN scopes s ON c.scope = s.pk"
        ).fetchall()
    record = {str(pk): (text, path + "|" + id) for pk, text, _, path, id in rows}
    places = zip(found["texts"].tolist(), found["scopes"].tolist(), strict=True)
    mirror = dict(zip(found["ids"].tolist(), places, strict=True))
    missing, extra = record.keys() - mirror.keys(), mirror.keys() - record.keys()
    assert not missing and not extra, f"Chroma lacks {sorted(missing)[:9]} and has {sorted(extra)[:9]} besides"
    assert mirror == record
    vectors = {str(pk): np.frombuffer(vector, "<f4") for pk, _, vector, _, _ in rows}
    for key, vector in zip(found["ids"].tolist(), found["vectors"], strict=True):
        assert np.allclose(vector, vectors[key], atol=1e-5), key
    return len(record)
