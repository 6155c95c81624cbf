"""Prose: whole sentences, cut at a paragraph where one ends in time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from memgarden.chunk.pack import BLANK_LINE, BLOCK, SENTENCE, SENTENCE_END, Packer, Unit, split
from memgarden.protocols import Span

__all__ = ["ProseChunker"]


class ProseChunker:
    """800 to 1,200 tokens, the last 150 to 250 of them again in the next; the same proportions of a smaller window."""

    most: int | None = 1200  # tokens, where the embedder reads as many

    def __init__(self, size: int, overlap: int | None, count: Callable[[str], int]) -> None:
        """`size` and `overlap` in tokens; the overlap is a fifth of the size if None is given."""
        self._packer = Packer(size, size // 5 if overlap is None else overlap, count)

    def __call__(self, text: str) -> Sequence[Span]:
        """Spans that together cover the text, of whole sentences where those fit."""
        paragraphs = split(text, Unit(0, len(text), BLOCK), BLANK_LINE, BLOCK)
        sentences = [part for unit in paragraphs for part in split(text, unit, SENTENCE_END, SENTENCE)]
        return self._packer.pack(text, sentences)
