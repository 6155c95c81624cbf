"""Reads questions to a garden that is there: JSON lines that say which memories answer them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from memgarden.errors import InvalidDataset, InvalidMemory
from memgarden.evaluate.dataset import Dataset, Question
from memgarden.garden import Garden
from memgarden.ingest.readers import json_lines
from memgarden.records import Memory, ScopePath

__all__ = ["read_questions"]

KEYS = frozenset({"question", "expected", "ids", "category", "scope", "id"})
PAGE = 10_000


def read_questions(path: str | os.PathLike[str], garden: Garden, scope: Sequence[str] = ()) -> Dataset:
    """The questions in a file of JSON lines, to be asked of a garden that is there.

    A line is `{"question": ..., "expected": [...], "ids": [...], "category": ..., "scope": ...}`. What answers it are
    the memories with one of the `ids`, and those whose text holds one of the `expected` texts (case and spacing aside):
    give words that only the answer has. Either may be missing. `scope` is a label or a list of them; without it the
    `scope` given here counts, and without that the garden's only one. An answer that the scope does not hold counts as
    missed. `InvalidDataset` says what is wrong, and in which line.
    """
    place = Path(path)
    if not place.is_file():
        raise InvalidDataset(f"{place} does not exist: name a file with a line of JSON for each question")
    default, texts, asked = tuple(scope), _Texts(garden), []
    try:
        for number, row in json_lines(place):
            asked.append(_question(row, f"{place}:{number}", default, texts))
    except InvalidMemory as error:
        raise InvalidDataset(str(error)) from error
    if not any(held for _, held in asked):
        raise InvalidDataset(f"no question of {place} is answered by a memory of the garden: is it the right garden?")
    lost = sum(len(question.relevant) - held for question, held in asked)
    notes = (f"{lost:,} expected answers are in no memory and count as missed",) if lost else ()
    return Dataset(place.name, tuple(question for question, _ in asked), notes=notes)


class _Texts:
    """The texts of a garden's scopes by memory id, read when a scope is first asked."""

    def __init__(self, garden: Garden) -> None:
        self._garden = garden
        self._read: dict[ScopePath, dict[str, str]] = {}

    def of(self, path: ScopePath) -> Mapping[str, str]:
        if path not in self._read:
            scope, held = self._garden.scope(*path), list[Memory]()
            while page := scope.list(order="id", limit=PAGE, offset=len(held)):
                held += page
            self._read[path] = {memory.id: _plain(memory.text) for memory in held}
        return self._read[path]

    def only_scope(self) -> ScopePath | None:
        """The garden's scope, if there is one and no other."""
        found = list(self._garden.scopes())
        return found[0] if len(found) == 1 else None


def _question(row: Mapping[str, Any], where: str, default: ScopePath, texts: _Texts) -> tuple[Question, int]:
    """The question of a line, and how many of its answers the garden holds."""
    if unknown := row.keys() - KEYS:
        raise InvalidDataset(f"{where}: unknown key {min(unknown)!r}: a question has {', '.join(sorted(KEYS))}")
    text, expected, ids = row.get("question"), _strings(row, "expected", where), _strings(row, "ids", where)
    if not isinstance(text, str) or not text.strip():
        raise InvalidDataset(f"{where}: `question` is what is asked, a string")
    if not expected and not ids:
        raise InvalidDataset(f"{where}: nothing says what answers it: give `expected`, texts, or `ids` of memories")
    scope = tuple(_strings(row, "scope", where)) or default or texts.only_scope()
    if scope is None:
        raise InvalidDataset(f"{where}: whose memories are asked? Give the line a `scope`, or all of them --user")
    held = texts.of(scope)
    relevant = dict.fromkeys(ids, 1)
    for part in expected:
        found = [memory for memory, whole in held.items() if _plain(part) in whole]
        relevant |= dict.fromkeys(found or [f"{where}: no memory holds {part!r}"], 1)
    category = row.get("category")
    question = Question(
        id=str(row.get("id", where.rpartition(":")[2])),
        text=text,
        scope=scope,
        relevant=relevant,
        category=None if category is None else str(category),
    )
    return question, len(relevant.keys() & held.keys())


def _strings(row: Mapping[str, Any], key: str, where: str) -> list[str]:
    """The texts under a key: a list of them, one by itself, or none."""
    value = row.get(key)
    values = [] if value is None else value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) and one.strip() for one in values):
        raise InvalidDataset(f"{where}: `{key}` is a text or a list of texts, not {value!r}")
    return values


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
