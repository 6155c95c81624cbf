"""A few records of a store, as whatever reads one gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from memgarden.records import Floats

__all__ = ["Page"]


class Page(NamedTuple):
    """A few records; `documents[i]` and `metadatas[i]` are None where there is none, `embeddings` is `(n, d)`."""

    ids: Sequence[str]
    documents: Sequence[str | None]
    metadatas: Sequence[Mapping[str, Any] | None]
    embeddings: Floats
