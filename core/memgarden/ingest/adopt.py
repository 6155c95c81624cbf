"""Takes what another store holds into a garden: texts, ids, metadata, times, and vectors if they are ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

import numpy as np

from memgarden.errors import InvalidMemory, InvalidScope
from memgarden.protocols import Embedder
from memgarden.records import MERGED_FROM, Flags, Floats, Memory, ScopePath

__all__ = ["Adoption", "Page", "Placed", "Reading", "Target", "adopt"]

SAMPLE = 8  # documents embedded here to see whether the collection's vectors are of the same space
SAME_SPACE = 0.9  # median cosine from which they are: other models of one dimension stay near 0


class Page(Protocol):
    """A few records of a collection."""

    @property
    def ids(self) -> Sequence[str]:  # noqa: D102
        ...

    @property
    def documents(self) -> Sequence[str | None]:  # noqa: D102
        ...

    @property
    def metadatas(self) -> Sequence[Mapping[str, Any] | None]:  # noqa: D102
        ...

    @property
    def embeddings(self) -> Floats:  # noqa: D102
        ...


class Placed(NamedTuple):
    """A memory and the scope that it goes to.

    `whole`: the record's vector is of all of the text. `timed`: the record says when it was said. `embedder`: whose
    the vector is, where the record says so.
    """

    path: ScopePath
    memory: Memory
    whole: bool = True
    timed: bool = True
    embedder: str | None = None


class Reading(Protocol):
    """How the records of a store become memories."""

    def read(self, id: str, document: str | None, metadata: Mapping[str, Any]) -> Placed | None:
        """The memory of a record; None where others are to complete it. `InvalidMemory` says why it is none."""
        ...

    def left(self) -> Mapping[str, str]:
        """By id, the records that nothing completed, and why that is needed."""
        ...


class Target(Protocol):
    """Where memories go: a `Scope`."""

    def add_many(
        self, items: Sequence[Memory], *, vectors: Floats | None = None, embedder: str | None = None
    ) -> object:
        """Store memories."""
        ...

    def get(self, id: str) -> Memory | None:
        """The memory of that id."""
        ...


@dataclass(slots=True)
class Adoption:
    """What became of a store: how many memories of it the garden holds now, and by id why other records are none.

    `archived` counts those that the garden held before and that went to its archives, where they stay.
    `kept_vectors`: the store's own vectors were taken; `note` says why or why not.
    """

    adopted: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    kept_vectors: bool = False
    note: str = ""
    archived: int = 0


def adopt(
    pages: Iterable[Page],
    reading: Reading,
    target: Callable[[ScopePath], Target],
    embedder: Embedder,
    away: Callable[[ScopePath, Sequence[str]], Set[str]],
    progress: Callable[[int], None] | None = None,
) -> Adoption:
    """Store every record of `pages`, and say what was refused.

    What is there already as it is in the store is left alone, so that whoever was cut off goes on where that was. So
    is what is not there because it left for an archive: `away` tells which ids of a scope did.
    """
    adoption = Adoption(note="the collection is empty")
    judged = False
    for page in pages:
        placed = _placed(page, reading, adoption.refused)
        if not judged:
            verdict = _judge(page.embeddings, placed, embedder)
            adoption.kept_vectors, adoption.note = verdict or (False, NOTHING)
            judged = verdict is not None
        usable = _usable(page.embeddings) if adoption.kept_vectors else np.zeros(len(page.ids), dtype=np.bool_)
        for path, own in _by_scope(placed).items():
            scope = target(path)
            held = {each.memory.id: scope.get(each.memory.id) for _, each in own}
            # After that look, not before it: else what leaves in between would be in neither of the two.
            gone = away(path, [id for id, memory in held.items() if memory is None])  # noqa: A001
            here = [(row, each) for row, each in own if each.memory.id not in gone]
            _store(scope, here, held, page.embeddings, usable, embedder)
            adoption.adopted += len(here)
            adoption.archived += len(own) - len(here)
        if progress is not None:
            progress(adoption.adopted)
    adoption.refused.update(reading.left())
    return adoption


NOTHING = "embedded anew: no document with a vector was found to compare"


def _placed(page: Page, reading: Reading, refused: dict[str, str]) -> list[tuple[int, Placed]]:
    placed: list[tuple[int, Placed]] = []
    records = zip(page.ids, page.documents, page.metadatas, strict=True)
    for row, (id, text, metadata) in enumerate(records):  # noqa: A001
        try:
            found = reading.read(id, text, metadata or {})
        except (InvalidMemory, InvalidScope) as error:
            refused[id] = str(error)
        else:
            if found is not None:
                placed.append((row, found))
    return placed


def _judge(vectors: Floats, placed: Sequence[tuple[int, Placed]], embedder: Embedder) -> tuple[bool, str] | None:
    """Whether the vectors are of the embedder's space; None for nothing to judge by.

    An equal dimension alone says nothing about that.
    """
    dimension = vectors.shape[1]
    if dimension != embedder.dimension:
        return False, (
            f"embedded anew: the collection's vectors have {dimension} dimensions and {embedder.name!r} gives "
            f"{embedder.dimension}"
        )
    usable = _usable(vectors)
    sample = [(row, each) for row, each in placed if each.whole and usable[row]][:SAMPLE]
    if not sample:
        return None
    if all(each.embedder == embedder.name for _, each in sample):
        return True, f"vectors kept: the records say that they are of {embedder.name!r}"
    own = embedder.embed([each.memory.text for _, each in sample])
    theirs = vectors[[row for row, _ in sample]]
    cosines = np.einsum("ij,ij->i", own, theirs) / np.linalg.norm(theirs, axis=1)
    middle = float(np.median(cosines))
    if middle < SAME_SPACE:
        return False, f"embedded anew: the vectors are of another model than {embedder.name!r} (cosine {middle:.2f})"
    return True, f"vectors kept: they agree with {embedder.name!r} (cosine {middle:.3f} over {len(sample)} documents)"


def _usable(vectors: Floats) -> Flags:
    norms = np.linalg.norm(vectors, axis=1)
    usable: Flags = np.isfinite(norms) & (norms > 0)
    return usable


def _by_scope(placed: Sequence[tuple[int, Placed]]) -> dict[ScopePath, list[tuple[int, Placed]]]:
    found: dict[ScopePath, list[tuple[int, Placed]]] = {}
    for row, each in placed:
        found.setdefault(each.path, []).append((row, each))
    return found


def _store(
    scope: Target,
    placed: Sequence[tuple[int, Placed]],
    held: Mapping[str, Memory | None],
    vectors: Floats,
    usable: Flags,
    embedder: Embedder,
) -> None:
    """Store what the scope does not hold already, with the records' vectors where they are of the whole text."""
    fresh = [
        (row, each.whole, memory) for row, each in placed if (memory := _fresh(each, held[each.memory.id])) is not None
    ]
    rows = [row for row, whole, _ in fresh if whole and usable[row]]
    given = set(rows)
    if rows:
        scope.add_many([m for row, _, m in fresh if row in given], vectors=vectors[rows], embedder=embedder.name)
    if rest := [memory for row, _, memory in fresh if row not in given]:
        scope.add_many(rest)


def _fresh(placed: Placed, held: Memory | None) -> Memory | None:
    """The memory to store; None if it is there. Where a record has no time, what was there before keeps its own."""
    memory = placed.memory
    if held is None:
        return memory
    if MERGED_FROM in held.metadata and held.text == memory.text:  # it has what its duplicates had, too
        return None
    if not placed.timed:
        memory = replace(memory, created_at=held.created_at)
    return None if replace(memory, stored_at=held.stored_at) == held else memory
