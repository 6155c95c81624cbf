"""What a conversation tells beside the words of a turn: its session, its speaker, and whether it states or asks."""

from __future__ import annotations

import math

import numpy as np

from memgarden.index.turns import Turns
from memgarden.protocols import Ranking
from memgarden.ranking import best_rows
from memgarden.records import Flags, Floats, Ints
from memgarden.turns import Signals

__all__ = ["BOOSTS", "best_sessions", "boosts", "smoothed"]

BOOSTS = ("session", "speaker", "stated")
BEST_TURNS = np.array([1.0, 0.5, 0.25])  # a session is as good as its three best turns
HALF = 8  # content words at which a statement counts half: most turns of a chat state 3 to 15


def smoothed(ranking: Ranking, turns: Turns, mask: Flags, depth: int, signals: Signals) -> Ranking:
    """The lexical leg's ranking where each turn has a share of its neighbours' scores; the mask stays the mask."""
    scores = ranking.score_of(np.arange(len(mask)))
    scores = turns.with_neighbours(scores, signals.previous, signals.following)
    rows = ((scores > 0) & mask).nonzero()[0]
    ceiling = ranking.ceiling * (1 + signals.previous + signals.following)
    return Ranking(best_rows(rows, scores[rows], depth), lambda wanted: scores[wanted], ceiling)


def boosts(turns: Turns, rows: Ints, scores: Floats, named: Ints, signals: Signals) -> tuple[Floats, Floats]:
    """What is seen of each candidate, `(3, n)` in the order of `BOOSTS`, and what it adds to its fused score.

    `scores` `(n,)` are the fused ones. A boost only moves candidates: it can bring in nothing that the mask kept out.
    """
    centred = scores - np.add.reduce(scores) / len(scores)
    spread = math.sqrt(float(np.vecdot(centred, centred)) / len(scores))
    session = _session_scores(turns.sessions(rows), centred)
    speakers = turns.speakers(rows)
    speaker = np.isin(speakers, named) if len(named) else np.zeros(len(rows), dtype=np.bool_)
    words = turns.stated(rows)
    stated = words / (words + HALF)
    is_turn = speakers != 0
    if not is_turn.all():  # a document is neither better nor worse for not being a turn
        stated[~is_turn] = stated[is_turn].mean() if is_turn.any() else 0
    seen = np.stack([session, speaker, stated]).astype(np.float32)
    weights = np.array([signals.session, signals.speaker * spread, signals.stated * spread], dtype=np.float32)
    return seen, seen * weights[:, np.newaxis]


def _session_scores(sessions: Ints, scores: Floats) -> Floats:
    """`(n,)`: the weighted mean of the three best scores in each row's session; a missing one counts 0, the mean."""
    order = np.lexsort((-scores, sessions))  # session by session, the best first
    ordered = sessions[order]
    begins = np.ones(len(order), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    starts = begins.nonzero()[0]
    place = begins.cumsum() - 1
    nth = np.arange(len(order)) - starts[place]
    counted = (nth < len(BEST_TURNS)).nonzero()[0]
    weighted = BEST_TURNS[nth[counted]] * scores[order[counted]]
    totals = np.bincount(place[counted], weighted, minlength=len(starts)) / BEST_TURNS.sum()
    found = np.empty(len(order), dtype=np.float32)
    found[order] = totals[place]
    return found


def best_sessions(sessions: Ints, scores: Floats, k: int) -> tuple[Ints, Floats]:
    """Places among the candidates: the best turn of each of the best `k` sessions, and everyone's session's score."""
    totals = _session_scores(sessions, scores - scores.mean())
    order = np.lexsort((-scores, -totals))
    _, first = np.unique(sessions[order], return_index=True)
    return order[np.sort(first)][:k], totals
