"""Text to term hashes, the same way for what is stored and what is asked."""

from __future__ import annotations

import hashlib
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import Stemmer

from memgarden.errors import UnknownStrategy
from memgarden.lexical.stopwords import STOP_LISTS, closed_classes
from memgarden.lexical.terms import Words
from memgarden.records import POSTING, Floats, Postings, Terms

__all__ = ["StandardAnalyzer", "hash64"]

VERSION = 1
"""Goes up whenever the same text would give other terms."""

# A chat's words are few: 32,768 pieces of at most 40 characters are about 10 MB and hold nearly all that recur.
MEMO_SIZE = 32_768
MEMO_LONGEST = 40
# No word of a natural language is longer; a stemmer has no business in a base64 blob.
STEM_LONGEST = 64


class Hashes(NamedTuple):
    """The term hashes of a piece of text, by what they count for."""

    content: tuple[int, ...]
    """Asked, and counted in the length."""
    overlap: tuple[int, ...]
    """Asked, not counted: wholes beside their parts."""
    quiet: tuple[int, ...]
    """Stop words: not counted, and asked only where there is nothing else to ask."""


class StandardAnalyzer:
    """Words folded by case and NFKC, stemmed by Snowball, identifiers whole and in parts; safe to share by threads.

    `language` names a Snowball stemmer (None: no stemming). `stop_words` is `"long"` (the closed word classes of the
    language, where memgarden has them, of English for None), `"lucene"` (33 English words), your own lower-case words,
    or None. Stop words are indexed, so that a query of nothing else still finds them, but they do not count in a text's
    length. `memo` is how many pieces of text, and how many words, are remembered. Raises `UnknownStrategy` for a
    language or a list that there is not.
    """

    def __init__(
        self,
        language: str | None = "english",
        stop_words: Iterable[str] | None = "long",
        *,
        memo: int = MEMO_SIZE,
    ) -> None:
        self._stemmer = None if language is None else _stemmer(language)
        self._fold = _fold_turkish if language == "turkish" else _fold
        self._stop_words = _stop_list(stop_words, language, self._fold)
        self._lock = threading.Lock()
        self._recall = lru_cache(memo)(self._analyze)
        self._recall_term = lru_cache(memo)(self._term)
        # Snowball 3 stems some English words unlike Snowball 2.
        stemming = "none" if language is None else f"{language}-{Stemmer.version().partition('.')[0]}"
        self._name = f"standard-{VERSION}/{stemming}/{_digest(self._stop_words)}"

    @property
    def name(self) -> str:
        """Version, stemmer and a digest of the stop words."""
        return self._name

    def index(self, text: str) -> tuple[Postings, int]:
        """The terms of a text with their counts, `(p,)` of dtype `POSTING`, and its length in terms."""
        content, overlap, quiet = self._collect(text)
        length = len(content)
        counts = Counter(content + overlap + quiet)
        postings = np.empty(len(counts), dtype=POSTING)
        postings["term"] = np.fromiter(counts.keys(), np.uint64, len(counts))
        postings["count"] = np.fromiter(counts.values(), np.uint32, len(counts))
        return postings, length

    def query(self, text: str) -> tuple[Terms, Floats]:
        """The distinct terms of a query `(t,)` and how often each occurs in it `(t,)` float32."""
        content, overlap, quiet = self._collect(text)
        counts: dict[int, int] = {}  # for so few a Counter costs more than counting
        for term in content + overlap if content else overlap + quiet:
            counts[term] = counts.get(term, 0) + 1
        return np.array(list(counts), np.uint64), np.array(list(counts.values()), np.float32)

    def _collect(self, text: str) -> tuple[list[int], list[int], list[int]]:
        content: list[int] = []
        overlap: list[int] = []
        quiet: list[int] = []
        recall, analyze = self._recall, self._analyze
        for piece in text.split():
            # Long pieces (text without spaces, blobs) would fill the memo with what never comes back.
            found = recall(piece) if len(piece) <= MEMO_LONGEST else analyze(piece)
            content += found.content
            overlap += found.overlap
            quiet += found.quiet
        return content, overlap, quiet

    def _analyze(self, piece: str) -> Hashes:
        words = Words(piece)
        content: list[int] = []
        overlap = [self._hash(self._fold(text)) for text in words.wholes]
        quiet = [self._hash(self._fold(text)) for text in words.characters]
        for text in words.parts:
            folded = self._fold(text)
            if folded not in self._stop_words:
                content.append(self._hash(folded))
                continue
            quiet.append(_stop_hash(folded))
            if len(text) > 1 and text.isupper():
                # IT, US and WHO are also names. Not content: a shouted question of stop words must still fall back.
                overlap.append(self._hash(folded))
        return Hashes(tuple(content), tuple(overlap), tuple(quiet))

    def _hash(self, folded: str) -> int:
        return self._recall_term(folded) if len(folded) <= MEMO_LONGEST else self._term(folded)

    def _term(self, folded: str) -> int:
        if self._stemmer is not None and len(folded) <= STEM_LONGEST:
            with self._lock:  # a Snowball stemmer works in a buffer of its own
                folded = self._stemmer.stemWord(folded)
        if self._fold is _fold_turkish:
            folded = folded.replace("ı", "i")  # many type neither of the two where it is due, and IBM is not ıbm
        return hash64(folded)


def _stemmer(language: str) -> Stemmer.Stemmer:
    if language not in Stemmer.algorithms():
        raise UnknownStrategy("language", language, Stemmer.algorithms())
    return Stemmer.Stemmer(language, 0)  # no cache of its own: the analyzer keeps one


def _stop_list(stop_words: Iterable[str] | None, language: str | None, fold: Callable[[str], str]) -> frozenset[str]:
    if stop_words is None:
        return frozenset()
    if isinstance(stop_words, str):
        if stop_words not in STOP_LISTS:
            raise UnknownStrategy("stop list", stop_words, STOP_LISTS)
        stop_words = closed_classes(language) if stop_words == "long" else STOP_LISTS[stop_words]
    return frozenset(map(fold, stop_words))


def _fold(text: str) -> str:
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text.casefold())


def _fold_turkish(text: str) -> str:
    """Turkish has two letters: dotted İ i, and dotless I ı."""
    return _fold(text.replace("İ", "i").replace("I", "ı"))


def hash64(text: str, person: bytes = b"") -> int:
    """64 bits of the text's BLAKE2b (RFC 7693); `person` names the family, at most 16 bytes."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, person=person)
    return int.from_bytes(digest.digest(), "little")


@lru_cache(1024)
def _stop_hash(word: str) -> int:
    """Of another family than the terms, so that `willing`, whose stem is `will`, does not meet every `will`."""
    return hash64(word, person=b"stop word")


def _digest(words: frozenset[str]) -> str:
    return f"{hash64(chr(0).join(sorted(words))):016x}"[:8] if words else "none"
