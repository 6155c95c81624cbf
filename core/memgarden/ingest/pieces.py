"""Puts the memories of memgarden's own collections together again, whose records are chunks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from memgarden.errors import InvalidMemory
from memgarden.ingest.adopt import Placed
from memgarden.ingest.validate import check_memory, to_importance
from memgarden.records import Memory, ScopePath, from_micros

__all__ = ["Pieces", "is_piece", "origin"]

OWN = "mg."
LLAMA_INDEX = frozenset({"_node_content", "_node_type", "document_id", "doc_id", "ref_doc_id"})
MICROS = 1_000_000


def is_piece(metadata: Mapping[str, Any]) -> bool:
    """Whether memgarden wrote the record."""
    return isinstance(metadata.get("mg.memory_id"), str) and isinstance(metadata.get("mg.scope"), str)


def origin(metadata: Mapping[str, Any]) -> tuple[str, str] | None:
    """The garden (empty, where the record does not say) and the scope of a record of memgarden's; None for others."""
    return (str(metadata.get("mg.garden", "")), metadata["mg.scope"]) if is_piece(metadata) else None


@dataclass(slots=True)
class Held:
    """What was seen of a memory: its texts, each with the blanks before it, by where they begin."""

    ids: list[str] = field(default_factory=list)
    texts: dict[int, tuple[str, str]] = field(default_factory=dict)
    first: Mapping[str, Any] | None = None
    tail: str = ""


class Pieces:
    """Holds chunks until all of their memory is there."""

    def __init__(self, path: ScopePath, wanted: tuple[str, str] | None) -> None:
        """Memories of the garden and scope `wanted` go to `path`; those of others are refused."""
        self._path, self._wanted = path, wanted
        self._held: dict[str, Held] = {}

    def read(self, id: str, document: str, metadata: Mapping[str, Any]) -> Placed | None:
        """The memory that a chunk completes; `InvalidMemory` for a chunk that cannot be of use."""
        if origin(metadata) != self._wanted:
            raise InvalidMemory(
                f"it is of the scope {metadata['mg.scope']}, and the collection holds several: adopt it into the scope "
                "of that name, so that no memory takes the place of another's"
            )
        start, end, length = (metadata.get(OWN + key) for key in ("start", "end", "length"))
        if not (isinstance(start, int) and isinstance(end, int) and isinstance(length, int)):
            raise InvalidMemory(
                "it is a chunk of a memory that it does not say the length of, so nobody can tell whether all of it is "
                "here: use garden.export, or run `memgarden reindex` and adopt the collection then"
            )
        if len(document) != end - start:
            raise InvalidMemory(f"its text was cut: it has {len(document):,} characters of {end - start:,}")
        key: str = metadata["mg.memory_id"]
        held = self._held.setdefault(key, Held())
        held.ids.append(id)
        held.texts[start] = (str(metadata.get("mg.gap", "")), document)
        held.tail = held.tail or str(metadata.get("mg.tail", ""))
        if held.first is None or "mg.json" in metadata:
            held.first = metadata
        text = _joined(held, length)
        if text is None:
            return None
        del self._held[key]
        alone = len(held.ids) == 1
        return Placed(self._path, _memory(key, text, held.first), whole=alone, embedder=metadata.get("mg.embedder"))

    def left(self) -> Mapping[str, str]:
        """The chunks of memories that are not whole."""
        return {
            id: f"it is a part of the memory {key!r}, and other parts of that are not in the collection"
            for key, held in self._held.items()
            for id in held.ids  # noqa: A001
        }


def _joined(held: Held, length: int) -> str | None:
    """The text; None while parts are missing. Between chunks there are blanks, which stand beside them."""
    text = ""
    for start, (gap, piece) in sorted(held.texts.items()):
        if missing := max(0, start - len(text)):
            if missing > len(gap):
                return None
            text += gap[-missing:]
        text += piece[len(text) - start :]
    text += held.tail if len(text) + len(held.tail) == length else ""
    return text if len(text) == length else None


def _memory(id: str, text: str, metadata: Mapping[str, Any]) -> Memory:
    try:
        kept = json.loads(metadata.get("mg.json", "{}"))
        tags = [tag for tag in str(metadata.get("mg.tags", "")).split(",") if tag]
        created, expires = float(metadata["mg.created_at"]), metadata.get("mg.expires_at")
        left_out = LLAMA_INDEX if "_node_content" in metadata else frozenset[str]()
        plain = {key: value for key, value in metadata.items() if not key.startswith(OWN) and key not in left_out}
        return check_memory(
            Memory(
                text,
                id=id,
                metadata=kept.get("metadata", plain),
                tags=kept.get("tags", tags),
                importance=to_importance(metadata.get("mg.importance", "medium")),
                kind=str(metadata.get("mg.kind", "document")),
                created_at=from_micros(round(created * MICROS)),
                expires_at=None if expires is None else from_micros(round(float(expires) * MICROS)),
            )
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        if isinstance(error, InvalidMemory):
            raise
        raise InvalidMemory(f"what memgarden wrote beside it was changed since: {error!r}") from error
