"""Pseudo-relevance feedback: the words of the best hits, added to the question.

Lavrenko, Croft 2001, "Relevance-Based Language Models", SIGIR. The question's own part in it is kept by fusing its
answers with these, as Abdul-Jaleel et al. 2004, "UMass at TREC 2004: Novelty and HARD" (RM3), keep it by adding up.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from memgarden.errors import InvalidSetting
from memgarden.protocols import Analyzer, Expander, ExpanderTools
from memgarden.records import Hit

__all__ = ["make", "weigh"]

HITS = 10
WORDS = 10
"""As many as in the published runs of RM3."""

MOST_WORDS = 100
WORD = re.compile(r"\w+(?:['’]\w+)*")


def weigh(hits: Sequence[Hit], analyzer: Analyzer) -> dict[bytes, tuple[float, str]]:
    """How much each word belongs to what the hits have in common, and the word as it was first written, by its terms.

    `P(w|R)` up to a factor: the word's share of each hit's words, times how likely the hit is relevant.
    """
    weights: dict[bytes, float] = defaultdict(float)
    written: dict[bytes, str] = {}
    for hit in hits:
        words = [(key, word) for word in WORD.findall(hit.text) if (key := _key(word, analyzer))]
        for key, word in words:
            weights[key] += hit.relevance / len(words)
            written.setdefault(key, word)
    return {key: (weight, written[key]) for key, weight in weights.items()}


def _key(word: str, analyzer: Analyzer) -> bytes:
    """The terms of a word, whatever its case and ending; nothing for a stop word."""
    postings, length = analyzer.index(word)
    return bytes(postings["term"].tobytes()) if length else b""


def make(argument: str, tools: ExpanderTools) -> Expander:
    """`prf`, or `prf:20` with the number of words."""
    if argument and not (argument.isdecimal() and 1 <= int(argument) <= MOST_WORDS):
        raise InvalidSetting(f"write how many words prf adds, 1 to {MOST_WORDS}, as in 'prf:20', not {argument!r}")
    count = int(argument) if argument else WORDS

    def expand(query: str) -> Sequence[str]:
        weighed = weigh(tools.feedback(HITS), tools.analyzer)
        asked = {_key(word, tools.analyzer) for word in WORD.findall(query)}
        fresh = sorted((-weight, word) for key, (weight, word) in weighed.items() if key not in asked)
        return [" ".join([query, *(word for _, word in fresh[:count])])] if fresh else []

    return expand
