"""The lexical leg: the texts of each language are asked for the query's words as that language has them."""

from __future__ import annotations

import numpy as np

from memgarden.index.scope_index import ScopeIndex
from memgarden.protocols import Languages, Ranking
from memgarden.ranking import best_rows
from memgarden.records import Flags, Floats, Terms

__all__ = ["rank_words"]


def rank_words(index: ScopeIndex, text: str, languages: Languages, mask: Flags, depth: int) -> Ranking:
    """The best `depth` rows that `mask` lets through, each by the query's terms in its own language.

    A row of another language would only be found by chance: German `die` is no English verb. Statistics are the whole
    scope's.
    """
    codes = index.languages
    if len(codes) < 2:
        return index.lexical.rank(languages.analyzer(codes[0] if codes else 0).query(text), mask, depth)
    asked: dict[bytes, tuple[tuple[Terms, Floats], list[int]]] = {}
    for code in codes:  # those that make the same of the query, as of most names, are asked at once
        terms, weights = languages.analyzer(code).query(text)
        asked.setdefault(terms.tobytes() + weights.tobytes(), ((terms, weights), []))[1].append(code)
    spoken = index.rows["language"]
    scores = np.zeros(len(mask), dtype=np.float32)
    named = np.zeros(len(mask), dtype=np.bool_)
    ceilings = []
    for query, own in asked.values():
        theirs = np.isin(spoken, own)
        ranking = index.lexical.rank(query, mask & theirs, depth)
        rows = theirs.nonzero()[0]
        scores[rows] = ranking.score_of(rows)
        named[ranking.rows] = True
        ceilings.append(ranking.ceiling)
    found = named.nonzero()[0]
    return Ranking(best_rows(found, scores[found], depth), lambda rows: scores[rows], max(ceilings))
