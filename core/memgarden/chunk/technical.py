"""Markdown and the like: headings stay with what is below them, fenced code and tables stay whole where they fit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from memgarden.chunk.markup import blocks
from memgarden.chunk.pack import BLANK_LINE, BLOCK, GLUED, LINE, SENTENCE, SENTENCE_END, Packer, Unit, split
from memgarden.protocols import Span

__all__ = ["TechnicalChunker"]

BEFORE_ITEM = re.compile(r"(?:\r\n|\r|\n)(?=[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t])")


class TechnicalChunker:
    """1,000 to 1,500 tokens, the last 200 to 300 of them again in the next; the same proportions of a smaller window.

    No overlap reaches over a heading.
    """

    most: int | None = 1500  # tokens, where the embedder reads as many

    def __init__(self, size: int, overlap: int | None, count: Callable[[str], int]) -> None:
        """`size` and `overlap` in tokens; the overlap is a fifth of the size if None is given."""
        self._packer = Packer(size, size // 5 if overlap is None else overlap, count)

    def __call__(self, text: str) -> Sequence[Span]:
        """Spans that together cover the text."""
        return self._packer.pack(text, list(_units(text)))


def _units(text: str) -> Iterator[Unit]:
    glued = False
    for block in blocks(text):
        rank = GLUED if glued else block.level or BLOCK
        unit = Unit(block.start, block.end, rank)
        glued = block.kind == "heading"
        if block.kind == "text":
            for paragraph in split(text, unit, BLANK_LINE, BLOCK):
                yield from _sentences(text, paragraph)
        else:
            yield unit


def _sentences(text: str, paragraph: Unit) -> Iterator[Unit]:
    if text.startswith("|", paragraph.start):  # a table
        yield paragraph
        return
    for item in split(text, paragraph, BEFORE_ITEM, LINE):
        yield from split(text, item, SENTENCE_END, SENTENCE)
