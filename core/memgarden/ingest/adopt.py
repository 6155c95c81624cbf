"""Takes a collection that something else wrote into a scope: documents, ids, metadata, vectors if they are ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol

import numpy as np

from memgarden.errors import InvalidMemory
from memgarden.ingest.validate import check_memory
from memgarden.protocols import Embedder
from memgarden.records import Floats, Memory

__all__ = ["Adoption", "Page", "Target", "adopt"]

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


class Target(Protocol):
    """Where the memories go: `Scope.add_many`."""

    def __call__(
        self, items: Sequence[Memory], *, vectors: Floats | None = None, embedder: str | None = None
    ) -> object:
        """Store memories."""
        ...


@dataclass(slots=True)
class Adoption:
    """What became of a collection: how many records are memories now, and by id why the others are not.

    `kept_vectors`: the collection's own vectors were taken; `note` says why or why not.
    """

    adopted: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    kept_vectors: bool = False
    note: str = ""


def adopt(
    pages: Iterable[Page], store: Target, embedder: Embedder, progress: Callable[[int], None] | None = None
) -> Adoption:
    """Store every record of `pages`, and say what was refused; adopting twice stores the same memories again."""
    adoption, pages = Adoption(), iter(pages)
    first = next(pages, None)
    if first is None:
        adoption.note = "the collection is empty"
        return adoption
    adoption.kept_vectors, adoption.note = _judge(first, embedder)
    for page in chain([first], pages):
        memories, rows = _memories(page, adoption.refused)
        usable = _usable(page.embeddings[rows]) if adoption.kept_vectors else np.zeros(len(rows), dtype=np.bool_)
        given = [memory for memory, good in zip(memories, usable, strict=True) if good]
        if given:
            vectors = page.embeddings[rows][usable]
            store(given, vectors=vectors, embedder=embedder.name)
        if rest := [memory for memory, good in zip(memories, usable, strict=True) if not good]:
            store(rest)
        adoption.adopted += len(memories)
        if progress is not None:
            progress(adoption.adopted)
    return adoption


def _judge(page: Page, embedder: Embedder) -> tuple[bool, str]:
    """Whether the vectors are of the embedder's space: an equal dimension alone says nothing about that."""
    dimension = page.embeddings.shape[1]
    if dimension != embedder.dimension:
        return False, (
            f"embedded anew: the collection's vectors have {dimension} dimensions and {embedder.name!r} gives "
            f"{embedder.dimension}"
        )
    usable = _usable(page.embeddings)
    sample = [row for row, text in enumerate(page.documents) if text and text.strip() and usable[row]][:SAMPLE]
    if not sample:
        return False, "embedded anew: no document with a vector was found to compare"
    own = embedder.embed([page.documents[row] or "" for row in sample])
    theirs = page.embeddings[sample]
    cosines = np.einsum("ij,ij->i", own, theirs) / np.linalg.norm(theirs, axis=1)
    middle = float(np.median(cosines))
    if middle < SAME_SPACE:
        return False, f"embedded anew: the vectors are of another model than {embedder.name!r} (cosine {middle:.2f})"
    return True, f"vectors kept: they agree with {embedder.name!r} (cosine {middle:.3f} over {len(sample)} documents)"


def _usable(vectors: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    norms = np.linalg.norm(vectors, axis=1)
    usable: np.ndarray[tuple[int], np.dtype[np.bool_]] = np.isfinite(norms) & (norms > 0)
    return usable


def _memories(page: Page, refused: dict[str, str]) -> tuple[list[Memory], list[int]]:
    memories: list[Memory] = []
    rows: list[int] = []
    for row, (id, text, metadata) in enumerate(zip(page.ids, page.documents, page.metadatas, strict=True)):  # noqa: A001
        if text is None:
            refused[id] = "it has no document, and there is nothing to remember of a vector alone"
            continue
        try:
            memories.append(check_memory(Memory(text, id=id, metadata=dict(metadata or {}), kind="document")))
            rows.append(row)
        except InvalidMemory as error:
            refused[id] = str(error)
    return memories, rows
