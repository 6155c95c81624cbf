"""Cuts at paragraphs first, then lines, sentences and words, by the embedder's own count of tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from memgarden.chunk.pack import BLOCK, WORD_START, Packer, Unit, first_within
from memgarden.errors import InvalidSetting
from memgarden.protocols import Span

__all__ = ["PlainChunker"]

OVERLAP = 8  # chunks share an eighth of their size
# Tried in this order: a paragraph, a line, the end of a sentence (also CJK's), a clause, a word.
SEPARATORS = [r"\n\s*\n", r"\n", r"(?<=[.!?])\s+", r"(?<=[。！？])", r"(?<=[;:,])\s+", r"\s+"]


class PlainChunker:
    """Spans of at most `size` tokens, each of which begins with up to `overlap` tokens of the one before."""

    most: int | None = None  # as many tokens as the embedder reads

    def __init__(self, size: int, overlap: int | None, count_tokens: Callable[[str], int]) -> None:
        """`size` may not exceed what the embedder reads, or the rest of a chunk would be found by no vector."""
        overlap = size // OVERLAP if overlap is None else overlap
        if not 0 <= overlap <= size // 2:
            raise InvalidSetting(f"the overlap of chunks is 0 to half their size ({size}), not {overlap}")
        self._size = size
        self._overlap = overlap
        self._count = count_tokens

    def __call__(self, text: str) -> Sequence[Span]:
        """Spans that together cover the text; one that fits is one span, and no part of a word is lost."""
        # A token is at least one byte, so ASCII this short need not be counted; an emoji can be several tokens.
        if (len(text) <= self._size and text.isascii()) or self._count(text) <= self._size:
            return ((0, len(text)),)
        whole = Packer(self._size - self._overlap, 0, self._count)
        pieces: list[Span] = []
        start = 0
        for piece in self._split(text):
            end = start + len(piece)
            # What has no blanks comes uncut, and the count of what was put together need not be the sum of its parts'.
            pieces += [(start, end)] if whole.fits(piece) else whole.pack(text, [Unit(start, end, BLOCK)])
            start = end
        spans = []
        for (before, _), (start, end) in zip([(0, 0), *pieces], pieces, strict=False):
            lead = self._back(text, start, before)
            spans.append((lead if self._count(text[lead:end]) <= self._size else start, end))
        return spans

    def _split(self, text: str) -> list[str]:
        """Pieces without overlap that are the text again when joined."""
        # Imported here: it takes a third of a second, and most memories are short.
        from langchain_text_splitters import RecursiveCharacterTextSplitter

        splitter = RecursiveCharacterTextSplitter(
            separators=SEPARATORS,
            is_separator_regex=True,
            keep_separator="end",
            strip_whitespace=False,
            chunk_size=self._size - self._overlap,
            chunk_overlap=0,
            length_function=self._count,
        )
        return splitter.split_text(text)

    def _back(self, text: str, start: int, floor: int) -> int:
        """Where the overlap of a piece that starts at `start` begins: at a word, not before `floor`."""
        words = [floor + match.start() for match in WORD_START.finditer(text[floor:start])]
        return first_within(text, words, start, self._overlap, self._count)
