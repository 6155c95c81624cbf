"""The middle steps of the write path: a memory is chunked, its chunks are embedded and analysed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from memgarden.errors import EmbedderMismatch
from memgarden.ingest.validate import check_vectors, to_unit
from memgarden.protocols import Analyzer, Cutter, Embedder, Span
from memgarden.records import Chunk, Entry, Floats, Memory

__all__ = ["Preparer"]


@dataclass(frozen=True, slots=True)
class Preparer:
    """Makes memories ready to be written: what the record and every index need is computed here, once."""

    embedder: Embedder
    analyzer: Analyzer
    cutter: Cutter

    def entries(
        self, memories: Sequence[Memory], vectors: npt.ArrayLike | None = None, embedder: str | None = None
    ) -> list[Entry]:
        """One entry a memory. `vectors` `(n, d)` of the whole texts by `embedder` make each memory one chunk."""
        if vectors is not None:
            spans: list[Sequence[Span]] = [((0, len(memory.text)),) for memory in memories]
            name, dimension = self.embedder.name, self.embedder.dimension
            texts: list[Sequence[str]] = [(memory.text,) for memory in memories]
            embedded = check_vectors(vectors, len(memories), embedder=embedder, name=name, dimension=dimension)
        else:
            spans = [self.cutter.cut(memory.text, memory.kind) for memory in memories]
            texts = [
                self.cutter.read(memory.text, memory.kind, own) for memory, own in zip(memories, spans, strict=True)
            ]
            embedded = self.embed([text for own in texts for text in own])
        rows = iter(embedded)
        return [
            Entry(memory, [self._chunk(span, text, next(rows)) for span, text in zip(own, read, strict=True)])
            for memory, own, read in zip(memories, spans, texts, strict=True)
        ]

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Floats:
        """Vectors `(n, d)` of texts by the garden's embedder, checked: it may be anybody's."""
        embedded = np.asarray(self.embedder.embed(texts, query=query), dtype=np.float32)
        wanted = (len(texts), self.embedder.dimension)
        if embedded.shape != wanted:
            raise EmbedderMismatch(f"the embedder {self.embedder.name!r} gave {embedded.shape} where {wanted} was due")
        return to_unit(embedded, f"the embedder {self.embedder.name!r} made it; mend the embedder")

    def _chunk(self, span: Span, text: str, vector: Floats) -> Chunk:
        start, end = span
        postings, length = self.analyzer.index(text)
        return Chunk(start, end, vector, postings, length)
