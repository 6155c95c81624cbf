"""Writes records into a collection of somebody else's, and touches none there that came from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from memgarden.errors import ChromaError, EmbedderMismatch, InvalidSetting
from memgarden.records import Entry
from memgarden.vector.client import connect, disconnect, folder_of, refusals
from memgarden.vector.collection import hnsw
from memgarden.vector.inuse import refuse_if_in_use
from memgarden.vector.limits import limits_of
from memgarden.vector.lock import OwnerLock
from memgarden.vector.metadata import of_scope
from memgarden.vector.outgoing import Outgoing, Source, outgoing

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

__all__ = ["CollectionWriter", "open_to_give"]

ADVICE = "What was written stays; try again, and the rest follows."
RESERVED = re.compile(r"memgarden-[0-9a-f]{16}\Z")
SAME = 1e-5  # what Chroma may change of a component of a vector
TAKEN = "the collection holds a record of that id which is not of this scope: give the scope a collection of its own"


class CollectionWriter:
    """Brings a collection to hold what a scope holds, page by page; `prune` ends it."""

    def __init__(self, collection: Collection, client: ClientAPI, source: Source, layout: str) -> None:
        self._collection, self._source, self._layout = collection, source, layout
        self._limits = limits_of(client)
        self._batch = min(client.get_max_batch_size(), self._limits.records)
        self._mark = {"mg.garden": source.garden} | of_scope(source.scope, self._limits)
        self._written: dict[str, list[str]] = {}

    def put(self, entries: Sequence[Entry]) -> dict[str, str]:
        """Write memories, each with all its chunks in place of those it had; by id, why others were not written."""
        given = {entry.memory.id: outgoing(entry, self._source, self._layout, self._limits) for entry in entries}
        # Memories are written before those that come after them in the scope, so the last of equal ids is current.
        held = self._held([record.id for records in given.values() for record in records])
        refused = {
            key: TAKEN
            for key, records in given.items()
            if any(record.id in held and not self._is_own(held[record.id][0]) for record in records)
        }
        kept = {key: records for key, records in given.items() if key not in refused}
        changed = [record for records in kept.values() for record in records if not _same(record, held.get(record.id))]
        for first in range(0, len(changed), self._batch):
            self._upsert(changed[first : first + self._batch], held)
        self._written |= {key: [record.id for record in records] for key, records in kept.items()}
        return refused

    def prune(self) -> int:
        """Remove what this scope once gave and does not hold any more; returns how many records there were."""
        wanted = {record for records in self._written.values() for record in records}
        conditions = [{key: value} for key, value in self._mark.items()]
        ids: list[str] = []
        with refusals(f"list what {self._collection.name} has of the scope", ADVICE):
            while part := self._collection.get(
                where={"$and": conditions},  # type: ignore[dict-item]
                limit=self._limits.page,
                offset=len(ids),
                include=[],
            )["ids"]:
                ids += part
        gone = [id for id in ids if id not in wanted]  # noqa: A001
        for first in range(0, len(gone), self._batch):
            with refusals(f"remove records from {self._collection.name}", ADVICE):
                self._collection.delete(ids=gone[first : first + self._batch])
        return len(gone)

    def _is_own(self, metadata: Mapping[str, Any]) -> bool:
        return all(metadata.get(key) == value for key, value in self._mark.items())

    def _held(self, ids: list[str]) -> dict[str, tuple[Mapping[str, Any], str | None, Any]]:
        held: dict[str, tuple[Mapping[str, Any], str | None, Any]] = {}
        for first in range(0, len(ids), self._batch):
            with refusals(f"read {self._collection.name}", ADVICE):
                found = self._collection.get(
                    ids=ids[first : first + self._batch], include=["metadatas", "documents", "embeddings"]
                )
            count = len(found["ids"])
            metadatas: Sequence[Any] = found["metadatas"] or [None] * count
            documents: Sequence[Any] = found["documents"] or [None] * count
            vectors = np.asarray(found["embeddings"])
            for id, metadata, document, vector in zip(found["ids"], metadatas, documents, vectors, strict=True):  # noqa: A001
                held[id] = (metadata or {}, document, vector)
        return held

    def _upsert(self, records: Sequence[Outgoing], held: Mapping[str, tuple[Mapping[str, Any], Any, Any]]) -> None:
        # `upsert` merges metadata, and a None deletes a key.
        gone: list[dict[str, Any]] = [dict.fromkeys(held[one.id][0]) if one.id in held else {} for one in records]
        with refusals(f"store {len(records)} records in {self._collection.name}", ADVICE):
            self._collection.upsert(
                ids=[record.id for record in records],
                embeddings=np.stack([record.vector for record in records]),
                documents=[record.text for record in records],
                metadatas=[old | record.metadata for old, record in zip(gone, records, strict=True)],
            )


def _same(record: Outgoing, held: tuple[Mapping[str, Any], str | None, Any] | None) -> bool:
    if held is None:
        return False
    metadata, document, vector = held
    return (
        document == record.text
        and _told(metadata) == _told(record.metadata)
        and bool(np.allclose(np.asarray(vector), record.vector, atol=SAME))
    )


def _told(metadata: Mapping[str, Any]) -> str:
    return repr(sorted(metadata.items()))  # for 1, 1.0 and True are equal


@contextmanager
def open_to_give(
    target: str | Path | ClientAPI, name: str, source: Source, layout: str, count: int, dimension: int
) -> Iterator[CollectionWriter]:
    """A collection to write `source` into, made for `count` records if it is not there.

    `InvalidSetting` for a collection that is a garden's own, `EmbedderMismatch` for one of another dimension,
    `ChromaError` if another process has the folder open or Chroma refuses.
    """
    if RESERVED.match(name):
        raise InvalidSetting(f"collections called {name!r} are a garden's own: choose another name")
    folder = folder_of(target)
    lock = None
    if folder is not None:
        refuse_if_in_use(folder)
        lock = OwnerLock(folder)
        # A garden's own Chroma: nobody may begin to write there meanwhile.
        if lock.path.exists() and not lock.try_acquire():
            raise ChromaError(f"the Chroma in {folder} is owned by {lock.holder()}: close the garden, and try again")
    try:
        client = connect(target)
        try:
            with refusals(f"open the collection {name}", ADVICE):
                collection = client.get_or_create_collection(
                    name, embedding_function=None, configuration={"hnsw": hnsw(count)}
                )
                first = collection.get(limit=1, include=["embeddings"])["embeddings"]
            if "mg.garden" in (collection.metadata or {}):
                raise InvalidSetting(f"the collection {name!r} is a garden's own: choose another name")
            if first is not None and len(first) and len(first[0]) != dimension:
                raise EmbedderMismatch(
                    f"the collection {name!r} has vectors of {len(first[0])} dimensions, and {source.embedder!r} gives "
                    f"{dimension}: choose another name"
                )
            yield CollectionWriter(collection, client, source, layout)
        finally:
            if client is not target:
                disconnect(client)
    finally:
        if lock is not None:
            lock.release()
