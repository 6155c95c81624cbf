"""The languages of a garden's texts: one that was set, or each text's own, detected when it is added.

What is stored with a chunk is the number of its language; from then on detection is of no consequence: a query is asked
of the texts of each language in that language, and needs no guess. So a better detector may come at any time.
"""

from __future__ import annotations

import importlib.util
import threading
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import Stemmer

from memgarden.errors import MissingExtra
from memgarden.lexical.analyzer import StandardAnalyzer, hash64
from memgarden.protocols import Analyzer
from memgarden.registry import require

__all__ = ["DetectedLanguages", "OneLanguage", "languages_of"]

AUTO = "auto"
NONE = "none"

CODES = (
    *("english", NONE, "arabic", "armenian", "basque", "catalan", "czech", "danish", "dutch", "esperanto", "estonian"),
    *("finnish", "french", "german", "greek", "hindi", "hungarian", "indonesian", "irish", "italian", "lithuanian"),
    *("nepali", "norwegian", "persian", "polish", "portuguese", "romanian", "russian", "serbian", "sesotho", "spanish"),
    *("swedish", "tamil", "turkish"),
)
"""Snowball's name by the number that is stored with a chunk: numbers stay what they are, new names come last."""

STEMMED = {
    "ar": "arabic",
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "eo": "esperanto",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fa": "persian",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "st": "sesotho",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    # So close that neither detector nor stemmer keeps them apart.
    "bs": "serbian",
    "hr": "serbian",
    "nn": "norwegian",
    "ms": "indonesian",
}
"""The stemmer of each language that is told apart, by ISO 639."""
UNSTEMMED = (
    *("af", "am", "az", "be", "bg", "bn", "cy", "gl", "gu", "he", "is", "ja", "ka", "kk", "km", "kn", "ko", "lo", "lv"),
    *("mk", "ml", "mn", "mr", "my", "pa", "ps", "si", "sk", "sl", "sq", "sw", "te", "th", "tl", "uk", "ur", "uz", "vi"),
    "zh",
)
"""Languages without a stemmer that are told apart, so that no other one's stemmer is put to them."""

SURE = 0.6  # the share from which the first two words of a sentence were taken for no other of 33 languages
SAMPLE = 1_000  # characters of a text that are looked at: 0.4 ms, and no text is more certain after more
MEMO_SIZE = 8_192  # a scope's texts are mostly of one language, and the others' words must not take as much again


class OneLanguage:
    """Every text is in the language that was set: `language` names a Snowball stemmer, or is `none`."""

    def __init__(self, language: str) -> None:
        """`UnknownStrategy` if there is no such stemmer."""
        self._analyzer = StandardAnalyzer(None if language == NONE else language)

    @property
    def name(self) -> str:
        """The analyzer's."""
        return self._analyzer.name

    def detect(self, texts: Sequence[str]) -> list[int]:
        """0 for each text."""
        return [0] * len(texts)

    def analyzer(self, language: int) -> Analyzer:
        """The one there is."""
        return self._analyzer


class DetectedLanguages:
    """Each text is in a language of its own, 0 standing for English; safe to share by threads.

    Detection is py3langid's (langid.py: Lui, Baldwin 2012, "langid.py: An Off-the-shelf Language Identification Tool",
    ACL), offline and with the same answer every time. `MissingExtra` where that is not installed.
    """

    def __init__(self) -> None:
        if importlib.util.find_spec("py3langid") is None:  # said when the garden is opened, not at its first text
            raise MissingExtra("py3langid", "languages")
        known = {NONE, *Stemmer.algorithms()}
        self._analyzers = {
            code: StandardAnalyzer(None, None, memo=MEMO_SIZE)
            if language == NONE
            else StandardAnalyzer(language, memo=MEMO_SIZE)
            for code, language in enumerate(CODES)
            if language in known
        }
        self._codes = {
            iso: CODES.index(language if language in known else NONE)
            for iso, language in {**STEMMED, **dict.fromkeys(UNSTEMMED, NONE)}.items()
        }
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """A digest of what every language's analyzer is called."""
        names = (f"{code} {analyzer.name}" for code, analyzer in self._analyzers.items())
        return f"auto/{hash64(chr(0).join(names)):016x}"

    def detect(self, texts: Sequence[str]) -> list[int]:
        """The language of each text; one that does not show its own takes that of most others, or is English."""
        found = [self._detect(text) for text in texts]
        decided = Counter(code for code in found if code is not None)
        usual = decided.most_common(1)[0][0] if decided else 0
        return [usual if code is None else code for code in found]

    def analyzer(self, language: int) -> Analyzer:
        """That of the language of this number."""
        return self._analyzers[language]

    def _detect(self, text: str) -> int | None:
        with self._lock:  # so that the model is loaded once
            identifier = self._identifier
        shares: Counter[int] = Counter()
        for iso, share in identifier.rank(text[:SAMPLE]):
            shares[self._codes[iso]] += share
        ((code, share),) = shares.most_common(1)
        return code if share >= SURE else None

    @cached_property
    def _identifier(self) -> Any:
        """The model: 0.9 s and 100 MB, spent when the first text is added."""
        package = require("py3langid.langid", "languages")
        identifier = package.LanguageIdentifier.from_model_file(package.MODEL_FILE, norm_probs=True)
        identifier.set_languages(self._codes)
        return identifier


def languages_of(language: str) -> OneLanguage | DetectedLanguages:
    """What the setting `language` says: `auto`, `none`, or a Snowball stemmer's name."""
    return DetectedLanguages() if language == AUTO else OneLanguage(language)
