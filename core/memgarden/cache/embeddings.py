"""An embedder that remembers: queries in memory, documents in a `VectorCache`."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np

from memgarden.errors import InvalidSetting
from memgarden.protocols import Embedder, VectorCache
from memgarden.records import Floats

__all__ = ["CachedEmbedder"]


class CachedEmbedder:
    """An `Embedder` that embeds no text twice while it remembers it.

    Queries and documents are kept apart, for models that prompt them differently: the last `query_entries` queries
    in memory (0: none), documents in `cache` (None: none). Equal texts of one call are embedded once. Any number of
    threads may share it; what it returns is the caller's own copy.
    """

    def __init__(self, embedder: Embedder, cache: VectorCache | None, *, query_entries: int = 10_000) -> None:
        if query_entries < 0:
            raise InvalidSetting(f"query_entries is 0 or more, not {query_entries}")
        self._embedder = embedder
        self._cache = cache
        self._query_entries = query_entries
        self._queries: OrderedDict[str, Floats] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The wrapped embedder's name: the vectors are its own."""
        return self._embedder.name

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self._embedder.dimension

    def window(self) -> tuple[int, Callable[[str], int]]:
        """The wrapped embedder's window."""
        return self._embedder.window()

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Floats:
        """Vectors `(len(texts), dimension)`, float32, L2-normalised, remembered ones where there are some."""
        unique = list(dict.fromkeys(texts))
        if not unique:
            return self._embedder.embed([], query=query)
        found = self._load_queries(unique) if query else self._load_documents(unique)
        missing = [text for text, vector in zip(unique, found, strict=True) if vector is None]
        known = {text: vector for text, vector in zip(unique, found, strict=True) if vector is not None}
        if missing:
            fresh = self._embedder.embed(missing, query=query)
            known.update(zip(missing, fresh, strict=True))
            if query:
                self._save_queries(missing, fresh)
            elif self._cache is not None:
                self._cache.save(self.name, missing, fresh)
        return np.stack([known[text] for text in texts])

    def _load_documents(self, texts: Sequence[str]) -> list[Floats | None]:
        return [None] * len(texts) if self._cache is None else self._cache.load(self.name, texts)

    def _load_queries(self, texts: Sequence[str]) -> list[Floats | None]:
        with self._lock:
            for text in texts:
                if text in self._queries:
                    self._queries.move_to_end(text)
            return [self._queries.get(text) for text in texts]

    def _save_queries(self, texts: Sequence[str], vectors: Floats) -> None:
        with self._lock:
            for text, vector in zip(texts, vectors, strict=True):
                self._queries[text] = vector.copy()  # a row of `vectors` would keep all of it alive
                self._queries.move_to_end(text)
            while len(self._queries) > self._query_entries:
                self._queries.popitem(last=False)
