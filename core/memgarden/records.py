"""The values that flow through memgarden: what a user adds, what is indexed, what a search gives back."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple, overload

import numpy as np
import numpy.typing as npt

__all__ = [
    "MERGED_FROM",
    "NEVER",
    "POSTING",
    "RECORD",
    "ROW",
    "Changes",
    "Chunk",
    "ChunkInfo",
    "ChunkType",
    "Entry",
    "Flags",
    "Floats",
    "Head",
    "Hit",
    "Importance",
    "Ints",
    "LegColumn",
    "LegScore",
    "Legs",
    "Memory",
    "Postings",
    "RerankScore",
    "Rows",
    "ScopePath",
    "Terms",
    "Turn",
    "as_told",
    "copy_json",
    "from_micros",
    "to_micros",
]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Terms = npt.NDArray[np.uint64]
Postings = npt.NDArray[np.void]
Rows = npt.NDArray[np.void]
ScopePath = tuple[str, ...]

POSTING = np.dtype([("term", "<u8"), ("count", "<u4")])
"""A term's 64-bit hash and how often a chunk holds it: 12 bytes, also the form in which SQL keeps it."""

ROW = np.dtype(
    [
        (name, "<i8")
        for name in (
            *("chunk", "memory", "start", "end", "created_at", "expires_at"),
            *("session", "speaker", "stated", "length", "language"),
        )
    ]
)
"""What an index knows of a chunk beside its terms and vector: 88 bytes, also the form in which SQL keeps it.

Times are in microseconds since 1970; session, speaker and stated are as in `Turn`, 0 for what is no turn of a
conversation; length and language are as in `Chunk`.
"""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
NEVER = np.iinfo(np.int64).max
"""The `expires_at` of what does not expire, in a `ROW`."""


RECORD = "record"
"""The kind of memory that is kept, got and listed, and that no search finds: nothing of it is embedded or indexed."""

MERGED_FROM = "merged_from"
"""The key in the metadata of a memory under which those are listed that were merged into it, with their times."""

PLAIN = frozenset({str, int, float, bool, type(None)})


class Importance(enum.IntEnum):
    """How much a memory matters; ordered, so `importance >= Importance.HIGH` reads as it says."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def label(self) -> str:
        """The lower-case name, as users write it: `"high"`."""
        return self.name.lower()


def new_id() -> str:
    """A random id: 32 hexadecimal digits (UUID 4, RFC 9562)."""
    return uuid.uuid4().hex


def utc_now() -> datetime:
    """The time now, aware, in UTC."""
    return datetime.now(UTC)


def copy_json(value: Any) -> Any:
    """A JSON value with containers of its own; any mapping becomes a dict and a tuple a list, as JSON has them."""
    if type(value) in PLAIN:  # nearly all, and a search copies the metadata of ten memories
        return value
    if isinstance(value, Mapping):
        return {key: copy_json(inner) for key, inner in value.items()}
    return [copy_json(inner) for inner in value] if isinstance(value, list | tuple) else value


def to_micros(time: datetime) -> int:
    """An aware time as microseconds since 1970 in UTC, exactly."""
    return (time - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """The aware time, in UTC, that `to_micros` was given."""
    return EPOCH + timedelta(microseconds=micros)


@dataclass(frozen=True, slots=True)
class Memory:
    """What a user adds, sees and deletes.

    `created_at` is when it was said and `stored_at` when it was stored (set by the garden). All times are aware and
    come back in UTC, exact to the microsecond. `metadata` is JSON and may nest.
    """

    text: str
    id: str = field(default_factory=new_id)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    importance: Importance = Importance.MEDIUM
    kind: str = "note"
    created_at: datetime = field(default_factory=utc_now)
    expires_at: datetime | None = None
    stored_at: datetime | None = None

    def has_expired(self, now: datetime) -> bool:
        """Whether nothing finds it any more at that time."""
        return self.expires_at is not None and self.expires_at <= now


def as_told(memory: Memory, text: str | None = None) -> str:
    """A turn of a conversation, or a part of it, as `Speaker: text`; another memory's text as it is."""
    speaker = memory.metadata.get("speaker") or memory.metadata.get("role") if memory.kind == "turn" else None
    told = memory.text if text is None else text
    return f"{speaker}: {told}" if speaker else told


class Turn(NamedTuple):
    """What a search needs of a turn: its session and speaker as 63-bit hashes, and how many content words it states.

    A question states nothing: words of sentences that end with a question mark are not counted.
    """

    session: int
    speaker: int
    stated: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """The piece of a memory that is indexed and ranked: `memory.text[start:end]`.

    `vector` is `(d,)` float32, L2-normalised; `postings` is `(p,)` of dtype `POSTING`; `length` is the number of
    terms that count for BM25's length normalisation; `turn` is None for what is no turn of a conversation;
    `language` is a number of the garden's `Languages`.
    """

    start: int
    end: int
    vector: Floats
    postings: Postings
    length: int
    turn: Turn | None = None
    language: int = 0


ChunkType = Literal["code", "heading", "short", "paragraph"]


@dataclass(frozen=True, slots=True)
class ChunkInfo:
    """What can be said of a chunk: `text` is `memory.text[start:end]`, `chunk_index` counts from 0.

    `chunk_type` is what most of it is; `headings` are those that all of it lies under, outermost first.
    """

    text: str
    start: int
    end: int
    chunk_index: int
    total_chunks: int
    chunk_type: ChunkType
    has_code: bool
    headings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A memory with its chunks, ready to be written in one transaction."""

    memory: Memory
    chunks: Sequence[Chunk]


@dataclass(frozen=True, slots=True)
class Head:
    """Where a scope stands: its number in the record, its revision, and whether it is a large one.

    A large scope's vectors lie in a Chroma collection of its own, and its index is loaded without them.
    """

    scope: int
    revision: int
    large: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened to a scope since a revision, up to `head`.

    `rows` is `(n,)` of dtype `ROW`; the rows' postings and sizes are as in `LexicalRows`; `vectors` is `(n, d)`, None
    for a large scope.
    `removed` `(r,)` holds the chunks that are gone; those never seen may be among them. `whole`: this is everything
    there is, and whatever was known before is void.
    """

    head: Head
    rows: Rows
    postings: Postings
    sizes: Ints
    vectors: Floats | None
    removed: Ints
    whole: bool


class LegScore(NamedTuple):
    """What one leg of the search said of a hit.

    `score` is the leg's own (BM25 or cosine), `rank` its place from 1 in the leg's list (None: below the candidate
    depth) and `share` what it added to the hit's fused score.
    """

    leg: str
    score: float
    rank: int | None
    share: float


class Legs(Sequence[LegScore]):
    """What each leg said of a hit: a sequence of `LegScore`, made when it is looked at, since most never are."""

    __slots__ = ("_columns", "_nth")

    def __init__(self, columns: Sequence[LegColumn], nth: int) -> None:
        """`columns` are those of all hits of a search, of which this is the `nth`."""
        self._columns = columns
        self._nth = nth

    def _all(self) -> tuple[LegScore, ...]:
        n = self._nth
        return tuple(
            LegScore(name, scores[n], ranks[n] or None, shares[n]) for name, scores, ranks, shares in self._columns
        )

    @overload
    def __getitem__(self, at: int) -> LegScore: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[LegScore, ...]: ...
    def __getitem__(self, at: int | slice) -> LegScore | tuple[LegScore, ...]:
        return self._all()[at]

    def __len__(self) -> int:
        return len(self._columns)

    def __iter__(self) -> Iterator[LegScore]:
        return iter(self._all())

    def __eq__(self, other: object) -> bool:
        return self._all() == (other._all() if isinstance(other, Legs) else other)

    def __hash__(self) -> int:
        return hash(self._all())

    def __repr__(self) -> str:
        return repr(self._all())


class LegColumn(NamedTuple):
    """What one leg said of each hit of a search, best first, as in `LegScore`; rank 0 for none."""

    leg: str
    scores: Sequence[float]
    ranks: Sequence[int]
    shares: Sequence[float]


class RerankScore(NamedTuple):
    """What a reranker said of a hit: its score, and the rank from 1 that the hit had before."""

    reranker: str
    score: float
    before: int


class Hit(NamedTuple):
    """A scored memory; `text` is the chunk that matched best, `legs` say why it was found.

    A tuple, since a search makes ten and a frozen dataclass costs threefold.

    `relevance` is how likely it is that the hit is relevant, 0 to 1, which means the same across queries.
    `before` and `after` are the turns around it in its session, in order of time, where a search asked for `context`.
    `score` is the fused one, or that of the last of the rerankers, which are in `reranks` in the order of their work.
    `phrasings` are the ways in which the question was put, if several; `lexical 2` is a leg of the second.
    """

    memory: Memory
    score: float
    start: int
    end: int
    legs: Sequence[LegScore]
    relevance: float
    before: tuple[Memory, ...] = ()
    after: tuple[Memory, ...] = ()
    reranks: tuple[RerankScore, ...] = ()
    phrasings: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The memory's id."""
        return self.memory.id

    @property
    def text(self) -> str:
        """The chunk that matched best; the whole text of a short memory."""
        return self.memory.text[self.start : self.end]

    @property
    def passage(self) -> str:
        """The text between the turns around it, each with who said it, where the search asked for `context`."""
        if not self.before and not self.after:
            return self.text
        return "\n".join([*map(as_told, self.before), as_told(self.memory, self.text), *map(as_told, self.after)])

    def explain(self) -> str:
        """One line a leg: its score, rank and share of the fused score; and one a reranker, and one a phrasing."""
        lines = [f"score {self.score:.4f}  relevance {self.relevance:.2f}"]
        width = max([8, *(len(leg.leg) for leg in self.legs)])
        for leg in self.legs:
            rank = "-" if leg.rank is None else f"#{leg.rank}"
            lines.append(f"  {leg.leg:<{width}} {leg.score:8.4f}  rank {rank:>4}  share {leg.share:+.4f}")
        lines += [f"  {each.reranker:<8} {each.score:8.4f}  before {f'#{each.before}':>4}" for each in self.reranks]
        lines += [f"  {number}: {text}" for number, text in enumerate(self.phrasings, 1)]
        return "\n".join(lines)
