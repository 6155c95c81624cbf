"""How a piece of text between two spaces falls into words: free of language and stop words.

Every expression here runs in linear time and little memory: the character classes of neighbouring parts are disjoint,
the repeats possessive, so nothing is ever tried twice, and the repeats of groups, whose states `regex` keeps, bounded.
"""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import regex

__all__ = ["Words"]


# Scripts that put no space between words: overlapping pairs of characters stand in for words, as in Lucene's
# CJKBigramFilter. U+30FC, the long-vowel mark of Katakana, is of no script.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\u30fc"
_WORD = r"(?:[\p{L}\p{M}\p{N}]++(?:'[\p{L}\p{M}\p{N}]++){0,7}+)"
# Inside a name of at most 64 words (snake_case, kebab-case, dotted.name), and between at most 64 names (paths, URLs,
# e-mail addresses, times).
_INNER = r"(?:[.\-\u2010]|_++)"
_OUTER = r"[/\\@:?&=\#~+%]{1,3}+"
_NAME = rf"(?:{_WORD}(?:{_INNER}{_WORD}){{0,63}}+)"

_TOKEN = regex.compile(
    rf"""
    (?P<emoji>\p{{Extended_Pictographic}}|\p{{Regional_Indicator}}{{2}})
    |(?P<symbol>[\p{{L}}\p{{N}}]++(?:\+\+|\#)(?![\p{{L}}\p{{M}}\p{{N}}])|(?<![\p{{L}}\p{{M}}\p{{N}}.])\.\p{{L}}++)
    |(?P<address>{_NAME}(?:{_OUTER}{_NAME}){{0,63}}+)
    """,
    regex.VERBOSE,
)
_NAMES = regex.compile(_NAME)
# A decimal with what follows it (3.5, 3.5kg) is one word; in 1.2.3 and v1.2 the dots join parts.
_PARTS = regex.compile(rf"(?<![\p{{L}}\p{{M}}\p{{N}}.])\d++\.\d++(?!\.\d)\p{{L}}*+|{_WORD}")
_INITIALS = regex.compile(r"\p{L}(?:\.\p{L})++")
_VERSION = regex.compile(r"[vV](?=\d++\.\d)")
# Connectors go, so that wi-fi, WiFi and wifi are one word; between digits they stay, since 1.2 is not 12.
_GLUE = regex.compile(r"(?<!\d)[^\p{L}\p{M}\p{N}]++|[^\p{L}\p{M}\p{N}]++(?!\d)")
_HUMPS = regex.compile(
    r"(?<=\p{Ll})(?=\p{Lu})|(?<=\p{N})(?=\p{Lu}\p{Ll})|(?<=\p{Lu})(?=\p{Lu}\p{Ll}{2})", regex.VERSION1
)
_RUNS = regex.compile(rf"(?P<unspaced>[{_UNSPACED}][{_UNSPACED}\p{{M}}]*+)|[^{_UNSPACED}]++")
_UNSPACED_CHARACTER = regex.compile(f"[{_UNSPACED}]")
_CHARACTERS = regex.compile(r".\p{M}*+")
_THOUSANDS = regex.compile(r"(?<=\d),(?=\d{3}(?!\d))")

# Typed apostrophes become one; soft hyphens, joiners and variation selectors are invisible; (TM) and (SM) would
# turn into letters of the word before them.
_CHARACTER_MAP: dict[int, str | None] = dict.fromkeys(map(ord, "\u2018\u2019\u201b\u02bc\u00b4`"), "'")
_CHARACTER_MAP |= dict.fromkeys([0x00AD, 0x200C, 0x200D, 0x2060, 0xFEFF, *range(0xFE00, 0xFE10)])
_CHARACTER_MAP |= dict.fromkeys(map(ord, "\u2122\u2120"), " ")
# Unicode's stream-safe limit (UAX 15): normalisation takes quadratic time in a run of combining marks.
_MARKS = regex.compile(r"(\p{M}{30})\p{M}++")

_CLITICS = frozenset(["s", "re", "ve", "ll", "d", "m"])
_IRREGULAR = {"ca": "can", "wo": "will", "sha": "shall", "ai": "is"}
# As typed in a hurry; cant and wont are words of their own.
_NEGATED = {
    f"{verb}nt": verb
    for verb in ("do", "does", "did", "is", "are", "was", "were", "have", "has", "had", "could", "would", "should")
} | {"cannot": "can"}
_NEGATED_LONGEST = 1 + max(map(len, _NEGATED))


class Words:
    """The words of a piece of text without white space, as they stand in it.

    `parts` are asked for and make up the text's length; `wholes` are asked for beside their parts (snake_case, WiFi,
    O'Brien); `characters` are those of pairs in scripts without spaces, to be found when asked alone.
    """

    __slots__ = ("characters", "parts", "wholes")

    def __init__(self, piece: str) -> None:
        self.parts: list[str] = []
        self.wholes: list[str] = []
        self.characters: list[str] = []
        if piece.isascii():
            piece = piece.rstrip(".,;:!?")
            if piece.isalnum():  # most words of most texts: no expression needs to look at them
                self._add_humps(piece)
                return
            piece = piece.replace("`", "'")
        else:
            piece = unicodedata.normalize("NFKC", _MARKS.sub(r"\1", piece.translate(_CHARACTER_MAP)))
        if "," in piece:
            piece = _THOUSANDS.sub("", piece)
        for token in _TOKEN.finditer(piece):
            text = token.group()
            if token.lastgroup == "emoji":
                self.parts.append(text)
            elif token.lastgroup == "symbol":
                self.wholes.append(text)
                self._add_word(text.strip("+#."))
            else:
                self._add_address(text)

    def _add_address(self, text: str) -> None:
        names = _NAMES.findall(text)
        if len(names) > 1 and not _is_unspaced(text):
            self.wholes.append(_GLUE.sub("", text))
        for name in names:
            self._add_name(name)

    def _add_name(self, name: str) -> None:
        if _INITIALS.fullmatch(name):
            self.parts.append(name.replace(".", ""))
            return
        parts = _PARTS.findall(name)
        if len(parts) > 1 and not _is_unspaced(name):
            whole = _GLUE.sub("", name)
            self.wholes.append(whole)
            if _VERSION.match(whole):
                self.wholes.append(whole[1:])
        for part in parts:
            if "'" in part:
                self._add_apostrophes(part)
            else:
                self._add_word(part)

    def _add_apostrophes(self, text: str) -> None:
        parts = text.split("'")
        while len(parts) > 1 and parts[-1].lower() in _CLITICS:
            parts.pop()
        if len(parts) > 1 and parts[-1].lower() == "t" and parts[-2][-1] in "nN":
            verb = parts[-2][:-1]
            parts[-2:] = [_IRREGULAR.get(verb.lower(), verb)] if verb else []
            self.parts.append("not")
        if len(parts) > 1:
            # O'Brien, l'homme: the single letter says nothing by itself.
            longer = [part for part in parts if len(part) > 1]
            (self.wholes if longer else self.parts).append("".join(parts))
            parts = longer
        for part in parts:
            self._add_word(part)

    def _add_word(self, text: str) -> None:
        if text.isascii():
            self._add_humps(text)
            return
        for run in _RUNS.finditer(text):
            if run["unspaced"]:
                self._add_pairs(_CHARACTERS.findall(run.group()))
            else:
                self._add_humps(run.group())

    def _add_pairs(self, characters: list[str]) -> None:
        if len(characters) == 1:
            self.parts += characters
        else:
            self.parts += [left + right for left, right in pairwise(characters)]
            self.characters += characters

    def _add_humps(self, text: str) -> None:
        if text.isupper() or text[1:].islower() or len(parts := _HUMPS.split(text)) == 1:
            verb = _NEGATED.get(text.lower()) if len(text) < _NEGATED_LONGEST else None
            self.parts += [verb, "not"] if verb else [text]
        else:
            self.wholes.append(text)
            self.parts += parts


def _is_unspaced(text: str) -> bool:
    return not text.isascii() and _UNSPACED_CHARACTER.search(text) is not None
