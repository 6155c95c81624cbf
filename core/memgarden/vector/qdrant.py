"""Reads a collection in the files that Qdrant's client keeps in a folder, which is where mem0 puts its own.

They hold Python's pickles, and reading those runs whatever is in them: open only folders that you trust.
"""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from memgarden.errors import MissingExtra, StorageError
from memgarden.records import Floats
from memgarden.vector.pages import Page

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

__all__ = ["META", "QdrantReader", "read_qdrant"]

META = "meta.json"
"""The file by which a folder of Qdrant's is known."""

PAGE = 1_000
DENSE = ""  # the name of a record's only dense vector, where there are sparse ones besides


class QdrantReader:
    """The pages of a collection. A context manager; the folder is its alone until it is closed."""

    def __init__(self, client: QdrantClient, folder: Path, name: str) -> None:
        self._client, self._folder, self.name = client, folder, name

    def __iter__(self) -> Iterator[Page]:
        offset: Any = None
        while True:
            with _refusals(self._folder):
                records, offset = self._client.scroll(self.name, limit=PAGE, offset=offset, with_vectors=True)
            vectors = [_dense(record.vector) for record in records]
            yield Page(
                ids=[str(record.id) for record in records],
                documents=[None] * len(records),
                metadatas=[record.payload for record in records],
                embeddings=_matrix(vectors),
            )
            if offset is None:
                return

    def close(self) -> None:
        """Let go of the folder."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_qdrant(folder: Path, name: str) -> QdrantReader:
    """Open a collection in a folder for reading.

    `StorageError` for a folder without Qdrant's files, for one that somebody else has open, and for a collection that
    is not there; `MissingExtra` without qdrant-client.
    """
    try:
        from qdrant_client import QdrantClient
    except ModuleNotFoundError as error:
        if error.name != "qdrant_client":
            raise
        raise MissingExtra("qdrant-client", "mem0") from error
    if not (folder / META).is_file():
        raise StorageError(f"{folder} holds no collections of Qdrant's (no {META}): give the folder mem0 was run on")
    with _refusals(folder):
        client = QdrantClient(path=str(folder))
    try:
        with _refusals(folder):
            known = sorted(each.name for each in client.get_collections().collections)
        if name not in known:
            there = f"there are {', '.join(known[:20])}" if known else "there are no collections"
            raise StorageError(f"{folder} holds no collection {name!r}: {there}")
    except BaseException:
        client.close()
        raise
    return QdrantReader(client, folder, name)


def _dense(vector: object) -> Floats | None:
    if isinstance(vector, dict):
        dense = {key: value for key, value in vector.items() if isinstance(value, list)}
        vector = dense.get(DENSE, next(iter(dense.values()), None))
    found = None if vector is None else np.asarray(vector, np.float32)
    return found if found is not None and found.ndim == 1 else None


def _matrix(vectors: list[Floats | None]) -> Floats:
    """One row a record, of zeros for one without a vector of the common length."""
    length = max((len(vector) for vector in vectors if vector is not None), default=0)
    matrix = np.zeros((len(vectors), length), np.float32)
    for row, vector in enumerate(vectors):
        if vector is not None and len(vector) == length:
            matrix[row] = vector
    return matrix


@contextmanager
def _refusals(folder: Path) -> Iterator[None]:
    """What qdrant-client, its files and their pickles raise, as a `StorageError`."""
    try:
        yield
    except (OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError) as error:
        busy = "already accessed" in str(error)
        mend = "end the process that has it open, and try again" if busy else "see that mem0 itself can read it"
        raise StorageError(f"Qdrant could not read {folder} ({type(error).__name__}: {error}): {mend}") from error
    except (sqlite3.Error, pickle.UnpicklingError, EOFError, ImportError) as error:
        raise StorageError(f"Qdrant could not read {folder} ({error}): see that mem0 itself can read it") from error
