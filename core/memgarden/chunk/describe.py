"""What can be said of a chunk: its place, its type, whether it holds code, and the headings it lies under."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from memgarden.chunk import CHUNKERS
from memgarden.chunk.detect import detect
from memgarden.chunk.markup import Block, blocks
from memgarden.protocols import Span
from memgarden.records import ChunkInfo, ChunkType

__all__ = ["describe"]

SHORT = 100  # characters: a line or two, which is no paragraph yet


class _Part(NamedTuple):
    """A block of the outline with the headings it lies under, itself among them if it is one."""

    block: Block
    path: tuple[str, ...]


def describe(text: str, spans: Sequence[Span], kind: str) -> list[ChunkInfo]:
    """Each span of a memory's text, in order; what the text is is detected where the memory's kind does not say it."""
    code = (kind if kind in CHUNKERS else detect(text)) == "code"
    parts = [_Part(Block("code", 0, len(text)), ())] if code else _outline(text)
    starts = [part.block.start for part in parts]
    return [
        _describe(
            text, span, number, len(spans), parts[bisect_right(starts, span[0]) - 1 : bisect_left(starts, span[1])]
        )
        for number, span in enumerate(spans)
    ]


def _outline(text: str) -> list[_Part]:
    parts: list[_Part] = []
    above: list[Block] = []
    for block in blocks(text):
        if block.kind == "heading":
            above = [heading for heading in above if heading.level < block.level] + [block]
        parts.append(_Part(block, tuple(heading.title for heading in above)))
    return parts


def _describe(text: str, span: Span, number: int, total: int, parts: Sequence[_Part]) -> ChunkInfo:
    start, end = span
    sizes = {"heading": 0, "code": 0, "text": 0}
    paths: list[tuple[str, ...]] = []
    for block, path in parts:
        size = len(text[max(start, block.start) : min(end, block.end)].strip())
        sizes[block.kind] += size
        if size and block.kind != "heading":
            paths.append(path)
    content: ChunkType = "paragraph"
    if sizes["code"] > sizes["text"]:
        content = "code"
    elif sizes["heading"] and not sizes["text"]:
        content = "heading"
    elif sizes["text"] + sizes["heading"] < SHORT:
        content = "short"
    # A heading with nothing but other headings below it is no section of its own.
    headings = _shared(paths or [path for _, path in parts])
    return ChunkInfo(text[start:end], start, end, number, total, content, sizes["code"] > 0, headings)


def _shared(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The headings that all paths begin with."""
    if not paths:
        return ()
    low, high = min(paths), max(paths)
    same = 0
    while same < len(low) and low[same] == high[same]:
        same += 1
    return low[:same]
