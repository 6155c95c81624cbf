"""Reads a collection that something else wrote, in pages, to be taken into a garden."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np

from memgarden.errors import ChromaError
from memgarden.vector.client import connect, disconnect, folder_of, refusals
from memgarden.vector.inuse import DATABASE, refuse_if_in_use
from memgarden.vector.limits import limits_of
from memgarden.vector.pages import Page

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

__all__ = ["CollectionReader", "read_collection"]

PAGE = 1_000
"""Records at a time: 6 MB of vectors at 1,536 dimensions, and well below the 32,766 at which `get` fails."""

ADVICE = "The collection is as it was; check that no other process writes to it and that Chroma itself can read it."


class CollectionReader:
    """A collection's `name`, `count`, `dimension` (0 when empty), `space` ("cosine", "l2" or "ip") and its pages.

    Iterating reads the records that were there when it began. A context manager: it closes the client it opened.
    """

    def __init__(self, collection: Collection, owned: ClientAPI | None, page: int) -> None:
        self._collection, self._owned, self._page = collection, owned, page
        self.name = collection.name
        # As JSON: `collection.configuration` would build the embedding function, which may need a key or a package.
        settings = collection.configuration_json
        self.space = str((settings.get("hnsw") or settings.get("spann") or {}).get("space") or "l2")
        self.count = collection.count()
        self.dimension = self._read(collection.get(limit=1, include=["embeddings"])["ids"]).embeddings.shape[1]

    def __iter__(self) -> Iterator[Page]:
        ids = self._ids()
        for start in range(0, len(ids), self._page):
            with refusals(f"read the collection {self.name}", ADVICE):
                page = self._read(ids[start : start + self._page])
            yield page

    def metadatas(self) -> Iterator[Mapping[str, Any]]:
        """The metadata of every record, without all else."""
        ids = self._ids()
        for start in range(0, len(ids), self._page):
            with refusals(f"read the collection {self.name}", ADVICE):
                found = self._collection.get(ids=ids[start : start + self._page], include=["metadatas"])["metadatas"]
            yield from (each for each in found or () if each)

    def _ids(self) -> list[str]:
        """All ids first, for with an offset into what others change records are read twice or never."""
        ids: list[str] = []
        with refusals(f"list the collection {self.name}", ADVICE):
            while part := self._collection.get(limit=self._page, offset=len(ids), include=[])["ids"]:
                ids += part
        return list(dict.fromkeys(ids))

    def _read(self, ids: list[str]) -> Page:
        if not ids:
            return Page([], [], [], np.empty((0, 0), np.float32))
        found = self._collection.get(ids=ids, include=["documents", "metadatas", "embeddings"])
        count = len(found["ids"])
        return Page(
            ids=found["ids"],
            documents=found["documents"] or [None] * count,
            metadatas=found["metadatas"] or [None] * count,
            embeddings=np.asarray(found["embeddings"], np.float32).reshape(count, -1),
        )

    def close(self) -> None:
        """Close the client, unless it was handed in."""
        owned, self._owned = self._owned, None
        if owned is not None:
            disconnect(owned)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_collection(target: str | Path | ClientAPI | Collection, name: str | None) -> CollectionReader:
    """Open a collection for reading: in a folder, at an `http(s)://host:port` URL, through a client, or one at hand.

    Raises `ChromaError` if there is no such folder or collection, if another process has the folder open, or if Chroma
    cannot read it.
    """
    if name is None:
        collection: Any = target
        with refusals("read the collection", ADVICE):
            return CollectionReader(collection, None, PAGE)
    place = cast("str | Path | ClientAPI", target)
    folder = folder_of(place)
    if folder is not None:
        if not (folder / DATABASE).exists():
            # chromadb would make a new, empty database of it.
            raise ChromaError(f"{folder} holds no Chroma database (no {DATABASE}): give the folder Chroma was run on")
        refuse_if_in_use(folder)
    client = connect(place)
    owned = None if client is place else client
    try:
        with refusals(f"open the collection {name}", ADVICE):
            return CollectionReader(_named(client, name), owned, min(PAGE, limits_of(client).page))
    except ChromaError:
        if owned is not None:
            disconnect(owned)
        raise


def _named(client: ClientAPI, name: str) -> Collection:
    from chromadb.errors import NotFoundError

    try:
        return client.get_collection(name, embedding_function=None)
    except NotFoundError as error:
        known = sorted(str(getattr(each, "name", each)) for each in client.list_collections())
        there = f"there are {', '.join(known[:20])}" if known else "there are no collections"
        raise ChromaError(f"Chroma holds no collection {name!r}: {there}") from error
