"""The last step of the read path: rerankers score the best hits, and here they are put in that order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from memgarden.errors import MemgardenError, RerankerFailed
from memgarden.protocols import Reranker, Shortlist
from memgarden.records import Floats, Hit, Ints, RerankScore

__all__ = ["DEPTH", "rerank"]

DEPTH = 50  # late interaction gains the same from 20 to 100, and on chats 50 hold 91 % of what is relevant


def rerank(rerankers: Sequence[tuple[str, Reranker]], shortlist: Shortlist) -> list[Hit]:
    """The hits of the shortlist, none more and none fewer, in the order of the last of the named rerankers."""
    for name, reranker in rerankers:
        if not shortlist.hits:
            break
        scores = _scores(name, reranker, shortlist)
        shortlist = _reordered(shortlist, name, scores, (-scores).argsort(kind="stable"))
    return list(shortlist.hits)


def _scores(name: str, reranker: Reranker, shortlist: Shortlist) -> Floats:
    due = len(shortlist.hits)
    try:
        scores = np.asarray(reranker(shortlist), np.float32)
    except MemgardenError:
        raise
    except Exception as error:
        raise RerankerFailed(f"the reranker {name!r} failed: {type(error).__name__}: {error}") from error
    if scores.shape != (due,):
        raise RerankerFailed(
            f"the reranker {name!r} gave numbers of shape {scores.shape} for {due} hits: give one each"
        )
    if not np.isfinite(scores).all():
        place = int((~np.isfinite(scores)).argmax())
        raise RerankerFailed(f"the reranker {name!r} gave {scores[place]} for hit {place}: give finite numbers")
    return scores


def _reordered(shortlist: Shortlist, name: str, scores: Floats, order: Ints) -> Shortlist:
    hits = [
        hit._replace(score=score, reranks=(*hit.reranks, RerankScore(name, score, place + 1)))
        for place in order.tolist()
        for hit, score in [(shortlist.hits[place], float(scores[place]))]
    ]
    return replace(shortlist, hits=hits, vectors=_picked(shortlist.vectors, order))


def _picked(vectors: Callable[[], Floats], order: Ints) -> Callable[[], Floats]:
    return lambda: vectors()[order]
