"""Which memories of a scope are one: found once, cut at any threshold."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace

import numpy as np

from memgarden.errors import InvalidSetting
from memgarden.maintain.near import Pairs, near_pairs
from memgarden.maintain.plan import AT_ONCE, CHUNKS_AT_ONCE, Plan, Step, Version, cut
from memgarden.maintain.policy import Deduplication, Keep
from memgarden.records import MERGED_FROM, RECORD, Entry, Flags, Floats, Importance, Ints, ScopePath
from memgarden.turns import SUMMARY, hash_name, said

__all__ = ["Alone", "Candidate", "Duplicates", "find_duplicates"]

NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
KEPT_PAIRS = 64  # the nearest of a memory: of thousands of near-equal ones all pairs would be millions
MOST_PAIRS = 2_000_000  # held before they are cut to those
NO_PAIRS: Pairs = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
SPACE = re.compile(r"\s+")
# Marks around words say nothing new; a question is another thing than a statement, and C++ another than C.
MARKS = re.compile(r"[.!…,;:\"'”’)\]]+(?=\s|$)|(?<!\S)[\"'“‘(\[]+")
WORD = re.compile(r"[^\W\d_]+")
WIDE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")  # scripts that put no space between words


MIXED = 0.12  # how much lower the cosine of two turns may be than that of their own words, by the turns before them

Alone = Callable[[Sequence[int]], Iterable[Floats]]
"""Gives the vectors `(n, d)` of the chunks of turns, by their versions, each embedded without the turn before it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A memory that may be a duplicate: how it is preferred, and what it must share with those that it is one with.

    `same` is equal for equal texts; `guard` holds what no duplicate differs in.
    """

    version: Version
    importance: Importance
    said: int  # microseconds since 1970
    stored: int
    length: int
    chunks: int
    same: int
    guard: int


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What was found in one scope: its candidates, and the pairs of them with their cosines.

    `first` `(p,)` and `second` `(p,)` are places in `candidates`, one of each text; `scores` `(p,)` falls from pair to
    pair, and reaches down to `floor`.
    """

    path: ScopePath
    options: Deduplication
    candidates: tuple[Candidate, ...]
    first: Ints
    second: Ints
    scores: Floats
    floor: float

    def __repr__(self) -> str:
        return (
            f"Duplicates(of {len(self.candidates):,} in {self.path!r}: pairs from {self.floor:g} on "
            f"{len(self.scores):,}, threshold {self.options.threshold:g})"
        )

    def at(self, threshold: float, keep: Keep | None = None) -> Duplicates:
        """The same, cut at another threshold, from `floor` up, or by another choice; nothing is computed anew."""
        if threshold < self.floor:
            raise InvalidSetting(
                f"these were looked for at cosines from {self.floor} on, and threshold is one from .5 to 1, not "
                f"{threshold}: look for them anew with that as `threshold`"
            )
        return replace(self, options=replace(self.options, threshold=threshold, keep=keep or self.options.keep))

    def plan(self) -> Plan:
        """A step for each memory into which others are merged, then one for each two that are similar."""
        heads = self._heads()
        into: dict[int, tuple[int, float]] = {}
        near: dict[int, list[tuple[int, float]]] = {}
        for a, b, score in zip(self.first.tolist(), self.second.tolist(), self.scores.tolist(), strict=True):
            near.setdefault(heads[a], []).append((heads[b], score))
            near.setdefault(heads[b], []).append((heads[a], score))
        kept: set[int] = set()
        # From the most preferred: each is kept, or goes into one that is kept. So what goes is near to what stays, and
        # not only to something that went as well.
        for place in sorted(set(heads), key=self._preference, reverse=True):
            found = [
                (score, other)
                for other, score in near.get(place, ())
                if other in kept and score >= self.options.threshold and self._mergeable(place, other)
            ]
            if found:
                score, other = max(found, key=lambda each: (each[0], self._preference(each[1])))
                into[place] = other, score
            else:
                kept.add(place)
        for place, head in enumerate(heads):
            if place != head:
                other, score = into.get(head, (head, 1.0))
                into[place] = other, score
        return Plan((*self._merges(into), *self._similar(heads, into)))

    def _heads(self) -> list[int]:
        """For each candidate the most preferred one of its text."""
        best: dict[int, int] = {}
        for place, candidate in enumerate(self.candidates):
            held = best.get(candidate.same)
            if held is None or self._preference(place) > self._preference(held):
                best[candidate.same] = place
        return [best[candidate.same] for candidate in self.candidates]

    def _preference(self, place: int) -> tuple[int | str, ...]:
        one = self.candidates[place]
        by = {
            "newest": (one.said, one.stored),
            "important": (one.importance, one.said, one.stored),
            "longest": (one.length, one.said, one.stored),
        }
        return (*by[self.options.keep], one.version.id)

    def _mergeable(self, a: int, b: int) -> bool:
        return self.candidates[a].guard == self.candidates[b].guard

    def _merges(self, into: dict[int, tuple[int, float]]) -> Iterator[Step]:
        groups: dict[int, list[tuple[int, float]]] = {}
        for place, (stays, score) in into.items():
            groups.setdefault(stays, []).append((place, score))
        parts = (
            (stays, part)
            for stays, gone in sorted(groups.items())
            for part in cut(gone, (lambda _: 1, AT_ONCE), (lambda one: self.candidates[one[0]].chunks, CHUNKS_AT_ONCE))
        )
        for stays, gone in parts:
            least = min(score for _, score in gone)
            how = (
                "equal text"
                if least >= 1
                else f"cosine {least:.3f} and more"
                if len(gone) > 1
                else f"cosine {least:.3f}"
            )
            yield Step(
                "merge",
                self.path,
                tuple(self.candidates[place].version for place, _ in gone),
                f"{how}, {self.options.keep} kept",
                self.candidates[stays].version,
                tuple(score for _, score in gone),
            )

    def _similar(self, heads: list[int], into: dict[int, tuple[int, float]]) -> Iterator[Step]:
        told: set[tuple[int, int]] = set()
        for a, b, score in zip(self.first.tolist(), self.second.tolist(), self.scores.tolist(), strict=True):
            one, other = (into.get(heads[place], (heads[place], 1.0))[0] for place in (a, b))
            pair = min(one, other), max(one, other)
            if one == other or pair in told:
                continue
            told.add(pair)
            why = f"cosine {score:.3f}"
            if score >= self.options.threshold and not self._mergeable(a, b):
                why += ", but they differ in numbers, kind, speaker or expiry"
            goes, stays = (self.candidates[place].version for place in sorted(pair, key=self._preference))
            marks = self.options.similar is not None
            yield Step("similar", self.path, (goes,), why, stays, (score,), marks=marks)


def find_duplicates(
    path: ScopePath, memories: Iterable[tuple[int, Entry]], options: Deduplication, alone: Alone, apart: Set[str]
) -> Duplicates:
    """The duplicates among memories of one scope, each given with its version.

    What is held of them are their vectors, and no text: 1.5 KB a chunk of 384 dimensions. A turn's vector is mixed with
    that of the turn before it, so of turns that may be near to others `alone` gives the vectors of their own words. The
    memories of the ids in `apart` are nobody's duplicates.
    """
    candidates: list[Candidate] = []
    turns: list[int] = []
    vectors: list[Floats] = []
    for number, entry in memories:
        memory = entry.memory
        # A summary is the way to what it tells: merged into another, it would lead nowhere.
        if memory.kind in (RECORD, SUMMARY) or (options.kinds is not None and memory.kind not in options.kinds):
            continue
        if any(chunk.turn is not None for chunk in entry.chunks):
            turns.append(len(candidates))
        candidates.append(_candidate(number, entry, options, apart))
        vectors += [chunk.vector for chunk in entry.chunks]
    if not candidates:
        return Duplicates(path, options, (), *NO_PAIRS, options.floor)
    matrix = np.stack(vectors)
    vectors.clear()  # which are as large again
    starts = np.cumsum([0, *[candidate.chunks for candidate in candidates]])[:-1]
    if turns:
        near = _near_any(matrix[starts[turns]], options.floor - MIXED)
        some = [turns[at] for at in np.flatnonzero(near).tolist()]
        for place, own in zip(some, alone([candidates[place].version.number for place in some]), strict=True):
            if len(own) == candidates[place].chunks:
                matrix[starts[place] : starts[place] + len(own)] = own
    pairs = _pairs(matrix, starts, candidates, options.floor)
    return Duplicates(path, options, tuple(candidates), *pairs, options.floor)


def _near_any(vectors: Floats, floor: float) -> Flags:
    """`(n,)`: which rows are near to any other."""
    near = np.zeros(len(vectors), dtype=np.bool_)
    for first, second, _ in near_pairs(np.ascontiguousarray(vectors), floor):
        near[first] = near[second] = True
    return near


def _pairs(matrix: Floats, starts: Ints, candidates: list[Candidate], floor: float) -> Pairs:
    """The pairs of one candidate of each text, best first."""
    _, ones = np.unique(np.array([one.same for one in candidates]), return_index=True)
    counts = np.array([one.chunks for one in candidates])
    guards = np.array([one.guard for one in candidates])
    held: list[Pairs] = []
    size = 0
    for a, b, scores in near_pairs(np.ascontiguousarray(matrix[starts[ones]]), floor):
        first, second = ones[a], ones[b]
        alike = counts[first] == counts[second]
        first, second, scores = first[alike], second[alike], scores[alike].copy()
        for at in np.flatnonzero(counts[first] > 1).tolist():
            one, other = (matrix[starts[k] : starts[k] + counts[k]] for k in (first[at], second[at]))
            scores[at] = np.einsum("ij,ij->i", one, other).min()  # as far apart as their parts are
        near = scores >= floor
        held.append((first[near], second[near], scores[near]))
        size += int(near.sum())
        if size > MOST_PAIRS:
            held = [_nearest(held, guards)]
            size = len(held[0][0])
    first, second, scores = (
        _nearest(held, guards) if held else (np.empty(0, np.int64),) * 2 + (np.empty(0, np.float32),)
    )
    order = np.lexsort((second, first, -scores))
    return first[order], second[order], scores[order]


def _nearest(held: list[Pairs], guards: Ints) -> Pairs:
    """The pairs that are among the nearest of one of their two; those that could be merged come first."""
    first, second, scores = (np.concatenate(part) for part in zip(*held, strict=True))
    different = guards[first] != guards[second]
    kept = np.zeros(len(first), dtype=np.bool_)
    for side in (first, second):
        order = np.lexsort((-scores, different, side))
        _, begins, sizes = np.unique(side[order], return_index=True, return_counts=True)
        rank = np.arange(len(order)) - np.repeat(begins, sizes)
        kept[order[rank < KEPT_PAIRS]] = True
    return first[kept], second[kept], scores[kept]


def _candidate(number: int, entry: Entry, options: Deduplication, apart: Set[str]) -> Candidate:
    memory = entry.memory
    turn = said(memory)
    plain = SPACE.sub(" ", unicodedata.normalize("NFKC", memory.text)).strip().casefold()
    text = SPACE.sub(" ", MARKS.sub("", plain)).strip() or plain
    guard: list[object] = [memory.kind, sorted(NUMBER.findall(text)), memory.expires_at is None]
    past = memory.metadata.get(MERGED_FROM, [])
    if not isinstance(past, list) or memory.id in apart:
        guard.append(number)  # the key is the user's own, or somebody brought it back after a merge
    if turn is None and memory.kind != "note":
        # The same words in two documents are two places to find them at, and either may be deleted.
        guard.append(sorted((key, repr(value)) for key, value in memory.metadata.items() if key != MERGED_FROM))
    if turn is not None:
        guard.append(turn.speaker)
        if len(WORD.findall(text)) + len(WIDE.findall(text)) // 2 < options.words:
            guard.append(hash_name(turn.session))
    return Candidate(
        Version(memory.id, number),
        memory.importance,
        int(memory.created_at.timestamp() * 1e6),
        int((memory.stored_at or memory.created_at).timestamp() * 1e6),
        len(memory.text),
        len(entry.chunks),
        _number(repr((text, guard))),
        _number(repr(guard)),
    )


def _number(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)
