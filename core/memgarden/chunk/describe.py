"""What can be said of a chunk: its place, its type, whether it holds code, and the headings it lies under."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from memgarden.chunk import CHUNKERS
from memgarden.chunk.detect import detect
from memgarden.chunk.markup import Block, blocks
from memgarden.protocols import Span
from memgarden.records import ChunkInfo, ChunkType

__all__ = ["above", "describe"]

SHORT = 100  # characters: a line or two, which is no paragraph yet


class _Part(NamedTuple):
    """A block of the outline with the headings it lies under, itself among them if it is one."""

    block: Block
    path: tuple[Block, ...]


def describe(text: str, spans: Sequence[Span], kind: str) -> list[ChunkInfo]:
    """Each span of a memory's text, in order; what the text is is detected where the memory's kind does not say it."""
    parts = _outline(text, kind)
    return [
        _describe(text, span, number, len(spans), own)
        for number, (span, own) in enumerate(zip(spans, _overlaid(parts, spans), strict=True))
    ]


def above(text: str, spans: Sequence[Span], kind: str) -> list[tuple[str, ...]]:
    """The headings that each span lies under and does not hold itself, outermost first."""
    parts = _outline(text, kind)
    return [
        tuple(heading.title for heading in _shared(own) if heading.start < span[0])
        for span, own in zip(spans, _overlaid(parts, spans), strict=True)
    ]


def _outline(text: str, kind: str) -> list[_Part]:
    if (kind if kind in CHUNKERS else detect(text)) == "code":
        return [_Part(Block("code", 0, len(text)), ())]
    parts: list[_Part] = []
    path: list[Block] = []
    for block in blocks(text):
        if block.kind == "heading":
            path = [*(heading for heading in path if heading.level < block.level), block]
        parts.append(_Part(block, tuple(path)))
    return parts


def _overlaid(parts: Sequence[_Part], spans: Sequence[Span]) -> Iterator[Sequence[_Part]]:
    """The parts that each span has to do with."""
    starts = [part.block.start for part in parts]
    for start, end in spans:
        yield parts[bisect_right(starts, start) - 1 : bisect_left(starts, end)]


def _describe(text: str, span: Span, number: int, total: int, parts: Sequence[_Part]) -> ChunkInfo:
    start, end = span
    sizes = {"heading": 0, "code": 0, "text": 0}
    for block, _ in parts:
        sizes[block.kind] += len(text[max(start, block.start) : min(end, block.end)].strip())
    content: ChunkType = "paragraph"
    if sizes["code"] > sizes["text"]:
        content = "code"
    elif sizes["heading"] and not sizes["text"]:
        content = "heading"
    elif sizes["text"] + sizes["heading"] < SHORT:
        content = "short"
    headings = tuple(heading.title for heading in _shared(parts))
    return ChunkInfo(text[start:end], start, end, number, total, content, sizes["code"] > 0, headings)


def _shared(parts: Sequence[_Part]) -> tuple[Block, ...]:
    """The headings that all parts lie under; one with nothing but headings below it is no part of its own."""
    paths = [part.path for part in parts if part.block.kind != "heading"] or [part.path for part in parts]
    if not paths:
        return ()
    low, high = min(paths), max(paths)  # in any order, what these two begin with all do
    same = 0
    while same < len(low) and low[same] == high[same]:
        same += 1
    return low[:same]
