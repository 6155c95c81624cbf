"""Reads the outline of a Markdown text: headings, fenced code, and the text between (CommonMark 0.31, 4.2 to 4.5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

__all__ = ["Block", "blocks", "lines"]

LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))??(?:[ \t]+#+)?[ \t]*[\r\n]*")
UNDERLINE = re.compile(r" {0,3}(?:(=+)|-+)[ \t]*[\r\n]*")
# What a line that an underline makes a heading does not begin with: a list, a quote, a table, indented code.
NO_TITLE = re.compile(r"[ \t]*(?:[-*+>|]|\d+[.)]\s)|    |\t")
LONGEST_TITLE = 200  # characters; past this it is a paragraph, whatever stands before it
# YAML between two lines of dashes at the very top, of a hundred lines at most.
FRONT_MATTER = re.compile(r"---[ \t]*(?>\r\n|\r|\n)(?:[^\r\n]*(?>\r\n|\r|\n)){0,100}?---[ \t]*(?:\r\n|\r|\n|\Z)")


class Block(NamedTuple):
    """`text[start:end]`, with the blank lines after it; `level` and `title` are a heading's."""

    kind: Literal["heading", "code", "text"]
    start: int
    end: int
    level: int = 0
    title: str = ""


def lines(text: str) -> Iterator[tuple[int, str]]:
    r"""The start of each line, and the line with its end: `\n`, `\r\n` or `\r`."""
    for match in LINE.finditer(text):
        yield match.start(), match[0]


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a text, one after the other; together they are the whole of it.

    A fence that is never closed goes on to the end of the text, as the standard has it.
    """
    held: Block | None = None
    for block in _parts(text):
        if held is None:
            held = block
        elif block.kind == "text" and (held.kind == "text" or not text[block.start : block.end].strip()):
            held = held._replace(end=block.end)
        else:
            yield held
            held = block
    if held is not None:
        yield held


def _parts(text: str) -> Iterator[Block]:
    """As `blocks`, but each line outside of code is a block of its own."""
    found = FRONT_MATTER.match(text)
    front = found.end() if found else 0
    if front:
        yield Block("text", 0, front)
    fence, opened = "", 0
    title: Block | None = None  # a line by itself, which an underline would make a heading
    blank = True
    for start, line in lines(text):
        if start < front:
            continue
        block = Block("text", start, start + len(line))
        if fence:
            if _closes(line, fence):
                yield Block("code", opened, block.end)
                fence, blank = "", True
        elif title is not None and (under := UNDERLINE.fullmatch(line)):
            yield Block("heading", title.start, block.end, 1 if under[1] else 2, text[title.start : title.end].strip())
            title, blank = None, True
        else:
            if title is not None:
                yield title
                title = None
            if opening := FENCE.match(line.rstrip("\r\n")):
                fence, opened = opening[1], start
            elif len(line) <= LONGEST_TITLE and (heading := HEADING.fullmatch(line)):
                yield block._replace(kind="heading", level=len(heading[1]), title=(heading[2] or "").strip())
                blank = True
            elif blank and line.strip() and len(line) <= LONGEST_TITLE and not NO_TITLE.match(line):
                title, blank = block, False
            else:
                yield block
                blank = not line.strip()
    if title is not None:
        yield title
    if fence:
        yield Block("code", opened, len(text))


def _closes(line: str, fence: str) -> bool:
    mark = line.strip()
    return len(mark) >= len(fence) and not mark.strip(fence[0]) and not line.startswith("    ")
