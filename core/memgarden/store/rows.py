"""Between rows of the database and the values of `records`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from memgarden.records import POSTING, Chunk, Floats, Importance, Memory, from_micros, to_micros, utc_now

__all__ = ["chunk_row", "memory_row", "to_chunk", "to_fields", "to_memory", "to_vectors"]

VECTOR = np.dtype("<f4")


def memory_row(memory: Memory, scope: int, pk: int) -> dict[str, Any]:
    """The row of `schema.memories`."""
    return {
        "pk": pk,
        "scope": scope,
        "id": memory.id,
        "text": memory.text,
        "metadata": json.dumps(memory.metadata, ensure_ascii=False, separators=(",", ":")) if memory.metadata else "{}",
        "tags": json.dumps(memory.tags, ensure_ascii=False) if memory.tags else "[]",
        "importance": int(memory.importance),
        "kind": memory.kind,
        "created_at": to_micros(memory.created_at),
        "expires_at": None if memory.expires_at is None else to_micros(memory.expires_at),
        "stored_at": to_micros(memory.stored_at or utc_now()),
    }


def chunk_row(chunk: Chunk, parent: dict[str, Any], pk: int, revision: int) -> dict[str, Any]:
    """The row of `schema.chunks`; `parent` is the memory's row."""
    return {
        "pk": pk,
        "scope": parent["scope"],
        "memory": parent["pk"],
        "revision": revision,
        "start": chunk.start,
        "end": chunk.end,
        "length": chunk.length,
        "created_at": parent["created_at"],
        "expires_at": parent["expires_at"],
        "postings": chunk.postings.tobytes(),
        "vector": chunk.vector.astype(VECTOR, copy=False).tobytes(),
    }


def to_memory(row: Any) -> Memory:
    """The memory of a row of `schema.memories`."""
    return Memory(
        text=row.text,
        id=row.id,
        metadata=json.loads(row.metadata),
        tags=tuple(json.loads(row.tags)),
        importance=Importance(row.importance),
        kind=row.kind,
        created_at=from_micros(row.created_at),
        expires_at=None if row.expires_at is None else from_micros(row.expires_at),
        stored_at=from_micros(row.stored_at),
    )


def to_fields(row: Any) -> dict[str, Any]:
    """What a filter sees of a row of `schema.memories`: a memory's fields but for its text."""
    return {
        "id": row.id,
        "metadata": json.loads(row.metadata),
        "tags": json.loads(row.tags),
        "importance": Importance(row.importance),
        "kind": row.kind,
        "created_at": from_micros(row.created_at),
        "expires_at": None if row.expires_at is None else from_micros(row.expires_at),
        "stored_at": from_micros(row.stored_at),
    }


def to_chunk(row: Any) -> Chunk:
    """The chunk of a row of `schema.chunks`."""
    return Chunk(
        start=row.start,
        end=row.end,
        vector=np.frombuffer(row.vector, dtype=VECTOR),
        postings=np.frombuffer(row.postings, dtype=POSTING),
        length=row.length,
    )


def to_vectors(blobs: Sequence[bytes], dimension: int) -> Floats:
    """One matrix `(n, dimension)` of the vectors of `n` rows."""
    return np.frombuffer(b"".join(blobs), dtype=VECTOR).reshape(len(blobs), dimension)
