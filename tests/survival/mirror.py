"""Chroma and the record of a closed garden, compared chunk by chunk by plain clients of each."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np

from memgarden import Garden
from memgarden.store.rows import to_span
from memgarden.vector.collection import collection_name
from tests.plain_chroma import chunks_of

__all__ = ["same_as_record"]


def same_as_record(garden: Garden) -> int:
    """Assert that each chunk is in Chroma with its text, vector, scope and memory, and nothing else is; how many.

    Each is in one collection: that of its scope, if it has one, or else the one that all others share.
    """
    where = Path(garden._parts.where)
    id = garden._parts.id
    found = chunks_of(where / "chroma", id)
    with sqlite3.connect(where / "garden.db") as connection:
        rows = connection.execute(
            "SELECT c.pk, m.text, c.packed, c.vector, s.path, m.id, s.own * s.pk"
            " FROM chunks c JOIN memories m ON c.memory = m.pk JOIN scopes s ON c.scope = s.pk"
        ).fetchall()
    record = {
        str(pk): (text[slice(*to_span(packed))], f"{path}|{memory}", collection_name(id, own or None))
        for pk, text, packed, _, path, memory, own in rows
    }
    assert len(found["ids"]) == len({*found["ids"].tolist()}), "a chunk is in two collections"
    places = zip(found["texts"].tolist(), found["scopes"].tolist(), found["places"].tolist(), strict=True)
    mirror = dict(zip(found["ids"].tolist(), places, strict=True))
    missing, extra = record.keys() - mirror.keys(), mirror.keys() - record.keys()
    assert not missing and not extra, f"Chroma lacks {sorted(missing)[:9]} and has {sorted(extra)[:9]} besides"
    assert mirror == record
    vectors = {str(pk): np.frombuffer(vector, "<f4") for pk, _, _, vector, *_ in rows}
    for key, vector in zip(found["ids"].tolist(), found["vectors"], strict=True):
        assert np.allclose(vector, vectors[key], atol=1e-5), key
    return len(record)
