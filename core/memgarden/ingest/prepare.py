"""The middle steps of the write path: a memory is chunked, its chunks are embedded and analysed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from memgarden.errors import EmbedderMismatch
from memgarden.ingest.validate import check_vectors, to_unit
from memgarden.protocols import Analyzer, Embedder, Span
from memgarden.records import Chunk, Entry, Floats, Memory

__all__ = ["Preparer"]


@dataclass(frozen=True, slots=True)
class Preparer:
    """Makes memories ready to be written: what the record and every index need is computed here, once.

    `cut` is given the text and the kind of a memory.
    """

    embedder: Embedder
    analyzer: Analyzer
    cut: Callable[[str, str], Sequence[Span]]

    def entries(
        self, memories: Sequence[Memory], vectors: npt.ArrayLike | None = None, embedder: str | None = None
    ) -> list[Entry]:
        """One entry a memory. `vectors` `(n, d)` of the whole texts by `embedder` make each memory one chunk."""
        if vectors is not None:
            spans: list[Sequence[Span]] = [((0, len(memory.text)),) for memory in memories]
            name, dimension = self.embedder.name, self.embedder.dimension
            embedded = check_vectors(vectors, len(memories), embedder=embedder, name=name, dimension=dimension)
        else:
            spans = [self.cut(memory.text, memory.kind) for memory in memories]
            embedded = self._embed(memories, spans)
        rows = iter(embedded)
        return [
            Entry(memory, [self._chunk(memory.text, span, next(rows)) for span in own])
            for memory, own in zip(memories, spans, strict=True)
        ]

    def _embed(self, memories: Sequence[Memory], spans: Sequence[Sequence[Span]]) -> Floats:
        texts = [memory.text[start:end] for memory, own in zip(memories, spans, strict=True) for start, end in own]
        return self.embed(texts)

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Floats:
        """Vectors `(n, d)` of texts by the garden's embedder, checked: it may be anybody's."""
        embedded = np.asarray(self.embedder.embed(texts, query=query), dtype=np.float32)
        wanted = (len(texts), self.embedder.dimension)
        if embedded.shape != wanted:
            raise EmbedderMismatch(f"the embedder {self.embedder.name!r} gave {embedded.shape} where {wanted} was due")
        return to_unit(embedded, f"the embedder {self.embedder.name!r} made it; mend the embedder")

    def _chunk(self, text: str, span: Span, vector: Floats) -> Chunk:
        start, end = span
        postings, length = self.analyzer.index(text[start:end])
        return Chunk(start, end, vector, postings, length)
