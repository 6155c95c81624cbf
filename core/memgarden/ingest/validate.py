"""The first step of the write path: what a user hands in becomes a `Memory`, or an error that says what to do."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from memgarden.errors import EmbedderMismatch, InvalidMemory, InvalidQuery
from memgarden.paths import UNSTORABLE
from memgarden.records import Floats, Importance, Memory, copy_json

__all__ = ["check_memory", "check_vectors", "is_storable", "to_importance", "to_memory", "to_unit"]

MAX_TEXT_BYTES = 16 * 2**20  # a book is one to two; past this the caller meant a file, not a memory
MAX_ID_BYTES = 1024
MAX_LABEL_BYTES = 256  # of a tag or a kind
MAX_DEPTH = 32
MAX_INT_BITS = 1024
FIELDS = frozenset(field.name for field in dataclasses.fields(Memory)) - {"stored_at"}
UNIT = 1e-3  # how far from 1 a norm may be to be taken as given


def to_memory(item: str | Memory | Mapping[str, Any]) -> Memory:
    """A checked memory from a text, a `Memory` or a mapping of a memory's fields; `InvalidMemory` otherwise."""
    if isinstance(item, str):
        return check_memory(Memory(item))
    if isinstance(item, Memory):
        return check_memory(item)
    if not isinstance(item, Mapping):
        raise InvalidMemory(f"a memory is a string, a Memory or a mapping of its fields, not {type(item).__name__}")
    if unknown := item.keys() - FIELDS:
        raise InvalidMemory(
            f"a memory has no field {sorted(map(str, unknown))}: the fields are {', '.join(sorted(FIELDS))}; "
            "everything else goes into metadata"
        )
    if "text" not in item:
        raise InvalidMemory("a memory needs a text: {'text': '...'}")
    return check_memory(Memory(**item))


def check_memory(memory: Memory) -> Memory:
    """The memory with its fields in their own types; `InvalidMemory` names the field and the mend."""
    _check_string("text", memory.text, MAX_TEXT_BYTES)
    if not memory.text.strip():
        raise InvalidMemory("the text of a memory is empty: there is nothing to remember")
    _check_string("id", memory.id, MAX_ID_BYTES)
    _check_string("kind", memory.kind, MAX_LABEL_BYTES)
    if not memory.id or not memory.kind:
        raise InvalidMemory("the id and the kind of a memory may not be empty: leave them out for the defaults")
    if not isinstance(memory.metadata, Mapping):
        raise InvalidMemory(f"metadata is a mapping with string keys, not {type(memory.metadata).__name__}")
    if memory.metadata:
        _check_json(memory.metadata, "metadata", MAX_DEPTH)
    _check_time("created_at", memory.created_at)
    if memory.expires_at is not None:
        _check_time("expires_at", memory.expires_at)
    tags = memory.tags
    if tags:
        if isinstance(tags, str) or not isinstance(tags, Sequence | set | frozenset):
            raise InvalidMemory(f"tags are a list of strings, as in tags=['home'], not {tags!r}")
        for tag in tags:
            _check_string("a tag", tag, MAX_LABEL_BYTES)
    if type(tags) is tuple and type(memory.importance) is Importance and not memory.metadata:
        return memory
    ordered = sorted(tags) if isinstance(tags, set | frozenset) else tags
    return dataclasses.replace(
        memory,
        tags=tuple(ordered),
        importance=to_importance(memory.importance),
        metadata=copy_json(memory.metadata),  # so that it is as it will come back, and nobody else's
    )


def is_storable(id: object) -> bool:
    """Whether a memory could have that id: one that could not is none that a scope holds."""
    if not isinstance(id, str):
        raise InvalidQuery(f"an id is a string, not {type(id).__name__}")
    return UNSTORABLE.search(id) is None


def to_importance(value: object) -> Importance:
    """An importance by its name, as in `"high"`, or as it is."""
    if isinstance(value, Importance):
        return value
    if isinstance(value, str) and value.upper() in Importance.__members__:
        return Importance[value.upper()]
    raise InvalidMemory(f"importance is one of {', '.join(level.label for level in Importance)}, not {value!r}")


def _check_string(what: str, value: object, most: int) -> None:
    if not isinstance(value, str):
        raise InvalidMemory(f"{what} is a string, not {type(value).__name__}: {value!r:.80}")
    if not value.isascii() or "\0" in value:
        if found := UNSTORABLE.search(value):
            raise InvalidMemory(
                f"{what} holds {found[0]!r} at position {found.start()}, which no database stores as text: "
                "remove it, or mend the text with text.encode('utf-8', 'replace').decode()"
            )
        size = len(value.encode())
    else:
        size = len(value)
    if size > most:
        raise InvalidMemory(f"{what} takes {size:,} bytes; at most {most:,}: split or shorten it")


def _check_json(value: object, where: str, depth: int) -> None:
    kind = type(value)
    if kind is str:
        if not value.isascii() or "\0" in value:  # type: ignore[attr-defined, operator]
            _check_string(where, value, MAX_TEXT_BYTES)
    elif kind is float:
        if not math.isfinite(value):  # type: ignore[arg-type]
            raise InvalidMemory(f"{where} is {value}, which JSON has no word for: use None")
    elif isinstance(value, int) and kind is int:
        if value.bit_length() > MAX_INT_BITS:
            raise InvalidMemory(f"{where} is a number of more than {MAX_INT_BITS} bits: store it as a string")
    elif kind is bool or value is None:
        return
    elif depth == 0:
        raise InvalidMemory(f"metadata is nested deeper than {MAX_DEPTH} levels at {where}: flatten it")
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise InvalidMemory(f"a key of {where} is {key!r}: JSON's keys are strings, so use {str(key)!r}")
            _check_string(f"a key of {where}", key, MAX_ID_BYTES)
            _check_json(inner, f"{where}.{key}", depth - 1)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            _check_json(inner, f"{where}[{number}]", depth - 1)
    else:
        mend = (
            "store value.isoformat()" if isinstance(value, datetime) else "store a str, int, float, bool, list or dict"
        )
        raise InvalidMemory(f"{where} is of type {kind.__name__}, which is not JSON: {mend}")


def _check_time(what: str, value: object) -> None:
    if not isinstance(value, datetime):
        raise InvalidMemory(f"{what} is a datetime, not {type(value).__name__}: use datetime.fromisoformat(...)")
    if value.utcoffset() is None:
        raise InvalidMemory(f"{what} has no time zone ({value.isoformat()}): use value.replace(tzinfo=timezone.utc)")
    try:
        value.astimezone(UTC)
    except OverflowError as error:
        raise InvalidMemory(f"{what} is {value.isoformat()}, which UTC has no year for: leave it out") from error


def check_vectors(vectors: npt.ArrayLike, count: int, *, embedder: str | None, name: str, dimension: int) -> Floats:
    """Vectors given by the caller as `(count, dimension)` float32, L2-normalised.

    `EmbedderMismatch` unless they are said to come from the garden's embedder, `name`, and have its dimension;
    `InvalidMemory` for NaN, infinity, zero vectors and another count.
    """
    if embedder != name:
        said = "nothing was said" if embedder is None else f"{embedder!r} was said"
        raise EmbedderMismatch(
            f"this garden's vectors come from {name!r}, and {said} of those given: pass embedder={name!r} if they do, "
            "or leave the vectors out to have the texts embedded"
        )
    try:
        given = np.asarray(vectors, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InvalidMemory(f"vectors are numbers of shape ({count}, {dimension}): {error}") from error
    if given.ndim != 2 or given.shape[0] != count:
        raise InvalidMemory(f"{count} vectors are needed, one a memory, and the shape given is {given.shape}")
    if given.shape[1] != dimension:
        raise EmbedderMismatch(
            f"this garden's vectors have {dimension} dimensions ({name}); those given {given.shape[1]}"
        )
    return to_unit(given, "embed its text again")


def to_unit(given: Floats, mend: str) -> Floats:
    """Vectors `(n, d)` L2-normalised, themselves if they are already; `InvalidMemory` for NaN, infinity and zeros."""
    norms = np.sqrt(np.vecdot(given, given))
    # Of one vector, as a search has it, its own length is both.
    low, high = (norms[0], norms[0]) if len(norms) == 1 else (norms.min(initial=1), norms.max(initial=1))
    if not (low > 0 and high < np.inf):  # NaN is in no order
        bad = int(np.flatnonzero(~np.isfinite(norms) | (norms == 0))[0])
        raise InvalidMemory(f"vector {bad} is zero or holds NaN or infinity: {mend}")
    if low < 1 - UNIT or high > 1 + UNIT:
        given = given / norms[:, None]
    return given
