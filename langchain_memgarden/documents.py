"""Documents, as LangChain passes them, to and from memories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.documents import Document

from memgarden import Memory

__all__ = ["SCORE", "both", "document", "of_metadata"]

SCORE = "memgarden_score"
"""Where `with_scores` puts a score: a name that no memory's own metadata is likely to have."""


def document(memory: Memory, text: str | None = None) -> Document:
    """A memory as a Document, with a part of its text if one is given."""
    return Document(id=memory.id, page_content=memory.text if text is None else text, metadata=dict(memory.metadata))


def both(own: Mapping[str, Any] | None, given: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """A filter that holds where both do."""
    if not own or not given:
        return given or own
    return {"$and": [own, given]}


def of_metadata(where: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A filter on Documents as one on memories: a Document's `tags` or `kind` are metadata like any other."""
    if not where:
        return None
    return {_name(key): _inner(key, value) for key, value in where.items()}


def _name(key: Any) -> Any:
    return key if not isinstance(key, str) or not key or key.startswith("$") else f"metadata.{key}"


def _inner(key: Any, value: Any) -> Any:
    if key in ("$and", "$or") and isinstance(value, Sequence) and not isinstance(value, str):
        return [of_metadata(part) if isinstance(part, Mapping) and part else part for part in value]
    if key == "$not" and isinstance(value, Mapping):
        return of_metadata(value) or value
    return value
