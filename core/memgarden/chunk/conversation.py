"""A transcript: whole turns, a few in a chunk, never two sessions in one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from memgarden.chunk.markup import lines
from memgarden.chunk.pack import BLOCK, BREAK, GLUED, Packer, Unit
from memgarden.protocols import Span

__all__ = ["ConversationChunker", "turn"]

STAMP = r"[\[(]?(?P<{}>\d[\d./:\-T, ]{{3,30}}(?:[AaPp]\.?[Mm]\.?|Z)?)[\])]?"
TURN = re.compile(
    rf"[ ]{{0,3}}(?:{STAMP.format('before')}[ \t]*(?:[-\u2013][ \t]*)?)?"
    r"(?:<(?P<nick>[^<>\s]{1,40})>|(?:\*\*|__)?(?P<name>[^\W\d_][\w.'@()\- ]{0,39}?)(?:\*\*|__)?"
    rf"[ \t]*(?:{STAMP.format('after')})?[ \t]*[:\uff1a](?:\*\*|__)?)(?=\s|$|(?<=\uff1a))"
)
SESSION = re.compile(
    r"\W*(?:date\s*:|(?:session|conversation|chat|day|part)\b\W*\d).{0,80}"  # Session 3 (8 May), Date: 8 May
    r"|\s*(?:[-=*_~#]\s?){3,}(?:[^-=*_~#\s].{0,80}?(?:[-=*_~#]\s?){3,})?"  # ------, === 8 May ===
    r"|\W{0,5}\d{4}-\d\d-\d\d\b[\d:T ]{0,10}\W{0,5}",  # 2024-05-08
    re.IGNORECASE,
)
DAY = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}")
MOST_WORDS = 4  # of a speaker's name
LONGEST_LINE = 120  # characters of what separates sessions


class ConversationChunker:
    """As many whole turns as fit, and the last of them again in the next chunk of the session.

    A turn begins with a name and a colon, or a nick in angle brackets, with a time before or after it. A session begins
    at a ruler, at a line such as `Session 2` or a date, and where the day of the turns' times changes.
    """

    most: int | None = 400  # tokens, where the embedder reads as many

    def __init__(self, size: int, overlap: int | None, count: Callable[[str], int]) -> None:
        """`size` and `overlap` in tokens; the overlap is at most a quarter of the size if None is given."""
        self._packer = Packer(size, size // 4 if overlap is None else overlap, count, whole=True)

    def __call__(self, text: str) -> Sequence[Span]:
        """Spans that together cover the text."""
        return self._packer.pack(text, list(_units(text)))


def turn(line: str) -> re.Match[str] | None:
    """The head of a turn, where the line begins one."""
    found = TURN.match(line)
    return found if found and len((found["name"] or "").split()) <= MOST_WORDS else None


def _units(text: str) -> Iterator[Unit]:
    """A unit a turn; what stands before the first turn of a session is a unit too."""
    start, rank, day = 0, BLOCK, ""
    heading = True  # no turn yet in this session
    for place, line in lines(text):
        if len(line) <= LONGEST_LINE and SESSION.fullmatch(line.strip()):
            if not heading:
                yield Unit(start, place, rank)
                start, rank, heading = place, BREAK, True
        elif found := turn(line):
            own = DAY.search(found["before"] or found["after"] or "")
            new = own is not None and day not in ("", own[0])
            day = own[0] if own else day
            if heading:
                if text[start:place].strip():
                    yield Unit(start, place, rank)
                    start, rank = place, GLUED
                heading = False
            else:
                yield Unit(start, place, rank)
                start, rank = place, BREAK if new else BLOCK
    if start < len(text):
        yield Unit(start, len(text), rank)
