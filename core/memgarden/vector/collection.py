"""A garden's chunks in Chroma: one collection that any Chroma client can read and that SQL can build anew."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from memgarden.errors import ChromaError
from memgarden.protocols import ChunkRecord, Expected
from memgarden.vector.check import difference
from memgarden.vector.client import connect, disconnect, folder_of, refusals
from memgarden.vector.folder import remove_segments, segments_of, set_aside
from memgarden.vector.limits import limits_of
from memgarden.vector.metadata import flatten

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.collection_configuration import CreateHNSWConfiguration
    from chromadb.api.models.Collection import Collection

__all__ = ["LARGE", "ChromaIndex", "collection_name", "hnsw"]

LARGE = 10_000
"""Records from which the graph is built denser: below, the smaller one finds the same in less time and memory."""


def collection_name(garden_id: str) -> str:
    """The collection of a garden; hashed, for Chroma restricts names and two cleaned-up ids could be one."""
    return f"memgarden-{hashlib.sha256(garden_id.encode()).hexdigest()[:16]}"


def hnsw(expected: int) -> CreateHNSWConfiguration:
    """The graph's settings for the number of records expected.

    `sync_threshold` stays at its default of 1,000: at 50, a kill in the wrong moment bricked the collection.
    """
    if expected < LARGE:
        return {"space": "cosine", "max_neighbors": 16, "ef_construction": 100, "ef_search": 50}
    return {"space": "cosine", "max_neighbors": 32, "ef_construction": 200, "ef_search": 100}


class ChromaIndex:
    """The collection of one garden. Opens Chroma when first used; every refusal is a `ChromaError`.

    `target` is a folder, an `http(s)://host:port` URL or a chromadb client; `expected` is how many chunks the
    collection is to hold and counts when it is created.
    """

    def __init__(
        self, target: str | Path | ClientAPI, garden_id: str, embedder: str, dimension: int, expected: int = 0
    ) -> None:
        self.name = collection_name(garden_id)
        self._target = target
        self._folder = folder_of(target)
        self._metadata = {"mg.garden": garden_id, "mg.embedder": embedder, "mg.dimension": dimension}
        self._expected = expected
        self._client: ClientAPI | None = None
        self._collection: Collection | None = None

    def count(self) -> int:
        """How many chunks the collection holds."""
        collection = self._open()
        with refusals(f"count {self.name}"):
            return collection.count()

    def ids(self) -> list[str]:
        """The ids of all chunks, in no order."""
        collection, page = self._open(), limits_of(self._connected()).page
        found: list[str] = []
        with refusals(f"list {self.name}"):
            while len(part := collection.get(limit=page, offset=len(found), include=[])["ids"]) == page:
                found += part
        return found + part

    def compare(self, expected: Expected) -> str | None:
        """What differs from the record, in words; None for nothing. A damaged index may crash the process."""
        if not expected.count and not expected.waiting:
            return None  # nothing was ever sent: there need not be a Chroma
        collection, page = self._open(), limits_of(self._connected()).page
        with refusals(f"read the chunks of {self.name}"):
            return difference(collection, expected, page)

    def upsert(self, records: Sequence[ChunkRecord]) -> None:
        """Store chunks, each in place of what stood under its id; of equal ids the last counts."""
        collection, limits = self._open(), limits_of(self._connected())
        latest = {record.id: record for record in records}
        for part in _parts(latest.values(), self._batch()):
            ids = [record.id for record in part]
            documents, metadatas = zip(*(flatten(record, limits) for record in part), strict=True)
            with refusals(f"store {_span(ids)} in {self.name}"):
                collection.upsert(
                    ids=ids,
                    embeddings=np.stack([record.vector for record in part]),
                    documents=list(documents),
                    metadatas=self._replacing(collection, ids, list(metadatas)),
                )

    def delete(self, ids: Sequence[str]) -> None:
        """Remove chunks; ids that are not there are no error."""
        collection = self._open()
        for part in _parts(dict.fromkeys(ids), self._batch()):
            with refusals(f"delete {_span(part)} from {self.name}"):
                collection.delete(ids=part)

    def reset(self) -> None:
        """Leave an empty collection, whatever was there before.

        A folder that Chroma cannot open or empty is set aside as `<folder>.broken` and a new one begun.
        """
        try:
            self._recreate()
        except ChromaError:
            if self._folder is None:
                raise
            self.close()
            with refusals(f"set the broken folder {self._folder} aside"):
                set_aside(self._folder)
            self._recreate()

    def close(self) -> None:
        """Let go of Chroma; the next use opens it again. A client that was handed in stays open."""
        client, self._client, self._collection = self._client, None, None
        if client is not None and client is not self._target:
            disconnect(client)

    def _connected(self) -> ClientAPI:
        if self._client is None:
            self._client = connect(self._target)
        return self._client

    def _open(self) -> Collection:
        if self._collection is None:
            client = self._connected()
            with refusals(f"open the collection {self.name}"):
                self._collection = self._checked(self._find(client) or self._create(client))
        return self._collection

    def _find(self, client: ClientAPI) -> Collection | None:
        from chromadb.errors import NotFoundError

        try:
            return client.get_collection(self.name, embedding_function=None)
        except NotFoundError:
            return None

    def _create(self, client: ClientAPI) -> Collection:
        # Without embedding_function=None chromadb would download a model and embed for itself.
        return client.get_or_create_collection(
            self.name,
            embedding_function=None,
            metadata=self._metadata,
            configuration={"hnsw": hnsw(self._expected)},
        )

    def _checked(self, collection: Collection) -> Collection:
        found = collection.metadata or {}
        for key, value in self._metadata.items():
            if found.get(key) != value:
                raise ChromaError(
                    f"the collection {self.name} has {key}={found.get(key)!r} where the garden has {value!r}:"
                    " run `memgarden reindex` to build it anew from SQL"
                )
        return collection

    def _recreate(self) -> None:
        client = self._connected()
        with refusals(f"empty the collection {self.name}"):
            left = segments_of(self._folder, self.name) if self._folder else []
            if self._find(client) is not None:
                client.delete_collection(self.name)
            remove_segments(left)
            self._collection = self._create(client)

    def _batch(self) -> int:
        client = self._connected()
        with refusals("say how much it takes at once"):
            return min(client.get_max_batch_size(), limits_of(client).records)

    def _replacing(self, collection: Collection, ids: list[str], metadatas: list[Any]) -> list[Any]:
        """The metadata with a None for every key that is to go: Chroma's `upsert` merges, and None deletes a key.

        Asking for ids that are not there costs 1 % of storing them.
        """
        found = collection.get(ids=ids, include=["metadatas"])
        held = dict(zip(found["ids"], found["metadatas"] or [], strict=True))
        return [
            dict.fromkeys(held[key] or {}) | metadata if key in held else metadata
            for key, metadata in zip(ids, metadatas, strict=True)
        ]


def _parts(items: Any, size: int) -> Iterator[list[Any]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def _span(ids: Sequence[str]) -> str:
    return f"{len(ids)} chunks ({ids[0]}..{ids[-1]})" if len(ids) > 1 else f"chunk {ids[0]}"
