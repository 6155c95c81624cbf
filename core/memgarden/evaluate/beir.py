"""Reads a data set in BEIR's form. Thakur et al. 2021, "BEIR: A Heterogeneous Benchmark for Zero-shot Evaluation"."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from memgarden.errors import InvalidDataset, InvalidMemory
from memgarden.evaluate.dataset import Dataset, Question
from memgarden.ingest.readers import json_lines, read
from memgarden.records import Memory, ScopePath

__all__ = ["read_beir"]

FORM = "a BEIR folder holds corpus.jsonl, queries.jsonl and qrels.tsv (or qrels/test.tsv)"
QRELS = ("qrels.tsv", "qrels/test.tsv")


def read_beir(folder: str | os.PathLike[str], qrels: str | None = None) -> Dataset:
    """The data set in a folder with `corpus.jsonl`, `queries.jsonl` and `qrels.tsv`, or `qrels/test.tsv`.

    Documents whose metadata has a `user_id` are one scope a user, and a query is asked in the scope of its own
    `user_id`; where no document has one, there is one scope. A query's category is its metadata's `category_name` or
    `category`. Queries without a relevant document are left out. `qrels` names another file of judgements in the
    folder. `InvalidDataset` says what is wrong, and in which line.
    """
    place = Path(folder)
    corpus, queries = (_present(place, name) for name in ("corpus.jsonl", "queries.jsonl"))
    judged = _present(place, *(QRELS if qrels is None else (qrels,)))
    empty: list[str] = []
    try:
        memories = _by_user(list(read(corpus, "beir", empty.append)), place.resolve().name, corpus)
        rows = list(json_lines(queries))
    except InvalidMemory as error:
        raise InvalidDataset(str(error)) from error
    grades = _read_qrels(judged)
    questions = [_question(row, grades, memories, queries, number) for number, row in rows]
    asked = [one for one in questions if one is not None]
    if unknown := grades.keys() - {one.id for one in asked}:
        raise InvalidDataset(f"{judged} judges answers to {min(unknown)!r}, a query that {queries} does not hold")
    if not asked:
        raise InvalidDataset(f"no query has a relevant document: {judged} holds no score of 1 or more")
    return Dataset(place.resolve().name, tuple(asked), memories, _notes(asked, len(rows), memories, empty))


def _present(folder: Path, *names: str) -> Path:
    found = next((folder / name for name in names if (folder / name).is_file()), None)
    if found is None:
        raise InvalidDataset(f"{folder} has no {' or '.join(names)}: {FORM}")
    return found


def _by_user(memories: Sequence[Memory], name: str, path: Path) -> dict[ScopePath, list[Memory]]:
    """The memories of each user, or all in one scope of the data set's name where none has a `user_id`."""
    if not memories:
        raise InvalidDataset(f"{path} holds no document with text: there is nothing to find")
    if all(memory.metadata.get("user_id") is None for memory in memories):
        return {(name,): list(memories)}
    scopes: dict[ScopePath, list[Memory]] = {}
    for memory in memories:
        scopes.setdefault((_user(memory.metadata, f"{path}: the document {memory.id!r}"),), []).append(memory)
    return scopes


def _user(metadata: Mapping[str, Any], whose: str) -> str:
    user = metadata.get("user_id")
    if isinstance(user, bool) or not isinstance(user, str | int) or user == "":
        raise InvalidDataset(f"{whose} has no `user_id`, a string or a number, in its metadata, and others have")
    return str(user)


def _read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """The grades of 1 or more, by query and document. A first line without a number is the header."""
    grades: dict[str, dict[str, int]] = {}
    for number, line in enumerate(path.read_text("utf-8", errors="backslashreplace").splitlines(), 1):
        cells = line.split("\t")
        graded = len(cells) == 3 and cells[2].strip().removeprefix("-").isdecimal()
        if (number == 1 and not graded) or not line.strip():
            continue
        if not graded:
            raise InvalidDataset(f"{path}:{number}: {line!r} is not a query-id, a corpus-id and a whole score, by tabs")
        if int(cells[2]) > 0:
            grades.setdefault(cells[0], {})[cells[1]] = int(cells[2])
    return grades


def _question(
    row: Mapping[str, Any],
    grades: Mapping[str, Mapping[str, int]],
    memories: Mapping[ScopePath, Sequence[Memory]],
    path: Path,
    number: int,
) -> Question | None:
    """The query of a line; None where no document answers it."""
    query, text, metadata = row.get("_id"), row.get("text"), row.get("metadata") or {}
    if not isinstance(query, str | int) or not isinstance(text, str) or not isinstance(metadata, Mapping):
        raise InvalidDataset(f"{path}:{number}: a query needs `_id` and `text`, and its `metadata` is an object")
    if str(query) not in grades:
        return None
    whose, (scope, documents) = f"{path}:{number}: the query {str(query)!r}", next(iter(memories.items()))
    if documents[0].metadata.get("user_id") is not None:
        scope = (_user(metadata, whose),)
    if scope not in memories:
        raise InvalidDataset(f"{whose} is asked of {scope[0]!r}, who has no documents")
    category = metadata.get("category_name", metadata.get("category"))
    return Question(str(query), text, scope, grades[str(query)], None if category is None else str(category))


def _notes(
    asked: Sequence[Question], queries: int, memories: Mapping[ScopePath, Sequence[Memory]], empty: Sequence[str]
) -> tuple[str, ...]:
    """What of the folder was not used, and what cannot be found."""
    ids = {scope: {memory.id for memory in own} for scope, own in memories.items()}
    lost = sum(len(one.relevant.keys() - ids[one.scope]) for one in asked)
    counts = {
        "queries without a relevant document are left out": queries - len(asked),
        "documents have no text": len(empty),
        "relevant documents are not there to be found and count as missed": lost,
    }
    return tuple(f"{count:,} {what}" for what, count in counts.items() if count)
