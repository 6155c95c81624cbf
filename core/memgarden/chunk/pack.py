"""Puts the natural units of a text together into chunks that are well filled and end at good places."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from memgarden.protocols import Span

__all__ = [
    "BLANK_LINE",
    "BLOCK",
    "BREAK",
    "GLUED",
    "LINE",
    "SENTENCE",
    "SENTENCE_END",
    "WORD_START",
    "Packer",
    "Unit",
    "divide",
    "first_within",
    "split",
]

# How good a place to cut lies before a unit, the lower the better; 1 to 6 are headings and definitions by depth.
BREAK, BLOCK, LINE, SENTENCE, CLAUSE, WORD, CHARACTER, GLUED = 0, 10, 11, 12, 13, 14, 15, 16

# A blank line. The groups are atomic, or the two signs of one Windows line end would be taken for two line ends.
BLANK_LINE = re.compile(r"(?>\r\n|\r|\n)\s*(?>\r\n|\r|\n)")
SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+|(?<=[。！？])")
LEVELS = (
    (BLOCK, BLANK_LINE),
    (LINE, re.compile(r"(?>\r\n|\r|\n)")),
    (SENTENCE, SENTENCE_END),
    (CLAUSE, re.compile(r"(?<=[;:,])\s+|(?<=[、，；：])")),
    (WORD, re.compile(r"\s+")),
    (CHARACTER, re.compile(r"\b")),  # between letters and signs, as in a URL
)
WORD_START = re.compile(r"(?<=\s)\S")

# The published ranges agree on these: 800 of 1,200 and 1,000 of 1,500; 150 of 250.
LEAST_SIZE = 2 / 3
LEAST_OVERLAP = 5 / 8
# Two sections in a chunk blur its vector, and one of a line or two says little. Measured on 48 articles of five
# sections each: cut at headings the right section came first for 95 of 100 questions, filled up over them for 92.
LEAST_SECTION = 1 / 4


class Unit(NamedTuple):
    """`text[start:end]`, kept whole where it fits; `rank` says how good a place to cut lies before it."""

    start: int
    end: int
    rank: int


def split(text: str, unit: Unit, pattern: re.Pattern[str], rank: int) -> list[Unit]:
    """The parts of a unit, cut after each match of `pattern`; the first keeps the unit's rank."""
    ends = [match.end() for match in pattern.finditer(text, unit.start, unit.end)]
    edges = [unit.start, *(end for end in ends if unit.start < end < unit.end), unit.end]
    return [Unit(a, b, rank if n else unit.rank) for n, (a, b) in enumerate(pairwise(edges))]


def divide(text: str, unit: Unit, fits: Callable[[str], bool], level: int = 0) -> list[Unit]:
    """A unit, or the parts of it that fit: paragraphs, lines, sentences, clauses, words and, at last, characters."""
    if unit.end - unit.start <= 1 or fits(text[unit.start : unit.end]):
        return [unit]
    if level < len(LEVELS):
        rank, pattern = LEVELS[level]
        parts = split(text, unit, pattern, rank)
    else:
        middle = (unit.start + unit.end) // 2
        parts = [Unit(unit.start, middle, unit.rank), Unit(middle, unit.end, CHARACTER)]
    return [smaller for part in parts for smaller in divide(text, part, fits, level + 1)]


def first_within(text: str, words: Sequence[int], end: int, size: int, count: Callable[[str], int]) -> int:
    """The first of the starts of `words` from which no more than `size` tokens lie before `end`; `end` if none is."""
    place = bisect_left(words, True, key=lambda word: count(text[word:end]) <= size)
    return words[place] if place < len(words) else end


class Packer:
    """Makes chunks of at most `size` tokens, each of which begins with up to `overlap` tokens of the one before.

    A chunk ends where a session begins, at a heading or definition once it is a quarter full, and otherwise at the best
    place that leaves it two thirds full. There is no overlap over the former, nor where it would cost a unit its
    wholeness. `whole`: the overlap consists of whole units.
    """

    def __init__(self, size: int, overlap: int, count: Callable[[str], int], *, whole: bool = False) -> None:
        self._size = size
        self._overlap = overlap
        self._count = count
        self._whole = whole

    def fits(self, text: str) -> bool:
        """Whether one chunk can hold it."""
        # A token is at least one byte, so ASCII this short need not be counted; an emoji can be several tokens.
        return (len(text) <= self._size and text.isascii()) or self._count(text) <= self._size

    def pack(self, text: str, units: Sequence[Unit]) -> list[Span]:
        """The chunks of units that follow one another; those that are too large are divided."""
        units = [part for unit in units for part in divide(text, unit, self.fits)]
        costs = [self._count(text[unit.start : unit.end]) for unit in units]
        spans: list[Span] = []
        before = first = 0
        while first < len(units):
            start = self._lead(text, units, costs, before, first)
            lead = self._count(text[start : units[first].start])
            if lead + costs[first] > self._size:
                start, lead = units[first].start, 0
            last = self._last(units, costs, first, lead)
            # Counts need not add up: a tokenizer may see more in the whole than in its parts.
            while not self.fits(text[start : units[last].end]) and (start < units[first].start or last > first):
                if start < units[first].start:
                    start = units[first].start
                else:
                    last -= 1
            spans.append((start, units[last].end))
            before, first = first, last + 1
        return spans

    def _last(self, units: Sequence[Unit], costs: Sequence[int], first: int, lead: int) -> int:
        """The last unit of the chunk that begins with unit `first`, after `lead` tokens of overlap."""
        filled = [lead + costs[first]]
        stop = first + 1
        while stop < len(units) and filled[-1] + costs[stop] <= self._size:
            if units[stop].rank < (BLOCK if filled[-1] >= LEAST_SECTION * self._size else BREAK + 1):
                return stop - 1
            filled.append(filled[-1] + costs[stop])
            stop += 1
        if stop == len(units) or units[stop].rank == BREAK:
            return stop - 1
        full = [tokens >= LEAST_SIZE * self._size for tokens in filled]
        # Of the places that leave it full enough the best, of equal ones the last; else the last there is.
        places = [
            (full[place - first - 1], -units[place].rank * full[place - first - 1], place)
            for place in range(first + 1, stop + 1)
            if units[place].rank != GLUED
        ]
        return max(places)[2] - 1 if places else stop - 1

    def _lead(self, text: str, units: Sequence[Unit], costs: Sequence[int], before: int, first: int) -> int:
        """Where the overlap begins of the chunk whose first unit is `first`; the chunk before began at `before`."""
        start = units[first].start
        if before == first or units[first].rank < BLOCK or not self._overlap:
            return start
        place, taken = first, 0
        while place - 1 > before and taken + costs[place - 1] <= self._overlap:
            place -= 1
            taken += costs[place]
        if self._whole or taken >= LEAST_OVERLAP * self._overlap:
            return units[place].start
        words = [match.start() for match in WORD_START.finditer(text, units[before].start + 1, start)]
        return first_within(text, words, start, self._overlap, self._count)
