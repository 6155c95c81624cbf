"""Tells what sort of text a text is, from its first pages."""

from __future__ import annotations

import re

from memgarden.chunk.conversation import turn
from memgarden.chunk.markup import blocks

__all__ = ["detect"]

SAMPLE = 20_000  # characters that are looked at: enough to tell, and no more work for a book than for a letter
FEWEST_TURNS = 3
MOST_SPEAKERS = 12
CODE_LINES = 0.4  # of the lines; the rest of real code is data and lines that go on
DOCSTRING = re.compile(r"(\"{3}|'{3})[^\0]*?\1")
CODE = re.compile(
    r"""\s*(?:
      [)\]}]+[;,)]*$ | .*[{;]$ | .*[(\[]$ | [@}<]\w[\w.]*(?:\(.*)?$ | //|/\*|\*/ | \#include\b | \#!/
    | (?:async\s+)?def\s+\w+\(? | (?:export\s+|abstract\s+|final\s+|public\s+)*class\s+\w+.*[:{]$
    | import\s+[\w.*{"']+(?:\s+as\s+\w+|,.*|\s+from\s.*)?$ | from\s+[\w.]+\s+import\b | package\s+\w+$
    | (?:if|elif|for|while|with|except|match|case)\b.*:$ | (?:else|try|finally):$ | (?:el)?if\s*\(.*\) | end$
    | (?:return|raise|yield|await|assert)\b(?:\s+[\w.\[\]()"'{}+*/,=:<>-]+){0,3}$ | (?:pass|break|continue)$
    | (?:pub\s+)?(?:fn|func|fun|function)\s+[\w(] | (?:local|let|const|var|val)\s+(?:mut\s+)?[\w{\[,\s]+\s*[:=]
    | (?:public|private|protected|static)\s+\w+
    | [\w.\[\]"']+(?:\s*:\s*[\w\[\], .|"]+)?\s*(?:[-+*/|&:]?=)\s*\S | [\w.]+\(.*\)[;,:]?$ | ["']\w+["']\s*:\s.*,$
    | (?:SELECT|INSERT\s+INTO|UPDATE|CREATE\s+TABLE|ALTER\s+TABLE|DELETE\s+FROM)\b
    )""",
    re.VERBOSE,
)
COMMENT = re.compile(r"\s*#(?!include|!)|\s*$")


def detect(text: str) -> str:
    """`conversation`, `technical`, `code` or `prose`, for any text; a few milliseconds, however long it is.

    A conversation has turns of few speakers, technical text has Markdown's headings or fences, and code has lines
    that end or begin as code does. What is none of these is prose.
    """
    sample = text[:SAMPLE]
    if _is_conversation(sample):
        return "conversation"
    if _is_code(sample):
        return "code"
    outline = list(blocks(sample))
    headings = sum(block.kind == "heading" for block in outline)
    if headings >= 2 or any(block.kind == "code" for block in outline):
        return "technical"
    return "technical" if outline[:1] and outline[0].kind == "heading" and len(outline) > 1 else "prose"


def _is_code(sample: str) -> bool:
    """Much of what is neither fenced, nor a comment, nor a docstring looks like code."""
    bare = DOCSTRING.sub("", sample)
    outside = [line for block in blocks(bare) if block.kind != "code" for line in _lines(bare[block.start : block.end])]
    written = [line for line in outside if not COMMENT.match(line)]
    return sum(CODE.match(line) is not None for line in written) > CODE_LINES * len(written)


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _is_conversation(sample: str) -> bool:
    """A third of the lines begin turns, and their speakers come back: a form has each of its fields once."""
    lines = _lines(sample)
    turns = [found for line in lines if (found := turn(line))]
    speakers = [found["name"] or found["nick"] for found in turns]
    known = set(speakers)
    return (
        len(turns) >= FEWEST_TURNS
        and len(turns) * 3 >= len(lines)
        and len(known) <= MOST_SPEAKERS
        and len(known) * 2 <= len(turns) + 1
        and not any(re.match(r"\s*(?:name|id|type|key|value)$", name, re.IGNORECASE) for name in known)
    )
