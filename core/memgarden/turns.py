"""What makes a memory a turn of a conversation, and the words by which a turn is found."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass, fields

from memgarden.errors import InvalidSetting
from memgarden.protocols import Analyzer
from memgarden.records import Memory, Turn

__all__ = ["SPEAKERS", "SUMMARY", "Said", "Signals", "hash_name", "said", "stated", "told"]

SUMMARY = "summary"
"""The kind of a memory that tells others, a line each."""

SPEAKERS = "speakers"
"""The key in a summary's metadata under which those are whose turns it tells."""

TOLD = re.compile(r"\s*\[(\d{4})-(\d\d)-(\d\d)\] (?:([^:\n]{1,80}): )?(.*)", re.DOTALL)

# Not `strftime`, whose month names are those of the machine's language.
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
SENTENCE = re.compile(r"(?<=[.!?؟])\s+|(?<=[。！？])|\n+")
QUESTION = ("?", "？", "؟")
CAPTIONS = ("image_caption", "caption")


@dataclass(frozen=True, slots=True)
class Signals:
    """What a search goes by beside the two legs' scores, most of it in conversations; 0 or False leaves a signal out.

    `cluster` is the share of the score of those that resemble it that one of the best hits, of whatever kind, gets;
    fusion by rank goes without.

    When a turn is stored: `heading` indexes it as `[date] Speaker: text`, `window` is the weight of the vector of the
    turn with the one before it, beside the turn's own. When a scope is searched: `previous` and `following` are the
    shares of a neighbour's BM25 score that a turn gets; `names` leaves the speakers' names out of what is embedded of
    the query; `session`, `speaker` and `stated` are added to the fused score in units of its standard deviation over
    the candidates: the session's best three turns (1, .5, .25), a speaker whom the query names, and the share
    `n / (n + 8)` for the `n` content words that a turn states and does not ask.

    What each is worth, and what halving or doubling one changes, `python -m benchmarks.ablation` shows.
    """

    cluster: float = 0.4
    heading: bool = True
    window: float = 0.5
    previous: float = 0.2
    following: float = 0.1
    names: bool = True
    session: float = 0.5
    speaker: float = 0.6
    stated: float = 1.5

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
                raise InvalidSetting(f"the signal {field.name} is a number of 0 or more, not {value!r}")
        if self.window > 1:
            raise InvalidSetting(f"the window's weight is from 0 to 1, not {self.window}")


@dataclass(frozen=True, slots=True)
class Said:
    """Who said a memory's text, in which session, and what a picture with it shows."""

    speaker: str
    session: str
    caption: str
    date: str

    def line(self, text: str) -> str:
        """`Speaker: text [caption]`, which is what is embedded."""
        return f"{self.speaker}: {text}{self.caption}"

    def dated(self, text: str) -> str:
        """`[date] Speaker: text [caption]`, which is what is indexed."""
        return f"[{self.date}] {self.line(text)}"

    def turn(self, text: str, analyzer: Analyzer) -> Turn:
        """What a search needs of a turn of this text."""
        return Turn(hash_name(self.session), hash_name(self.speaker), stated(text + self.caption, analyzer))


def said(memory: Memory) -> Said | None:
    """None unless the memory is a turn: its metadata have `speaker` or `role`, and `session_id` or `kind="turn"`."""
    metadata = memory.metadata
    speaker = metadata.get("speaker") or metadata.get("role")
    session = metadata.get("session_id")
    if not isinstance(speaker, str) or not speaker.strip():
        return None
    if not isinstance(session, str | int) and memory.kind != "turn":
        return None
    captions = [metadata[key] for key in CAPTIONS if isinstance(metadata.get(key), str) and metadata[key].strip()]
    time = memory.created_at
    return Said(
        speaker=speaker.strip(),
        session=str(session),
        caption=f" [{captions[0].strip()}]" if captions else "",
        date=f"{time.day} {MONTHS[time.month - 1]} {time.year}",
    )


def told(memory: Memory, line: str) -> tuple[Said, str] | None:
    """Who said what a line of a summary tells, and the words; None for what is no `[date] Speaker: words`.

    A summary is a session of its own, so that its lines lie beside each other as turns do.
    """
    speakers = memory.metadata.get(SPEAKERS)
    found = TOLD.fullmatch(line) if memory.kind == SUMMARY else None
    if found is None or not isinstance(speakers, list) or found[4] not in speakers:
        return None
    month = MONTHS[(int(found[2]) - 1) % len(MONTHS)]
    return Said(found[4], memory.id, "", f"{int(found[3])} {month} {int(found[1])}"), found[5].strip()


def hash_name(name: str) -> int:
    """A name, whatever its case, as a number from 1 to 2^63 - 1."""
    digest = hashlib.blake2b(name.casefold().encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest, "little") >> 1) or 1


def stated(text: str, analyzer: Analyzer) -> int:
    """How many content words lie in sentences that are no questions."""
    if any(mark in text for mark in QUESTION):
        text = " ".join(part for part in SENTENCE.split(text) if not part.rstrip().endswith(QUESTION))
    return analyzer.index(text)[1]
