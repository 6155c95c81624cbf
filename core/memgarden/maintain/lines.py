"""A memory as a line of JSON, with its vectors or without: the form of exports, which every later version reads.

The first line of a file is its head: `{"memgarden": 1, "embedder": ..., "dimension": ...}`. Each further line is a
memory: its scope and its fields, times in ISO 8601, and `chunks`, where vectors are kept, each with its start and end
in the text and its vector as little-endian float32 in base64.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from memgarden.errors import InvalidMemory, SchemaTooNew
from memgarden.ingest.validate import check_memory, to_unit
from memgarden.paths import check_path
from memgarden.protocols import Span
from memgarden.records import Chunk, Floats, Memory, ScopePath

__all__ = ["FORMAT", "Head", "Line", "read_head", "read_line", "write_head", "write_line"]

FORMAT = 1
VECTOR = np.dtype("<f4")
TIMES = ("created_at", "expires_at", "stored_at")


@dataclass(frozen=True, slots=True)
class Head:
    """What a file says of itself: the embedder of its vectors, and their dimension."""

    embedder: str
    dimension: int


@dataclass(frozen=True, slots=True)
class Line:
    """A memory with its scope; `vectors` is `(n, d)` for `n` `spans`, None where none were kept."""

    path: ScopePath
    memory: Memory
    spans: Sequence[Span] = ()
    vectors: Floats | None = None


def write_head(head: Head) -> str:
    """The first line of a file."""
    return json.dumps({"memgarden": FORMAT, "embedder": head.embedder, "dimension": head.dimension})


def write_line(path: ScopePath, memory: Memory, chunks: Sequence[Chunk] | None) -> str:
    """The line of a memory, with the vectors of its chunks if they are given."""
    fields: dict[str, Any] = {
        "scope": path,
        "id": memory.id,
        "text": memory.text,
        "metadata": memory.metadata,
        "tags": memory.tags,
        "importance": memory.importance.label,
        "kind": memory.kind,
        **{name: None if (time := getattr(memory, name)) is None else time.isoformat() for name in TIMES},
    }
    if chunks is not None:
        fields["chunks"] = [
            [chunk.start, chunk.end, base64.b64encode(chunk.vector.astype(VECTOR, copy=False).tobytes()).decode()]
            for chunk in chunks
        ]
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def read_head(text: str) -> Head:
    """What the first line of a file says; `InvalidMemory` if that is no export, `SchemaTooNew` for a later one."""
    try:
        fields = json.loads(text)
        version = fields["memgarden"]
        head = Head(str(fields.get("embedder", "")), int(fields.get("dimension", 0)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidMemory("this is no export of memgarden: its first line does not say so") from error
    if not isinstance(version, int) or version > FORMAT:
        raise SchemaTooNew(f"this export is of form {version!r}, and this memgarden reads up to {FORMAT}: upgrade it")
    return head


def read_line(text: str, dimension: int) -> Line:
    """The memory of a line; `InvalidMemory` says what is wrong with it."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidMemory(f"the line is no JSON ({error}): it may have been cut off") from error
    if not isinstance(fields, Mapping) or not isinstance(fields.get("scope"), list):
        raise InvalidMemory("the line is no memory: it has no scope")
    own = {name: value for name, value in fields.items() if name not in ("scope", "chunks")}
    try:
        for name in TIMES:
            own[name] = None if own.get(name) is None else datetime.fromisoformat(own[name])
        memory = check_memory(Memory(**own))
        chunks = fields.get("chunks")
        spans = [(int(start), int(end)) for start, end, _ in chunks or ()]
        vectors = None if chunks is None else _vectors([vector for _, _, vector in chunks], dimension)
    except (TypeError, ValueError, binascii.Error) as error:
        if isinstance(error, InvalidMemory):
            raise
        raise InvalidMemory(f"the line is no memory: {error}") from error
    if any(not 0 <= start <= end <= len(memory.text) for start, end in spans):
        raise InvalidMemory(f"the chunks of {memory.id!r} are not parts of its text")
    return Line(check_path(fields["scope"]), memory, spans, vectors)


def _vectors(blobs: Sequence[str], dimension: int) -> Floats:
    found = np.frombuffer(b"".join(map(base64.b64decode, blobs)), dtype=VECTOR).reshape(len(blobs), dimension)
    return to_unit(found, "leave its chunks out")
