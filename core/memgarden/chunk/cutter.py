"""Cuts a memory's text by what it is, and sees to it that whatever does the cutting loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from memgarden.chunk import CHUNKERS
from memgarden.chunk.describe import above
from memgarden.chunk.detect import detect
from memgarden.chunk.pack import BLOCK, Packer, Unit
from memgarden.errors import InvalidSetting
from memgarden.protocols import Chunker, Span

__all__ = ["Cutter"]

ALWAYS = frozenset({"summary"})  # kinds that are cut though they would fit


class Cutter:
    """One chunk of a text that fits; else, and of a summary, the chunks of the chunker for its kind, made to fit."""

    def __init__(
        self,
        size: int,
        count: Callable[[str], int],
        chunkers: Callable[[str], Chunker],
        default: Chunker | None = None,
        *,
        headings: bool = True,
    ) -> None:
        """`size`: the most tokens of a chunk. `default` is asked where the kind names no chunker; None detects one.

        `headings`: chunks are read with the headings they lie under.
        """
        self._packer = Packer(size, 0, count)
        self._chunkers = chunkers
        self._default = default
        self._headings = headings

    def cut(self, text: str, kind: str) -> Sequence[Span]:
        """Spans in order of their ends that together hold every word of the text."""
        if not text.strip() or (kind not in ALWAYS and self._packer.fits(text)):
            return ((0, len(text)),)
        if kind in CHUNKERS:
            spans = self._chunkers(kind)(text)
        else:
            spans = (self._default or self._chunkers(detect(text)))(text)
        end = 0
        for start, stop in spans:
            if not (0 <= start < stop <= len(text)) or stop < end or text[end:start].strip():
                raise InvalidSetting(
                    f"the chunker gave ({start}, {stop}) after {end} of {len(text)} characters: spans are in order, "
                    "inside the text, and leave out nothing but blanks"
                )
            end = stop
        if text[end:].strip():
            raise InvalidSetting(f"the chunker left out what follows character {end:,} of {len(text):,}")
        return [part for span in spans for part in self._fitting(text, span)]

    def read(self, text: str, kind: str, spans: Sequence[Span], title: str = "") -> Sequence[str]:
        """What is embedded and indexed of each span: its text, below as many of its headings as there is room for.

        `title` is the outermost heading, but of a span that begins with it.
        """
        chunks = [text[start:end] for start, end in spans]
        if not self._headings or (len(spans) == 1 and not title):
            return chunks
        paths = above(text, spans, kind) if len(spans) > 1 else [()]
        return [
            self._below((title, *path) if title and not _titled(chunk, path, title) else path, chunk)
            for path, chunk in zip(paths, chunks, strict=True)
        ]

    def _below(self, headings: Sequence[str], chunk: str) -> str:
        for first in range(len(headings)):
            whole = f"{' > '.join(headings[first:])}\n{chunk}"
            if self._packer.fits(whole):
                return whole
        return chunk

    def _fitting(self, text: str, span: Span) -> Sequence[Span]:
        """A span, or parts of it: what is larger than the embedder reads would be found by no vector."""
        start, end = span
        return [span] if self._packer.fits(text[start:end]) else self._packer.pack(text, [Unit(start, end, BLOCK)])


def _titled(chunk: str, headings: Sequence[str], title: str) -> bool:
    """Whether it can be read already that this is what the chunk is of."""
    return title in headings or chunk.lstrip("# \t\r\n").startswith(title)
