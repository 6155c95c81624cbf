"""A summary: each line of it for itself, since each tells of another memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from memgarden.protocols import Span

__all__ = ["SummaryChunker"]

LINE = re.compile(r"\s*[^\n]*\S[^\n]*(?:\n\s*\Z|\n)?")


class SummaryChunker:
    """A chunk a line: of what a summary tells each thing is found as if it had been told alone."""

    most: int | None = None

    def __init__(self, size: int, overlap: int | None, count: Callable[[str], int]) -> None:
        """As the other chunkers; lines neither overlap nor are put together."""

    def __call__(self, text: str) -> Sequence[Span]:
        """Spans that together cover the text; blank lines are part of the next one."""
        return [found.span() for found in LINE.finditer(text)]
