"""Between rows of the database and the values of `records`. Rows come in the order of the columns named here."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from memgarden.records import (
    NEVER,
    POSTING,
    ROW,
    Chunk,
    Importance,
    Memory,
    Turn,
    from_micros,
    to_micros,
    utc_now,
)
from memgarden.store import schema
from memgarden.store.statement import Row
from memgarden.store.vectors import VECTOR, to_vector

__all__ = [
    "CHUNK",
    "FIELDS",
    "MEMORY",
    "PACKED",
    "chunk_row",
    "memory_row",
    "to_chunk",
    "to_fields",
    "to_memory",
    "to_span",
]

NO_TURN = Turn(0, 0, 0)
LEVELS = {int(level): level for level in Importance}
_m, _c = schema.memories.c, schema.chunks.c
FIELDS = (_m.id, _m.metadata, _m.tags, _m.importance, _m.kind, _m.created_at, _m.expires_at, _m.stored_at)
MEMORY = (*FIELDS, _m.text)
CHUNK = (_c.packed, _c.postings, _c.vector)
PACKED = struct.Struct(f"<{len(ROW.names or ())}q")  # which makes one ROW tenfold faster than numpy


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


def chunk_row(chunk: Chunk, parent: Mapping[str, Any], pk: int, revision: int) -> dict[str, Any]:
    """The row of `schema.chunks`; `parent` is the memory's row."""
    expires_at = parent["expires_at"]
    return {
        "pk": pk,
        "scope": parent["scope"],
        "memory": parent["pk"],
        "revision": revision,
        "session": chunk.turn.session if chunk.turn else None,
        "created_at": parent["created_at"],
        "packed": PACKED.pack(
            pk,
            parent["pk"],
            chunk.start,
            chunk.end,
            parent["created_at"],
            NEVER if expires_at is None else expires_at,
            *(chunk.turn or NO_TURN),
            chunk.length,
            chunk.language,
        ),
        "postings": chunk.postings.tobytes(),
        "vector": chunk.vector.astype(VECTOR, copy=False).tobytes(),
    }


def to_fields(row: Row) -> dict[str, Any]:
    """What a filter sees of a row of `FIELDS`: a memory but for its text."""
    id, metadata, tags, importance, kind, created_at, expires_at, stored_at = row  # noqa: A001
    return {
        "id": id,
        "metadata": json.loads(metadata),
        "tags": json.loads(tags),
        "importance": LEVELS[importance],
        "kind": kind,
        "created_at": from_micros(created_at),
        "expires_at": None if expires_at is None else from_micros(expires_at),
        "stored_at": from_micros(stored_at),
    }


def to_memory(row: Row) -> Memory:
    """The memory of a row of `MEMORY`."""
    id, metadata, tags, importance, kind, created_at, expires_at, stored_at, text = row  # noqa: A001
    said = from_micros(created_at)
    return Memory(
        text,
        id,
        # Most memories have none of either, and a search makes ten of these: the parser is not asked for nothing.
        {} if metadata == "{}" else json.loads(metadata),
        () if tags == "[]" else tuple(json.loads(tags)),
        LEVELS[importance],
        kind,
        said,
        None if expires_at is None else from_micros(expires_at),
        said if stored_at == created_at else from_micros(stored_at),
    )


def to_chunk(row: Row) -> Chunk:
    """The chunk of a row of `CHUNK`."""
    packed, postings, vector = row
    _, _, start, end, _, _, session, speaker, stated, length, language = PACKED.unpack(packed)
    return Chunk(
        start=start,
        end=end,
        vector=to_vector(vector),
        postings=np.frombuffer(postings, dtype=POSTING),
        length=length,
        turn=Turn(session, speaker, stated) if session else None,
        language=language,
    )


def to_span(packed: bytes) -> tuple[int, int]:
    """Start and end of the chunk of a packed row."""
    _, _, start, end, *_ = PACKED.unpack(packed)
    return start, end
