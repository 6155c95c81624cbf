"""A garden's chunks in Chroma: collections that any Chroma client can read and that SQL can build anew.

All small scopes share one; a large scope has its own, where the graph needs no filter.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence, Set
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from memgarden.errors import ChromaError
from memgarden.protocols import ChunkRecord, Expected
from memgarden.records import Floats, Ints, ScopePath
from memgarden.vector.check import difference
from memgarden.vector.client import REQUEST_TIMEOUT, connect, disconnect, folder_of, refusals
from memgarden.vector.erase import erase_folder
from memgarden.vector.folder import remove_segments, segments_of, set_aside, unnamed_segments
from memgarden.vector.limits import limits_of
from memgarden.vector.metadata import flatten, of_scope
from memgarden.vector.swap import BUILDING, GARDEN, NEW, OLD, Successor, find, finish, ids_of

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.collection_configuration import CreateHNSWConfiguration
    from chromadb.api.models.Collection import Collection
    from chromadb.api.types import QueryResult

__all__ = ["LARGE", "ChromaIndex", "collection_name", "hnsw"]

SCOPE = "mg.scope_id"
"""The key in a collection's own metadata that tells whose it is."""

TRIES = 3
"""How often a search looks anew for a collection that another took the place of under its hands."""

LARGE = 10_000
"""Records from which the graph is built denser: below, the smaller one finds the same in less time and memory."""


def collection_name(garden_id: str, own: int | None = None) -> str:
    """The collection of a garden, or of the scope of that number in it.

    Hashed, for Chroma restricts names and two cleaned-up ids could be one.
    """
    key = garden_id if own is None else f"{garden_id}/{own}"
    return f"memgarden-{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def hnsw(expected: int) -> CreateHNSWConfiguration:
    """The graph's settings for the number of records expected.

    `sync_threshold` stays at its default of 1,000: at 50, a kill in the wrong moment bricked the collection.
    """
    if expected < LARGE:
        return {"space": "cosine", "max_neighbors": 16, "ef_construction": 100, "ef_search": 50}
    return {"space": "cosine", "max_neighbors": 32, "ef_construction": 200, "ef_search": 100}


class ChromaIndex:
    """The collections of one garden. Opens Chroma when first used; every refusal is a `ChromaError`.

    `own` is the number of a scope with a collection of its own, None for the collection that all others share.

    `target` is a folder, an `http(s)://host:port` URL or a chromadb client; `expected` is how many chunks the
    collection is to hold and counts when it is created; `timeout`, in seconds, is what a server gets for an answer.
    """

    def __init__(
        self,
        target: str | Path | ClientAPI,
        garden_id: str,
        embedder: str,
        dimension: int,
        expected: int = 0,
        timeout: float = REQUEST_TIMEOUT,
    ) -> None:
        self.name = collection_name(garden_id)
        self._garden_id = garden_id
        self._target = target
        self._folder = folder_of(target)
        self._metadata = {GARDEN: garden_id, "mg.embedder": embedder, "mg.dimension": dimension}
        self._expected, self._timeout = expected, timeout
        self._client: ClientAPI | None = None
        self._collections: dict[int | None, Collection] = {}
        self._searched: dict[int, Collection] = {}  # apart: a search may find one that is not to be written to
        self._successors: dict[int | None, Successor] = {}
        self._swapped: set[int | None] = set()
        self._connecting = threading.Lock()

    def count(self, own: int | None = None) -> int:
        """How many chunks the collection holds."""
        collection = self._open(own)
        with refusals(f"count {collection.name}"):
            return collection.count()

    def ids(self, own: int | None = None) -> list[str]:
        """The ids of all chunks, in no order."""
        collection, page = self._open(own), limits_of(self._connected()).page
        with refusals(f"list {collection.name}"):
            return ids_of(collection, page)

    def compare(self, expected: Expected) -> str | None:
        """What differs from the record, in words; None for nothing. A damaged index may crash the process."""
        for own, contents in ((None, expected.shared), *expected.own.items()):
            if contents:  # else nothing was ever sent: there need not be a Chroma
                collection, page = self._open(own), limits_of(self._connected()).page
                with refusals(f"read the chunks of {collection.name}"):
                    found = difference(collection, contents, page)
                if found is not None:
                    return found if own is None else f"{found}, in {collection.name}"
        return None

    def owned(self) -> list[int]:
        """The scopes that have a collection of their own in Chroma, whatever SQL says."""
        return sorted({own for _, own in self._held() if own})

    def nearest(self, scope: int, vector: Floats, most: int) -> tuple[Ints, Floats]:
        """The chunks of a large scope nearest to `vector` `(d,)`, best first, and their cosines.

        `ChromaError` if the scope has no collection; the next call looks anew.
        """
        answer = self._query(scope, vector, most, TRIES)
        distances = (answer["distances"] or [[]])[0]
        return np.array(answer["ids"][0], dtype=np.int64), 1 - np.array(distances, dtype=np.float32)

    def upsert(self, records: Sequence[ChunkRecord], own: int | None = None) -> None:
        """Store chunks, each in place of what stood under its id; of equal ids the last counts."""
        collections, limits = self._written(own), limits_of(self._connected())
        latest = {record.id: record for record in records}
        for part in _parts(latest.values(), self._batch()):
            ids = [record.id for record in part]
            documents, metadatas = zip(*(flatten(record, limits) for record in part), strict=True)
            for collection in collections:
                with refusals(f"store {_span(ids)} in {collection.name}"):
                    collection.upsert(
                        ids=ids,
                        embeddings=np.stack([record.vector for record in part]),
                        documents=list(documents),
                        metadatas=self._replacing(collection, ids, list(metadatas)),
                    )

    def delete(self, ids: Sequence[str], own: int | None = None) -> None:
        """Remove chunks; ids that are not there are no error."""
        collections = self._written(own)
        for part in _parts(dict.fromkeys(ids), self._batch()):
            for collection in collections:
                with refusals(f"delete {_span(part)} from {collection.name}"):
                    collection.delete(ids=part)

    def rebuild(self, own: int | None, most: int) -> int | None:
        """Copy `most` more chunks into a collection that takes this one's place once it holds all of them.

        None as long as there are more to copy; then how many it holds. Searches go on through the old one until the new
        one has its place, and what is stored and deleted meanwhile goes to both. What was cut off is gone on with.
        """
        old, name = self._open(own), collection_name(self._garden_id, own)
        with refusals(f"build {name} anew"):
            if own in self._swapped:  # when it was opened
                self._swapped.discard(own)
                return old.count()
            successor = self._successors.get(own)
            if successor is None:
                successor = self._successors[own] = self._begin(old, own)
            if not successor.fill(most):
                return None
            held = successor.new.count()
            successor.swap(name)
            self._collections[own] = successor.new
            if own is not None:
                self._searched[own] = successor.new  # before the old one goes
            del self._successors[own]
            self._remove(name + OLD)
        return held

    def promote(self, own: int, path: ScopePath) -> None:
        """Give the scope an empty collection of its own, and leave none of its chunks in the shared one."""
        shared, limits = self._open(), limits_of(self._connected())
        told = [{key: value} for key, value in of_scope(path, limits).items()]
        where: Any = told[0] if len(told) == 1 else {"$and": told}
        with refusals(f"move a scope out of {self.name}"):
            while ids := shared.get(where=where, limit=limits.page, include=[])["ids"]:
                self.delete(ids)
        self._recreate(own)

    def demote(self, own: int) -> None:
        """Leave no collection of that scope's own."""
        self._drop(own)

    def reset(self) -> None:
        """Leave an empty collection, whatever was there before.

        A folder that Chroma cannot open or empty is set aside as `<folder>.broken` and a new one begun.
        """
        try:
            for own in self.owned():
                self._drop(own)
            self._recreate(None)
        except ChromaError:
            if self._folder is None:
                raise
            self.close()
            with refusals(f"set the broken folder {self._folder} aside"):
                set_aside(self._folder)
            self._recreate(None)

    def erase(self) -> None:
        """Leave no collection, and of a folder no file that holds anything of this garden's.

        A server's own files are its own, as are those of a client that was handed in: there it is a `reset`.
        """
        if self._folder is None:
            self.reset()
            return
        self.close()
        erase_folder(self._folder, self._garden_id)

    def tidy(self, rebuilt: Set[int]) -> None:
        """Remove what is left of collections that were to be built anew, but for those that still are.

        These are given by the scope's number, 0 for the shared one. Of a folder, which is then this process's own,
        folders of vectors that belong to no collection go as well.
        """
        for name, own in self._held():
            if name.endswith((NEW, OLD)) and own not in rebuilt:
                with refusals(f"remove {name}"):
                    self._remove(name)
        if self._folder is not None:
            remove_segments(unnamed_segments(self._folder))

    def close(self) -> None:
        """Let go of Chroma; the next use opens it again. A client that was handed in stays open."""
        client, self._client, self._collections, self._searched = self._client, None, {}, {}
        self._successors, self._swapped = {}, set()
        if client is not None and client is not self._target:
            disconnect(client)

    def _connected(self) -> ClientAPI:
        # A thread that searches may come first; of two clients of one folder, the second keeps it open.
        with self._connecting:
            if self._client is None:
                self._client = connect(self._target, self._timeout)
            return self._client

    def _open(self, own: int | None = None) -> Collection:
        if own not in self._collections:
            client = self._connected()
            name = collection_name(self._garden_id, own)
            with refusals(f"open the collection {name}"):
                if finish(client, name, self._remove):
                    self._swapped.add(own)
                found = find(client, name)
            if found is None and own is not None:
                # Only `promote` makes one: made here, it would hold a part of the scope and pass for the whole.
                raise ChromaError(f"Chroma has lost the collection {name}: run `memgarden reindex`")
            with refusals(f"open the collection {name}"):
                self._collections[own] = self._checked(found or self._create(client, own))
        return self._collections[own]

    def _written(self, own: int | None) -> list[Collection]:
        """Where a change goes: the collection, and the one that is to take its place."""
        old, successor = self._open(own), self._successors.get(own)
        return [old] if successor is None else [old, successor.new]

    def _begin(self, old: Collection, own: int | None) -> Successor:
        client, name = self._connected(), collection_name(self._garden_id, own) + NEW
        metadata = self._told(own) | {BUILDING: True}
        new = find(client, name)
        if new is not None and new.metadata != metadata:
            self._remove(name)
            new = None
        if new is None:
            expected = old.count() if own is None else LARGE
            new = client.create_collection(
                name, embedding_function=None, metadata=metadata, configuration={"hnsw": hnsw(expected)}
            )
        return Successor(old, new, min(self._batch(), limits_of(client).page))

    def _query(self, scope: int, vector: Floats, most: int, tries: int) -> QueryResult:
        collection = self._to_search(scope)
        try:
            with refusals(f"search {collection.name}"):
                return collection.query(query_embeddings=[vector.tolist()], n_results=most, include=["distances"])
        except ChromaError as error:
            if self._searched.get(scope) is collection:
                self._searched.pop(scope, None)  # other threads that search do the same
            if tries and _refused(error.__cause__) and self._to_search(scope).id != collection.id:
                return self._query(scope, vector, most, tries - 1)  # it was built anew, here or by another client
            raise

    def _to_search(self, scope: int) -> Collection:
        held = self._searched.get(scope)
        if held is not None:
            return held
        client, name = self._connected(), collection_name(self._garden_id, scope)
        with refusals(f"open the collection {name}"):
            # Where one takes another's place there is none under the name for a moment: both hold the same then.
            found = find(client, name) or find(client, name + OLD) or find(client, name)
        if found is None:
            raise ChromaError(f"Chroma has lost the collection {name}: run `memgarden reindex`")
        return self._searched.setdefault(scope, self._checked(found))

    def _held(self) -> list[tuple[str, int]]:
        """The garden's collections: the name of each, and the scope's number, 0 for what small scopes share."""
        client, found = self._connected(), []
        with refusals("list its collections"):
            # Chroma Cloud gives at most 100 at a time unless told how many; one beyond what there is ends it.
            collections = client.list_collections(limit=client.count_collections() + 1)
        for collection in collections:
            told = collection.metadata or {}
            if told.get(GARDEN) == self._garden_id:
                own = told.get(SCOPE)
                found.append((collection.name, own if isinstance(own, int) else 0))
        return found

    def _create(self, client: ClientAPI, own: int | None) -> Collection:
        # Without embedding_function=None chromadb would download a model and embed for itself.
        return client.get_or_create_collection(
            collection_name(self._garden_id, own),
            embedding_function=None,
            metadata=self._told(own),
            configuration={"hnsw": hnsw(self._expected if own is None else LARGE)},
        )

    def _told(self, own: int | None) -> dict[str, Any]:
        return self._metadata | ({} if own is None else {SCOPE: own})

    def _checked(self, collection: Collection) -> Collection:
        found = collection.metadata or {}
        for key, value in self._metadata.items():
            if found.get(key) != value:
                raise ChromaError(
                    f"the collection {self.name} has {key}={found.get(key)!r} where the garden has {value!r}:"
                    " run `memgarden reindex` to build it anew from SQL"
                )
        return collection

    def _recreate(self, own: int | None) -> None:
        self._drop(own)
        with refusals(f"make the collection {collection_name(self._garden_id, own)}"):
            self._collections[own] = self._create(self._connected(), own)

    def _drop(self, own: int | None) -> None:
        name = collection_name(self._garden_id, own)
        self._collections.pop(own, None)
        self._successors.pop(own, None)
        self._swapped.discard(own)
        if own is not None:
            self._searched.pop(own, None)
        with refusals(f"empty the collection {name}"):
            for each in (name + NEW, name + OLD, name):  # in this order, or a half-built one would pass for the whole
                self._remove(each)

    def _remove(self, name: str) -> None:
        client = self._connected()
        left = segments_of(self._folder, name) if self._folder else []
        if find(client, name) is not None:
            client.delete_collection(name)
        remove_segments(left)

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


def _refused(error: BaseException | None) -> bool:
    """Whether Chroma answered, if only with an error: one that is just being deleted has several."""
    from chromadb.errors import ChromaError as Refusal

    return isinstance(error, Refusal)


def _parts(items: Any, size: int) -> Iterator[list[Any]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def _span(ids: Sequence[str]) -> str:
    return f"{len(ids)} chunks ({ids[0]}..{ids[-1]})" if len(ids) > 1 else f"chunk {ids[0]}"
