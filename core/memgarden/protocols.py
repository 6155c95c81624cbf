"""The seams: what a strategy must offer to take its place, and nothing more."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy.typing as npt

from memgarden.records import (
    Changes,
    Chunk,
    Entry,
    Flags,
    Floats,
    Head,
    Hit,
    Ints,
    Memory,
    Postings,
    ScopePath,
    Terms,
)
from memgarden.upkeep import UPDATED, Cause, Removal

__all__ = [
    "Analyzer",
    "ArrayCache",
    "ChunkRecord",
    "Chunker",
    "Contents",
    "Cutter",
    "DenseLeg",
    "DenseRows",
    "Embedder",
    "Expander",
    "ExpanderTools",
    "Expanding",
    "Expected",
    "Fusion",
    "Languages",
    "Leg",
    "LexicalLeg",
    "LexicalRows",
    "MemorySink",
    "MemorySource",
    "Mirror",
    "MirrorStatus",
    "Nearest",
    "Op",
    "Order",
    "Outbox",
    "OutboxItem",
    "Ranking",
    "Reranker",
    "RerankerTools",
    "Reranking",
    "ScopeSource",
    "Shortlist",
    "Span",
    "TokenEmbedder",
    "Tokens",
    "VectorCache",
    "VectorSource",
    "Waiting",
]

Op = Literal["upsert", "delete", "reset", "erase", "promote", "demote", "rebuild", "void"]
Span = tuple[int, int]
Order = Literal["created_at", "-created_at", "stored_at", "-stored_at", "id", "-id"]
Query_contra = TypeVar("Query_contra", contravariant=True)
Content_contra = TypeVar("Content_contra", contravariant=True)


class Embedder(Protocol):
    """Turns texts into vectors of one space, known by its name and dimension."""

    @property
    def name(self) -> str:
        """The vector space: two embedders of one name must give interchangeable vectors."""
        ...

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        ...

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Floats:
        """Vectors `(len(texts), dimension)`, float32, L2-normalised; `query` for models that prompt queries."""
        ...

    def window(self) -> tuple[int, Callable[[str], int]]:
        """How many tokens of a text are read, and the function that counts them."""
        ...


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text as a model reads it: for each token its state, `(t, d)` float32, L2-normalised, and its span."""

    states: Floats
    spans: Sequence[Span]


@runtime_checkable
class TokenEmbedder(Protocol):
    """An embedder that also shows its tokens, for late interaction."""

    def token_states(self, texts: Sequence[str], *, query: bool = False) -> Sequence[Tokens]:
        """The tokens of each text that the model reads, special ones left out; spans count in `readable(text)`."""
        ...


class VectorCache(Protocol):
    """Keeps vectors by embedder and text, bounded, least recently used out first."""

    def load(self, embedder: str, texts: Sequence[str]) -> list[Floats | None]:
        """The vector `(d,)` of each text, None where there is none."""
        ...

    def save(self, embedder: str, texts: Sequence[str], vectors: Floats) -> None:
        """Keep `vectors[i]` for `texts[i]`."""
        ...


class Analyzer(Protocol):
    """Turns text into term hashes, the same way for what is stored and what is asked."""

    @property
    def name(self) -> str:
        """What the terms depend on: gardens whose analyzer has another name must be indexed anew."""
        ...

    def index(self, text: str) -> tuple[Postings, int]:
        """The terms of a text with their counts, `(p,)` of dtype `POSTING`, and its length in terms."""
        ...

    def query(self, text: str) -> tuple[Terms, Floats]:
        """The distinct terms of a query `(t,)` uint64 and the weight of each `(t,)` float32."""
        ...


class Languages(Protocol):
    """The languages of a garden's texts, by number: a text is analysed in its own, and a query in each there is."""

    @property
    def name(self) -> str:
        """What the terms of a text in a given language depend on, as an analyzer's name."""
        ...

    def detect(self, texts: Sequence[str]) -> Sequence[int]:
        """The language of each text."""
        ...

    def analyzer(self, language: int) -> Analyzer:
        """What turns a text in this language into terms; 0 is the language of texts that do not show theirs."""
        ...


class Chunker(Protocol):
    """Cuts a text into the pieces that are indexed."""

    def __call__(self, text: str) -> Sequence[Span]:
        """Spans `(start, end)` in characters, in order, that together cover every word of the text."""
        ...


class Cutter(Protocol):
    """Cuts a memory's text by what the memory is."""

    def cut(self, text: str, kind: str) -> Sequence[Span]:
        """Spans as a `Chunker` gives them, none larger than the embedder reads."""
        ...

    def read(self, text: str, kind: str, spans: Sequence[Span], title: str = "") -> Sequence[str]:
        """What is embedded and indexed of each span of a text that may have a title."""
        ...


@dataclass(frozen=True, slots=True)
class LexicalRows:
    """What the lexical leg is given for `m` new rows.

    `postings` `(p,)` of dtype `POSTING` holds the rows' terms one row after the other, `sizes` `(m,)` how many are
    each row's, `lengths` `(m,)` each row's length in terms.
    """

    postings: Postings
    sizes: Ints
    lengths: Ints


@dataclass(frozen=True, slots=True)
class DenseRows:
    """What the dense leg is given for `m` new rows: their chunks `(m,)`, which rise from row to row, and `vectors`.

    `vectors` is `(m, d)`, L2-normalised; None for a leg that keeps none.
    """

    chunks: Ints
    vectors: Floats | None


class Ranking(NamedTuple):
    """One leg's answer: its best rows, best first, and its exact score of any row.

    `rows` is `(r,)` int64; `score_of(rows)` gives `(len(rows),)` float32, higher is better. No row can have a score
    above `ceiling`.
    """

    rows: Ints
    score_of: Callable[[Ints], Floats]
    ceiling: float = 1.0


class Leg(Protocol[Query_contra, Content_contra]):
    """An index over the rows of one scope: row numbers are given in order of arrival and never reused."""

    def add(self, content: Content_contra) -> None:
        """Append rows."""
        ...

    def remove(self, rows: Ints) -> None:
        """Forget rows; their numbers stay taken."""
        ...

    def rank(self, query: Query_contra, mask: Flags, depth: int) -> Ranking:
        """The best `depth` rows among those that `mask` `(rows,)` lets through; ties go to the lower row."""
        ...

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        ...


LexicalLeg = Leg[tuple[Terms, Floats], LexicalRows]


class DenseLeg(Leg[Floats, DenseRows], Protocol):
    """The leg over vectors."""

    def vectors_of(self, rows: Ints) -> Floats:
        """The vectors `(len(rows), d)` of rows; by any thread and at any time, zeros for what is gone by then."""
        ...


class ScopeSource(Protocol):
    """Where a scope index is read from."""

    def head(self, path: ScopePath) -> Head | None:
        """Where the scope stands; None for a scope that nothing was ever written to."""
        ...

    def changes(self, path: ScopePath, known: Head | None) -> Changes | None:
        """What happened since `known`; everything for None, or where `known` is too old."""
        ...

    def memories(self, scope: int, pks: Sequence[int]) -> Mapping[int, Memory]:
        """The memories of these row numbers, by row number; those deleted meanwhile are missing."""
        ...

    def fields(self, scope: int, after: int) -> Mapping[int, Mapping[str, Any]]:
        """The filterable fields of the memories with row numbers above `after`, by row number."""
        ...


class Nearest(Protocol):
    """The vector index of a large scope."""

    def __call__(self, scope: int, vector: Floats, most: int) -> tuple[Ints, Floats]:
        """The scope's chunks nearest to `vector` `(d,)`, best first, and their cosines; `ChromaError` for no answer."""
        ...


class VectorSource(Protocol):
    """Where the vectors of single chunks are read from."""

    def vectors(self, scope: int, chunks: Ints) -> tuple[Ints, Floats]:
        """Those of `chunks` (ascending) that are still there, ascending, and their vectors `(n, d)`."""
        ...


class Waiting(Protocol):
    """What a scope's own collection does not hold yet."""

    def waiting(self, scope: int, most: int) -> Ints | None:
        """The chunks that are still to get there; None where the collection is being built or more than `most` wait."""
        ...


class MemorySource(Protocol):
    """Where a scope's memories are read from; those that have expired at `now` are not there."""

    def get(self, path: ScopePath, id: str, now: datetime) -> Memory | None:
        """The memory of that id, or None."""
        ...

    def entries(self, path: ScopePath, after: int, limit: int, now: datetime) -> Sequence[tuple[int, Entry]]:
        """The next memories with row numbers above `after`, with their chunks, each with its row number."""
        ...

    def before(self, path: ScopePath, session: int, memory: Memory) -> Memory | None:
        """The turn of that session that was said last before `memory`, which may itself be stored; None if none was."""
        ...

    def session(self, path: ScopePath, session: int, now: datetime) -> Sequence[Memory]:
        """The turns of a session, by its hash, in order of time."""
        ...

    def version(self, path: ScopePath, id: str) -> tuple[int, Memory, Sequence[Chunk]] | None:
        """The row number of a memory, which is its version, the memory and its chunks."""
        ...

    def page(self, path: ScopePath, now: datetime, order: Order, limit: int, offset: int) -> Sequence[Memory]:
        """A page of the scope's memories."""
        ...

    def count(self, path: ScopePath, now: datetime) -> int:
        """How many memories the scope holds."""
        ...


class MemorySink(Protocol):
    """Where a scope's memories are written: one transaction a call, and its return is the acknowledgement."""

    def put(
        self,
        path: ScopePath,
        entries: Sequence[Entry],
        expect: Mapping[str, int] | None = None,
        *,
        cause: Cause = UPDATED,
        drop: Sequence[Removal] = (),
    ) -> Head:
        """Store entries of distinct ids; equal ids replace whole, for `cause`, and `drop` goes with them.

        `expect` gives the versions that the ids of both must have.
        """
        ...

    def delete(
        self, path: ScopePath, ids: Sequence[str], *, cause: Cause = ..., versions: Mapping[str, int] | None = None
    ) -> int:
        """Delete the memories of these ids, if they still have these versions; returns how many there were."""
        ...

    def sweep(self, path: ScopePath, now: datetime, most: int) -> int:
        """Delete memories that have expired at `now`, at most so many; returns how many there were."""
        ...


class Mirror(Protocol):
    """What carries the outbox to the vector database in the background."""

    def wake(self) -> None:
        """There is something in the outbox; returns at once."""
        ...

    def status(self) -> MirrorStatus:
        """What it is doing."""
        ...

    def check(self) -> None:
        """Compare the vector database with the record soon, opened anew; returns at once. `status` counts these."""
        ...

    def close(self, timeout: float) -> None:
        """Stop after the batch at hand; what is left stays in the outbox."""
        ...


class Fusion(Protocol):
    """Joins the legs' scores of the same candidates into one."""

    def __call__(self, scores: Floats, ranks: Ints, weights: Floats) -> Floats:
        """Shares `(legs, n)` whose sum over legs is the final score.

        The legs are the lexical one, whose scores are 0 or more, and the dense one, whose scores are cosines.
        `scores` is `(legs, n)`, exact for every candidate; `ranks` `(legs, n)` counts from 1 and is 0 where a leg's
        list does not hold the candidate; `weights` is `(legs,)` and sums to 1.
        """
        ...


@dataclass(frozen=True, slots=True)
class Shortlist:
    """What a reranker is given: the question, and the best hits so far, best first.

    `query` is the text that was asked and `topic` what of it was embedded: the names of those who speak in a chat are
    not in it. `vector` `(d,)` is the topic's, None where the search had no use for it. `vectors()` reads the vectors
    `(n, d)` of the chunks that matched. `now` is what ages count from.
    """

    query: str
    topic: str
    vector: Floats | None
    hits: Sequence[Hit]
    now: datetime
    vectors: Callable[[], Floats]


class Reranker(Protocol):
    """Scores the hits of a shortlist anew; a function will do."""

    def __call__(self, shortlist: Shortlist, /) -> npt.ArrayLike:
        """`(n,)` finite numbers, higher is better; hits of equal score keep their order."""
        ...


Reranking = str | Reranker | Sequence[str | Reranker]
"""How rerankers are chosen: a name as in `"mmr"` or `"mmr:0.5"`, a callable, or several that work one after another."""


class Expander(Protocol):
    """Puts a question in other words; a function will do, as one that asks a language model."""

    def __call__(self, query: str, /) -> Sequence[str]:
        """Texts to be asked beside the query; none where it has nothing to say."""
        ...


Expanding = str | Expander | Sequence[str | Expander]
"""How expanders are chosen: a name as in `"prf"` or `"prf:20"`, a callable, or several, whose texts all are asked."""


@dataclass(frozen=True, slots=True)
class ExpanderTools:
    """What a question has at hand for its expanders: each is made for it by `make(argument, tools)`.

    `feedback(n)` are the best `n` hits of the question as it was asked: of its scope, and what its filters let through.
    """

    analyzer: Analyzer
    feedback: Callable[[int], Sequence[Hit]]


class ArrayCache(Protocol):
    """Keeps arrays in memory by key, bounded in bytes, least recently used out first; safe for threads."""

    def load(self, keys: Sequence[Hashable]) -> Sequence[npt.NDArray[Any] | None]:
        """The array of each key, None where there is none."""
        ...

    def save(self, keys: Sequence[Hashable], arrays: Sequence[npt.NDArray[Any]]) -> None:
        """Keep `arrays[i]` for `keys[i]`; they are the cache's from then on."""
        ...


@dataclass(frozen=True, slots=True)
class RerankerTools:
    """What a garden has at hand for its rerankers: each is made by `make(argument, tools)`."""

    embedder: Embedder
    analyzer: Analyzer
    arrays: ArrayCache


@dataclass(frozen=True, slots=True)
class MirrorStatus:
    """What a mirror is doing: `waiting` while another process owns Chroma; `error` says why it is `failing`.

    `checks` is how often it has compared Chroma with the record.
    """

    state: Literal["idle", "draining", "waiting", "failing", "stopped"]
    error: str | None = None
    checks: int = 0


@dataclass(frozen=True, slots=True)
class Contents:
    """What a collection must hold.

    `count` chunks besides those that are `waiting` in the outbox, which it may or may not hold; `sample` has the
    vectors `(d,)` of some of them by id.
    """

    count: int
    waiting: Sequence[str]
    sample: Mapping[str, Floats]

    def __bool__(self) -> bool:
        """Anything was ever sent."""
        return bool(self.count or self.waiting)


@dataclass(frozen=True, slots=True)
class Expected:
    """What the vector database must hold: in the collection that small scopes share, and in those of large ones.

    `own` goes by the numbers of scopes. Those in `moving` are on their way out of a collection of their own or into
    one, which may or may not be there. Those in `rebuilt`, 0 for the shared one, are to be built anew: what is built of
    them may be there too.
    """

    shared: Contents
    own: Mapping[int, Contents]
    moving: Set[int]
    rebuilt: Set[int]

    def __bool__(self) -> bool:
        """Anything was ever sent."""
        return bool(self.shared or any(self.own.values()) or self.moving)


@dataclass(frozen=True, slots=True)
class ChunkRecord:
    """A chunk as the vector database is to hold it; `metadata` is the memory's own JSON, `fields` the rest."""

    id: str
    text: str
    vector: Floats
    metadata: Mapping[str, Any]
    fields: Mapping[str, str | int | float | bool]
    scope: ScopePath


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """One change that the vector database has yet to make.

    `record` is the chunk to `upsert`; None for `delete` (as well where the chunk is gone since) and for the others.
    `reset` asks for an empty index: what follows it in the outbox fills it again. A reset is always the oldest
    item, since it is written in the transaction that strikes off what was waiting. `promote` gives the scope of path
    `path` an empty collection of its own, `demote` takes it away; upserts of all its chunks follow either.
    `erase` is a reset that leaves nothing in Chroma's files either, for what was forgotten.
    `rebuild` asks for a collection to be built anew beside itself: that of `scope`, or for None the shared one. What is
    written goes on meanwhile.
    `void` is what a later promotion or demotion makes needless: nothing is to be done for it.
    `scope` is the scope's number, `own` whether the chunk belongs into a collection of the scope's own.
    """

    seq: int
    op: Op
    chunk_id: str
    record: ChunkRecord | None
    scope: int | None = None
    own: bool = False
    path: ScopePath = ()


class Outbox(Protocol):
    """What is committed in SQL and not yet in the vector database."""

    def pending(self, limit: int) -> Sequence[OutboxItem]:
        """The oldest changes, at most `limit`, in order of commit; after them the oldest `rebuild`, if there is one."""
        ...

    def settle(self, seqs: Sequence[int], held: int | None = None) -> None:
        """Strike off changes that the vector database has made.

        `held` goes with a `rebuild`: how many chunks the new collection holds.
        """
        ...

    def count(self, upto: int | None = None) -> int:
        """How many changes are waiting, of those up to a sequence number or of all."""
        ...

    def mark(self) -> int:
        """The sequence number of the newest change that waits, 0 for none."""
        ...
