"""The read path: a query and a scope's index in, the best memories out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import repeat
from typing import NamedTuple

import numpy as np

from memgarden.index.scope_index import ScopeIndex
from memgarden.index.turns import Turns
from memgarden.protocols import Fusion, Languages, Ranking
from memgarden.records import Flags, Floats, Hit, Ints, LegColumn, Legs, Memory, copy_json
from memgarden.retrieve.candidates import DEPTH, Candidates, gather
from memgarden.retrieve.cluster import resembled
from memgarden.retrieve.phrases import holding
from memgarden.retrieve.query import Query
from memgarden.retrieve.relevance import relevance
from memgarden.retrieve.signals import BOOSTS, best_sessions, boosts, smoothed
from memgarden.retrieve.times import boost
from memgarden.retrieve.words import rank_words
from memgarden.turns import Signals

__all__ = ["Phrasing", "search"]


class Phrasing(NamedTuple):
    """One way to put a question: its `text`, its `vector` `(d,)`, and its part in the fusion.

    The vector may be None where the dense leg has no weight.
    """

    text: str
    vector: Floats | None
    weight: float = 1.0


CLUSTER = "cluster"


def search(
    index: ScopeIndex,
    query: Query,
    phrasings: Sequence[Phrasing],
    languages: Languages,
    fuse: Fusion,
    signals: Signals,
    now: datetime,
) -> tuple[list[Hit], Ints]:
    """The best `query.k` memories, best first, and the row of the chunk of each.

    Each phrasing has legs of its own, which are fused together; the weights of the phrasings sum to 1.
    """
    turns = index.turns if query.mode == "hybrid" else None
    mask = index.mask(now, query.since, query.until, query.filter)
    if query.phrases:
        mask = holding(index, mask, query.phrases, languages)
    depth = max(DEPTH, 2 * query.k)
    while True:
        candidates = _run_legs(index, query, phrasings, languages, mask, depth, turns, signals)
        if not len(candidates.rows):
            return [], candidates.rows
        shares = _fuse(candidates, query, phrasings, fuse)
        scores = np.add.reduce(shares)
        witnessed: dict[int, float] | None = None  # only the best have any, unlike the other boosts
        if signals.cluster and 0 < query.dense_weight < 1:
            memory_of = index.rows["memory"] if index.chunked else None
            places, seen = resembled(candidates.rows, scores, memory_of, index.dense.vectors_of)
            scores[places] += signals.cluster * seen
            witnessed = dict(zip(places.tolist(), seen.tolist(), strict=True))
        for names, seen, added in _boosts(index, candidates.rows, scores, turns, query, signals):
            candidates, shares = candidates.beside(names, seen), np.concatenate([shares, added])
            scores = scores + np.add.reduce(added)
        if query.group_by == "session" and index.turns is not None:
            best, scores = best_sessions(index.turns.sessions(candidates.rows), scores, query.k)
        else:
            best = _best_chunks(index, candidates.rows, scores, query.k)
        # Long memories have many chunks: where they crowd the candidates, look deeper until k memories are found.
        if len(best) == query.k or len(candidates.rows) < depth:
            break
        depth *= 4
    if query.min_score is not None:
        best = best[scores[best] >= query.min_score]
    rows = candidates.rows[best]
    owed: list[LegColumn] = []
    if witnessed is not None:
        found = [witnessed.get(place, 0.0) for place in best.tolist()]
        owed.append(LegColumn(CLUSTER, found, [0] * len(found), [signals.cluster * seen for seen in found]))
    hits = _hits(index, candidates, phrasings, shares, scores, best, rows, owed) if len(best) else []
    if query.min_relevance is not None:
        likely = [n for n, hit in enumerate(hits) if hit.relevance >= query.min_relevance]
        hits, rows = [hits[n] for n in likely], rows[likely]
    if query.context and index.turns is not None:
        around = zip(hits, rows.tolist(), strict=True)
        hits = [_with_context(index, hit, row, query.context, now) for hit, row in around]
    return hits, rows


def _run_legs(
    index: ScopeIndex,
    query: Query,
    phrasings: Sequence[Phrasing],
    languages: Languages,
    mask: Flags,
    depth: int,
    turns: Turns | None,
    signals: Signals,
) -> Candidates:
    legs: dict[str, Ranking] = {}
    for number, (text, vector, _) in enumerate(phrasings, 1):
        mark = _mark(number)
        if query.dense_weight < 1:
            lexical = rank_words(index, text, languages, mask, depth)
            legs["lexical" + mark] = lexical if turns is None else smoothed(lexical, turns, mask, depth, signals)
        if query.dense_weight > 0 and vector is not None:
            legs["dense" + mark] = index.dense.rank(vector, mask, depth)
    return gather(tuple(legs), tuple(legs.values()), len(index.rows))


def _mark(number: int) -> str:
    """What the legs of a question's phrasings are told apart by, the first of which has none."""
    return "" if number == 1 else f" {number}"


def _fuse(candidates: Candidates, query: Query, phrasings: Sequence[Phrasing], fuse: Fusion) -> Floats:
    """Shares `(legs, n)`; one leg alone keeps its own scores, BM25's or cosines."""
    if len(candidates.names) == 1:
        return candidates.scores
    parts = [weight for weight in (1 - query.dense_weight, query.dense_weight) if weight > 0]
    weights = np.array([phrasing.weight * part for phrasing in phrasings for part in parts], dtype=np.float32)
    return fuse(candidates.scores, candidates.ranks, weights)


def _boosts(
    index: ScopeIndex, rows: Ints, scores: Floats, turns: Turns | None, query: Query, signals: Signals
) -> Iterator[tuple[tuple[str, ...], Floats, Floats]]:
    """Names, what is seen of each candidate `(names, n)`, and what that adds to its fused score `(names, n)`."""
    if turns is not None:
        named = turns.named(query.text, query.aliases)
        seen, added = boosts(turns, rows, scores, named, signals)
        yield BOOSTS, seen, added
        scores = scores + np.add.reduce(added)
    if query.periods:
        yield ("time",), *boost(index.rows["created_at"][rows], query.periods, scores)


def _best_chunks(index: ScopeIndex, rows: Ints, scores: Floats, k: int) -> Ints:
    """Places among the candidates: the best chunk of each of the best `k` memories, best first."""
    order = (-scores).argsort(kind="stable")
    if not index.chunked:
        return order[:k]
    memory_of = index.rows["memory"]
    best: dict[int, int] = {}
    for first in range(0, len(order), 2 * k):  # mostly the first are enough, and each costs a look into memory
        places = order[first : first + 2 * k]
        for place, memory in zip(places.tolist(), memory_of[rows[places]].tolist(), strict=True):
            if memory not in best:
                best[memory] = place
                if len(best) == k:
                    return np.array(list(best.values()), dtype=np.int64)
    return np.array(list(best.values()), dtype=np.int64)


def _hits(
    index: ScopeIndex,
    candidates: Candidates,
    phrasings: Sequence[Phrasing],
    shares: Floats,
    scores: Floats,
    best: Ints,
    rows: Ints,
    owed: Sequence[LegColumn],
) -> list[Hit]:
    """`owed` is what each owes to those that resemble it, nothing where that was not looked at."""
    picked = index.rows[rows]
    pks, starts, ends = (picked[name].tolist() for name in ("memory", "start", "end"))
    memories = index.memories(pks)
    seen, ranks, added = (table.take(best, 1).tolist() for table in (candidates.scores, candidates.ranks, shares))
    own = zip(candidates.names, seen, ranks, added, strict=True)
    columns = [*(LegColumn(*column) for column in own), *owed]
    likely, *others = _relevances(dict(zip(candidates.names, seen, strict=True)), candidates, len(phrasings))
    if others:
        likely = [max(ways) for ways in zip(likely, *others, strict=True)]
    asked = tuple(phrasing.text for phrasing in phrasings) if len(phrasings) > 1 else ()
    return [
        Hit(_own(memories[pk]), score, start, end, Legs(columns, n), relevance, (), (), (), asked)
        for n, (pk, score, start, end, relevance) in enumerate(
            zip(pks, scores[best].tolist(), starts, ends, likely, strict=True)
        )
    ]


def _relevances(seen: dict[str, list[float]], candidates: Candidates, phrasings: int) -> list[list[float]]:
    """How likely each of the best is relevant to each phrasing; `seen` are the legs' scores of them."""
    ceilings = dict(zip(candidates.names, candidates.ceilings, strict=False))  # a boost has none
    found = []
    for mark in map(_mark, range(1, phrasings + 1)):
        bm25 = seen.get("lexical" + mark)
        # A query of which no word is left has nothing to cover.
        full = ceilings.get("lexical" + mark) or 1.0
        covered = repeat(None) if bm25 is None else [score / full for score in bm25]
        found.append(list(map(relevance, seen.get("dense" + mark, repeat(None)), covered)))
    return found


def _with_context(index: ScopeIndex, hit: Hit, row: int, count: int, now: datetime) -> Hit:
    """The hit with the turns around it that have not expired."""
    turns = index.turns
    if turns is None:
        return hit
    sides = turns.around(row, count)
    memories = index.memories([*sides[0], *sides[1]])
    before, after = (tuple(_own(memories[pk]) for pk in side if not memories[pk].has_expired(now)) for side in sides)
    return hit._replace(before=before, after=after)


def _own(memory: Memory) -> Memory:
    """The memory with metadata of its own: what a caller does to a hit must not reach the index's copy."""
    if not memory.metadata:
        return memory
    # Not `dataclasses.replace`, which takes ten times as long, and a search makes ten of these.
    return Memory(
        memory.text,
        memory.id,
        copy_json(memory.metadata),
        memory.tags,
        memory.importance,
        memory.kind,
        memory.created_at,
        memory.expires_at,
        memory.stored_at,
    )
