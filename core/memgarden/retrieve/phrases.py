"""Quoted phrases: a memory is found only if its text holds them, whatever else the query says.

Which memories could hold a phrase is known to the lexical leg, so that the texts of these alone are read, and none is
where the query quotes nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
import regex

from memgarden.index.scope_index import ScopeIndex
from memgarden.protocols import Analyzer, Languages, LexicalLeg
from memgarden.records import Flags, Ints, Memory, Terms

__all__ = ["Phrase", "holding", "quoted"]

TEXTS_PER_BATCH = 500  # memories read at a time: fewer than the index keeps of those it read last

# Scripts that put no space between words: there any character may begin a phrase or end it.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\u30fc"
_LETTERS = r"\p{L}\p{M}\p{N}_"
_QUOTED = regex.compile(rf'(?<![{_LETTERS}])["\u201c\u201d]([^"\u201c\u201d]*+)["\u201c\u201d](?![{_LETTERS}])')
_SPACED = rf"[[{_LETTERS}]--[{_UNSPACED}]]"
_BEGIN = rf"(?<!{_SPACED})(?={_SPACED})|(?!{_SPACED})"
_END = rf"(?<={_SPACED})(?!{_SPACED}|\p{{M}}|'t(?![{_LETTERS}]))|(?<!{_SPACED})(?!\p{{M}})"  # `won` is not in `won't`

# What every text that holds a phrase has as a term, however it is written and whatever stands around it: words of
# letters alone, neither a part that contractions leave over nor so long that a chunk might end in them; and characters
# that have a neighbour.
_ONE = rf"[[{_UNSPACED}]--\p{{M}}]"
_PLAIN = regex.compile(
    rf"(?<![{_LETTERS}'])[\p{{L}}--[{_UNSPACED}]]{{3,16}}(?![{_LETTERS}'])|(?:(?<={_ONE}){_ONE}|{_ONE}(?={_ONE}))(?!\p{{M}})",
    regex.V1,
)
_APOSTROPHES: dict[int, str | None] = dict.fromkeys(map(ord, "\u2018\u2019\u201b\u02bc\u00b4`"), "'")
_INVISIBLE: dict[int, str | None] = dict.fromkeys([0x00AD, 0x200C, 0x200D, 0x2060, 0xFEFF, *range(0xFE00, 0xFE10)])
_ALIKE = _APOSTROPHES | _INVISIBLE | dict.fromkeys(map(ord, "\u2122\u2120"), " ")


class Phrase:
    """Words that stand together in a text.

    Case, the width of white space, Unicode's compatible forms and the kind of apostrophe make no difference,
    punctuation does. A phrase begins and ends where words do: `the art` is in `the art.` and not in `the artist`.
    """

    __slots__ = ("_pattern", "text")

    def __init__(self, text: str) -> None:
        self.text = _plain(text)
        self._pattern = regex.compile(f"(?:{_BEGIN}){regex.escape(self.text)}(?:{_END})", regex.V1)

    def is_in(self, text: str) -> bool:
        """Whether a text holds the phrase."""
        return self._pattern.search(_plain(text)) is not None

    def terms(self, analyzers: Sequence[Analyzer]) -> list[Terms]:
        """Sets of terms: what holds the phrase, and was analysed by one of these, holds a term of each."""
        found = []
        for word in dict.fromkeys(_PLAIN.findall(self.text)):
            terms = [analyzer.index(word)[0]["term"] for analyzer in analyzers]
            if all(len(own) == 1 for own in terms):  # else it is no single word: `cannot`
                # Written in capitals a stop word is a name, and has another term.
                shouted = [analyzer.index(word.upper())[0]["term"] for analyzer in analyzers]
                found.append(np.unique(np.concatenate([*terms, *shouted])))
        return found


def quoted(query: str) -> tuple[Phrase, ...]:
    """The phrases that a query holds in straight or curly double quotes; one without an end, or empty, is none.

    A quote begins before a word and ends after one: the inches of `a 27" screen or a 32" one` quote nothing.
    """
    if '"' not in query and "\u201c" not in query and "\u201d" not in query:
        return ()
    found = [Phrase(text) for text in _QUOTED.findall(query)]
    return tuple({phrase.text: phrase for phrase in found if phrase.text}.values())


def holding(index: ScopeIndex, mask: Flags, phrases: Sequence[Phrase], languages: Languages) -> Flags:
    """The rows of `mask` `(rows,)` whose memory's text holds every phrase.

    Of a long memory these are the chunks that hold all of it; where each phrase lies across the end of a chunk, or in
    a chunk of its own, the memory's chunks all are. `Outdated` as in `ScopeIndex.memories`.
    """
    memory_of = index.rows["memory"]
    wanted = np.unique(memory_of[mask])
    analyzers = [languages.analyzer(code) for code in index.languages]
    for phrase in phrases:
        for terms in phrase.terms(analyzers):
            wanted = np.intersect1d(wanted, memory_of[_with_any(index.lexical, terms, mask)])
    read = _read(index, wanted.tolist())
    texts = {pk: memory.text for pk, memory in read if all(phrase.is_in(memory.text) for phrase in phrases)}
    rows = (mask & np.isin(memory_of, list(texts))).nonzero()[0]
    chunks = index.rows[rows][["memory", "start", "end"]].tolist()
    whole = np.array([_is_whole(texts[pk], start, end, phrases) for pk, start, end in chunks], dtype=np.bool_)
    # A memory of which no chunk holds everything is found by any of them.
    scattered = ~np.isin(memory_of[rows], memory_of[rows[whole]])
    found = np.zeros_like(mask)
    found[rows[whole | scattered]] = True
    return found


def _with_any(lexical: LexicalLeg, terms: Terms, mask: Flags) -> Ints:
    """The rows of the mask that hold one of the terms: BM25 gives something for any, and nothing for none."""
    ranking = lexical.rank((terms, np.ones(len(terms), np.float32)), mask, 0)
    return (mask & (ranking.score_of(np.arange(len(mask))) > 0)).nonzero()[0]


def _read(index: ScopeIndex, pks: list[int]) -> Iterator[tuple[int, Memory]]:
    for first in range(0, len(pks), TEXTS_PER_BATCH):
        batch = pks[first : first + TEXTS_PER_BATCH]
        memories = index.memories(batch)
        yield from [(pk, memories[pk]) for pk in batch]


def _is_whole(text: str, start: int, end: int, phrases: Sequence[Phrase]) -> bool:
    """Whether a chunk holds every phrase of which its memory's text holds all."""
    return end - start == len(text) or all(phrase.is_in(text[start:end]) for phrase in phrases)


def _plain(text: str) -> str:
    """What texts that are written alike have in common; white space at the ends goes."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_ALIKE))
        text = unicodedata.normalize("NFKC", text.casefold())
    return " ".join(text.replace("`", "'").casefold().split())
