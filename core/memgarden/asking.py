"""How questions to a scope are answered: put in other words, embedded, searched for in one state of it, reranked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from memgarden.errors import GardenBusy, InvalidQuery
from memgarden.index.columns import Outdated
from memgarden.index.filter import parse_filter
from memgarden.index.scope_index import ScopeIndex
from memgarden.index.turns import Turns
from memgarden.ingest.validate import check_vectors
from memgarden.parts import Parts
from memgarden.protocols import ExpanderTools, Expanding, Order, Reranking, Shortlist
from memgarden.records import Floats, Hit, Memory, ScopePath, as_told, utc_now
from memgarden.retrieve.expansion import ORIGINAL, expanded
from memgarden.retrieve.fusion import BY_RANK
from memgarden.retrieve.phrases import quoted
from memgarden.retrieve.query import GroupBy, Mode, Query
from memgarden.retrieve.rerank import DEPTH, rerank
from memgarden.retrieve.search import Phrasing, search
from memgarden.retrieve.times import check_now, periods
from memgarden.turns import Signals

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["MAX_ATTEMPTS", "How", "answer", "matching", "rerank_texts", "told"]

T = TypeVar("T")

MAX_ATTEMPTS = 100  # each failed one means that somebody else's update went through


class How(NamedTuple):
    """What `Scope.search` takes beside the question."""

    k: int = 10
    mode: Mode = "hybrid"
    alpha: float | None = None
    fusion: str | None = None
    where: Mapping[str, Any] | None = None
    since: datetime | None = None
    until: datetime | None = None
    min_score: float | None = None
    min_relevance: float | None = None
    aliases: Mapping[str, str] | None = None
    context: int = 0
    group_by: GroupBy = "memory"
    reranker: Reranking | None = None
    rerank_depth: int = DEPTH
    expander: Expanding = ()
    phrases: bool = True
    times: bool = True
    now: datetime | None = None


class Question(NamedTuple):
    """What is asked, and the ways in which it is put: the vectors that were given for them, and their weights."""

    query: Query
    texts: Sequence[str]
    vectors: Sequence[Floats | None]
    weights: Sequence[float]


def answer(
    parts: Parts,
    path: ScopePath,
    asked: Sequence[Sequence[str]],
    how: How,
    vectors: npt.ArrayLike | None,
    embedder: str | None,
) -> list[list[Hit]]:
    """The hits of each question, which is given by one or several texts; `vectors` `(n, d)` are those of all texts."""
    if not asked:
        return []
    if how.fusion is not None and not isinstance(how.fusion, str):
        raise InvalidQuery(f"fusion is a method's name, as in 'zscore', not {how.fusion!r}")
    fusion = how.fusion or parts.default_fusion
    fuse = parts.fusion(fusion)
    signals = replace(parts.signals, cluster=0) if fusion in BY_RANK else parts.signals
    rerankers = parts.rerankers(how.reranker)
    queries = _queries(parts, asked, how)
    given = _given(parts, asked, vectors, embedder)
    if rerankers:
        queries = [query.widened(how.rerank_depth) for query in queries]
    questions = [
        _expanded(parts, path, Question(query, texts, own, [1 / len(texts)] * len(texts)), how)
        for query, texts, own in zip(queries, asked, given, strict=True)
    ]
    phrasings = _embedded(parts, path, questions)

    def find(index: ScopeIndex | None) -> tuple[list[Any], list[str], Callable[..., Floats], datetime] | None:
        if index is None:
            return None
        languages, now = parts.preparer.languages, utc_now()
        found = [
            search(index, question.query, ways, languages, fuse, signals, now)
            for question, ways in zip(questions, phrasings, strict=True)
        ]
        first = [question.texts[0] for question in questions] if rerankers else []
        return found, _topics(index.turns, first, parts.signals), index.dense.vectors_of, how.now or now

    answered = _with_index(parts, path, find)
    if answered is None:
        return [[] for _ in questions]
    found, topics, vectors_of, now = answered
    if not rerankers:
        return [hits for hits, _ in found]
    # After the index was given back: a reranker may take its time, and may search this scope itself.
    shortlists = [
        Shortlist(ways[0].text, topic, ways[0].vector, hits, now, partial(vectors_of, rows))
        for ways, topic, (hits, rows) in zip(phrasings, topics, found, strict=True)
    ]
    return [rerank(rerankers, shortlist)[: how.k] for shortlist in shortlists]


def matching(
    parts: Parts, path: ScopePath, where: Mapping[str, Any], order: Order, *, expired: bool = False
) -> list[Memory]:
    """Every memory of the scope that the filter lets through, in that order; with those that have `expired`."""
    tree = parse_filter(where)
    now = datetime.min.replace(tzinfo=UTC) if expired else None

    def find(index: ScopeIndex | None) -> list[Memory]:
        return [] if index is None else index.whole(index.mask(now or utc_now(), None, None, tree, records=True))

    name, descending = order.removeprefix("-"), order.startswith("-")
    return sorted(
        _with_index(parts, path, find), key=lambda memory: (getattr(memory, name), memory.id), reverse=descending
    )


def told(hits: Sequence[Hit], k: int, max_tokens: int, known: Collection[str], count: Callable[[str], int]) -> str:
    """At most `k` of the hits as lines, oldest first, of `max_tokens` in all; `count` tells the tokens of a text."""
    chosen: list[tuple[datetime, str, str]] = []
    left = max_tokens
    for hit in hits:
        if hit.id in known or hit.memory.text in known or len(chosen) == k:
            continue
        line = " ".join(f"- [{hit.memory.created_at:%Y-%m-%d}] {as_told(hit.memory, hit.text)}".split())
        size = count(line)
        if size <= left:
            chosen.append((hit.memory.created_at, hit.id, line))
            left -= size
    return "\n".join(line for _, _, line in sorted(chosen))


def rerank_texts(
    parts: Parts, query: str, texts: Sequence[str | Memory], reranker: Reranking | None, now: datetime | None
) -> list[tuple[int, float]]:
    """The places of texts that no search of this garden gave, with their scores, in the order of a reranker."""
    if isinstance(texts, str):
        raise InvalidQuery("rerank takes several texts: rerank(query, [text])")
    memories = [text if isinstance(text, Memory) else Memory(text, id=str(n)) for n, text in enumerate(texts)]
    # That they come best first is all that is known of them, and a reranker that looks at scores is told so much.
    hits = [Hit(memory, -float(n), 0, len(memory.text), (), 0.0) for n, memory in enumerate(memories)]
    place = {id(hit.memory): n for n, hit in enumerate(hits)}
    if len(place) < len(hits):
        raise InvalidQuery("a memory is among the texts twice: give each once")

    def vectors() -> Floats:
        return parts.preparer.embed([memory.text for memory in memories])

    shortlist = Shortlist(query, query, None, hits, check_now(now), vectors)
    ordered = rerank(parts.rerankers(reranker), shortlist)
    return [(place[id(hit.memory)], hit.score) for hit in ordered]


def _queries(parts: Parts, asked: Sequence[Sequence[str]], how: How) -> list[Query]:
    """The questions, checked; what one of a question's texts quotes, or says of time, holds for all of it."""
    for name, value in (("phrases", how.phrases), ("times", how.times)):
        if not isinstance(value, bool):
            raise InvalidQuery(f"{name} is True or False, not {value!r}")
    now = check_now(how.now)
    tree = None if how.where is None or how.where == {} else parse_filter(how.where)
    queries = []
    for texts in asked:
        read = [
            Query(
                text=text,
                k=how.k,
                mode=how.mode,
                alpha=parts.alpha if how.alpha is None else how.alpha,
                filter=tree,
                since=how.since,
                until=how.until,
                min_score=how.min_score,
                aliases=how.aliases or {},
                context=how.context,
                group_by=how.group_by,
                min_relevance=how.min_relevance,
            ).checked()
            for text in texts
        ]
        conditions = [phrase for text in texts for phrase in quoted(text)] if how.phrases else ()
        heeded = how.times and 0 < read[0].dense_weight < 1  # a leg that is asked alone keeps its own scores
        times = [period for text in texts for period in periods(text, now)] if heeded else ()
        queries.append(read[0]._replace(phrases=conditions, periods=times) if conditions or times else read[0])
    return queries


def _given(
    parts: Parts, asked: Sequence[Sequence[str]], vectors: npt.ArrayLike | None, embedder: str | None
) -> list[list[Floats | None]]:
    """The vector of each text of each question, None where it is to be made."""
    if vectors is None:
        if not all(text.strip() for texts in asked for text in texts):
            raise InvalidQuery("the query is empty: ask something, or use scope.list() to see everything")
        return [[None] * len(texts) for texts in asked]
    own = parts.preparer.embedder
    count = sum(map(len, asked))
    rows = iter(check_vectors(vectors, count, embedder=embedder, name=own.name, dimension=own.dimension))
    return [[next(rows) for _ in texts] for texts in asked]


def _expanded(parts: Parts, path: ScopePath, question: Question, how: How) -> Question:
    """The question with what expanders make of it; they work before the index is taken, and may search the scope."""
    if isinstance(how.expander, tuple | list) and not how.expander:
        return question

    def feedback(count: int) -> Sequence[Hit]:
        vector = question.vectors[0]
        plain = how._replace(
            k=count, expander=(), reranker=(), context=0, group_by="memory", min_score=None, min_relevance=None
        )
        own = None if vector is None else vector[np.newaxis]
        return answer(parts, path, [question.texts], plain, own, parts.preparer.embedder.name)[0]

    (text,) = question.texts
    expanders = parts.expanders(how.expander, ExpanderTools(parts.preparer.languages.analyzer(0), feedback))
    texts = expanded(text, expanders)
    others = len(texts) - 1
    if not others:
        return question
    weights = [ORIGINAL, *[(1 - ORIGINAL) / others] * others]
    return Question(question.query, texts, [*question.vectors, *[None] * others], weights)


def _embedded(parts: Parts, path: ScopePath, questions: Sequence[Question]) -> list[list[Phrasing]]:
    """The phrasings of each question; all texts that have no vector are embedded together, where one is needed."""
    lacking = [
        text
        for question in questions
        for text, vector in zip(question.texts, question.vectors, strict=True)
        if vector is None
    ]
    made: Any = iter([])
    if lacking and questions[0].query.dense_weight > 0:
        signals = parts.signals
        topics = _with_index(
            parts, path, lambda index: _topics(None if index is None else index.turns, lacking, signals)
        )
        made = iter(parts.preparer.embed(topics, query=True))
    return [
        [
            Phrasing(text, next(made, None) if vector is None else vector, weight)
            for text, vector, weight in zip(question.texts, question.vectors, question.weights, strict=True)
        ]
        for question in questions
    ]


def _with_index(parts: Parts, path: ScopePath, use: Callable[[ScopeIndex | None], T]) -> T:
    """What `use` makes of the scope's index, which is this thread's alone meanwhile."""
    for _ in range(MAX_ATTEMPTS):
        try:
            return parts.pool.use(path, use)
        except Outdated:
            continue
    raise GardenBusy(f"the scope was changed {MAX_ATTEMPTS} times while it was searched: try again")


def _topics(turns: Turns | None, asked: Sequence[str], signals: Signals) -> list[str]:
    """What is embedded of questions: the names of a scope's speakers drown what is asked about them."""
    return [text if turns is None or not signals.names else turns.without_names(text) for text in asked]
