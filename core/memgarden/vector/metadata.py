"""Turns a chunk into what Chroma can hold: a document and one flat level of scalars and lists of scalars.

The user's metadata keeps its own names (`topic`, `author.name`), so that any Chroma client can filter by them; what
memgarden knows of the chunk stands under `mg.` (`mg.scope`, `mg.kind`). Measured on chromadb 1.5.9, hence the rules:

- an infinite float in a list is taken and then breaks the collection for good: NaN and infinity become text
- an integer beyond int64 turns into a float: it becomes text
- empty, nested and mixed lists are refused: they become JSON text
- a lone surrogate is refused: it becomes a backslash escape
- a name that is empty or begins with `#`, `$` or `chroma:` is refused or lost: it gets a leading underscore
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Container, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from memgarden.paths import encode_path
from memgarden.protocols import ChunkRecord
from memgarden.records import ScopePath
from memgarden.vector.limits import LOCAL, Limits

__all__ = ["DEPTH", "OWN", "Flat", "flatten", "of_scope"]

Value = str | int | float | bool | list[Any]
Flat = dict[str, Value]

OWN = "mg."
"""The prefix of memgarden's own keys."""

DEPTH = 5
"""Levels of nesting that become dotted names; what is deeper becomes JSON text, for hardly anyone filters by it."""

REFUSED = ("#", "$", "chroma:", OWN)
INT64 = range(-(2**63), 2**63)


def flatten(record: ChunkRecord, limits: Limits = LOCAL) -> tuple[str, Flat]:
    """The document and the metadata of a chunk, which Chroma takes and gives back unchanged, whatever JSON it holds.

    Texts over the limit are cut, with the SHA-256 of the whole beside them as `<key>.sha256`. Values beyond the
    number of keys that fit stand together as JSON text in `mg.rest`. Names that would be one get `~2`, `~3`.
    """
    document = _clean(record.text)
    cut = _cut(document, limits.document_bytes)
    own = {OWN + "scope": encode_path(record.scope)} | {OWN + key: value for key, value in record.fields.items()}
    if cut != document:
        own[OWN + "text.sha256"] = _sha256(document)
    ours, _ = _fit({key: _plain(value, limits) for key, value in own.items()}, limits.keys, limits)

    # By depth: where a nested value would take the same dotted name, the name that the user wrote wins.
    leaves = sorted(_leaves(record.metadata, "", 1), key=lambda leaf: leaf[0])
    named: dict[str, Value] = {}
    for _, name, value in leaves:
        named[_free(_allowed(name), named, limits)] = _plain(value, limits)
    flat, rest = _fit(named, limits.keys - len(ours) - 2, limits)  # two are kept for mg.rest and its hash
    if rest:
        ours |= _fit({OWN + "rest": _json(rest)}, 2, limits)[0]
    return cut, flat | ours


def of_scope(path: ScopePath, limits: Limits = LOCAL) -> Flat:
    """The keys and values that tell the chunks of one scope, as `flatten` writes them; of a long path with its hash."""
    return _fit({OWN + "scope": _plain(encode_path(path), limits)}, 2, limits)[0]


def _leaves(value: object, name: str, depth: int) -> Iterator[tuple[int, str, Any]]:
    """Depth, dotted name and value of all that is not None."""
    if isinstance(value, Mapping) and depth <= DEPTH and (value or depth == 1):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if depth > 1 else str(key), depth + 1)
    elif value is not None:
        yield depth, name, value


def _plain(value: object, limits: Limits) -> Value:
    """The value itself where Chroma keeps it, else text that says the same."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if value in INT64 else str(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    text = _json(value)
    if isinstance(value, list | tuple) and 0 < len(value) <= limits.items and len(text.encode()) <= limits.value_bytes:
        plain = [_plain(item, limits) for item in value]
        kinds = {type(item) for item in value}
        # Plain items are of their old type unless one had to become text.
        if len(kinds) == 1 and kinds == {type(item) for item in plain} and kinds <= {str, int, float, bool}:
            return plain
    return text


def _fit(values: Mapping[str, Value], room: int, limits: Limits) -> tuple[Flat, Flat]:
    """What fits into `room` keys, long texts cut with their hashes beside them, and the values left over."""
    flat: Flat = {}
    left: Flat = {}
    for key, value in values.items():
        cut = _cut(value, limits.value_bytes) if isinstance(value, str) else value
        if len(flat) + (1 if cut == value else 2) > room:
            left[key] = value
            continue
        flat[key] = cut
        if cut != value:
            flat[_free(f"{key}.sha256", values.keys() | flat.keys(), limits)] = _sha256(str(value))
    return flat, left


def _allowed(name: str) -> str:
    """A name that Chroma takes and that is none of memgarden's."""
    name = _clean(name)
    return f"_{name}" if not name or name.startswith(REFUSED) else name


def _free(name: str, taken: Container[str], limits: Limits) -> str:
    """A name within the limit that is not taken: numbered if need be, told apart by a hash where it is cut."""
    number, candidate = 1, name
    while True:
        if len(candidate.encode()) > limits.key_bytes:
            candidate = f"{_cut(candidate, limits.key_bytes - 9)}~{_sha256(candidate)[:8]}"
        if candidate not in taken:
            return candidate
        number += 1
        candidate = f"{name}~{number}"


def _json(value: object) -> str:
    return _clean(json.dumps(value, ensure_ascii=False, default=str))


def _clean(text: str) -> str:
    """Text that UTF-8 can hold."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _cut(text: str, size: int) -> str:
    """At most `size` bytes of UTF-8, whole characters."""
    return text if len(text) * 4 <= size else text.encode("utf-8")[:size].decode("utf-8", "ignore")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
