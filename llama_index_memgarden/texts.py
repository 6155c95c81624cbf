"""Text, and what holds texts, as a database can store it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["clean", "cleaned"]


def clean(text: str) -> str:
    """Without NUL and what is half a character: what people paste must not cost them an answer."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def cleaned(value: Any) -> Any:
    """A JSON value whose strings are clean."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(str(key)): cleaned(inner) for key, inner in value.items()}
    return [cleaned(inner) for inner in value] if isinstance(value, list | tuple) else value
