"""A collection is built anew beside the old one and takes its name once it holds the same: searches go on meanwhile.

That is the one way to make it smaller, for Chroma's graph keeps the room of what was deleted. Kills leave three states:
the old one under the name with a part of the new one beside it, which is gone on with; the old one renamed and the new
one not yet, which is finished; and the new one under the name with the old one still there, which is dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memgarden.errors import ChromaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

__all__ = ["BUILDING", "GARDEN", "NEW", "OLD", "Successor", "find", "finish", "ids_of"]

GARDEN = "mg.garden"
"""The key in a collection's own metadata that says whose it is."""

NEW, OLD = "-new", "-old"
"""What the name of a collection ends with while it is built, and once another has its place."""

BUILDING = "mg.building"
"""The key in a collection's own metadata that says that it holds only a part yet."""


def find(client: ClientAPI, name: str) -> Collection | None:
    """The collection of that name, if there is one."""
    from chromadb.errors import NotFoundError

    try:
        return client.get_collection(name, embedding_function=None)
    except NotFoundError:
        return None


def ids_of(collection: Collection, page: int) -> list[str]:
    """The ids of all records, in no order; nobody may write meanwhile."""
    found: list[str] = []
    while len(part := collection.get(limit=page, offset=len(found), include=[])["ids"]) == page:
        found += part
    return found + part


def finish(client: ClientAPI, name: str, remove: Callable[[str], None]) -> bool:
    """Finish a swap over this name that was cut off; whether there was one, by which the new collection has its place.

    To be called before anything is written under the name, or an old one that is still there would be behind.
    """
    old = find(client, name + OLD)
    if old is None:
        return False
    held = find(client, name)
    if held is not None and (held.metadata or {}).get(GARDEN) != (old.metadata or {}).get(GARDEN):
        return False  # somebody else took the name in between: the old one may be all there is
    if held is None:
        new = find(client, name + NEW)
        if new is None:  # somebody deleted it
            old.modify(name=name)
            return False
        _name(new, name)
    remove(name + OLD)
    return True


class Successor:
    """What is to take the place of a collection. From its making on, whoever writes to the one writes to both.

    What an id stands for never changes, so which ids a collection has tells all: `new` may hold a part already.
    """

    def __init__(self, old: Collection, new: Collection, page: int) -> None:
        """`page` is how many records one request may give or take."""
        self.old, self.new, self._page = old, new, page
        self._missing = self._compare()

    def fill(self, most: int) -> bool:
        """Copy at most so many more records; whether it now holds the same as the old one."""
        ids = self._missing[-min(most, self._page) :]
        if ids:
            # What was deleted meanwhile is not given.
            found = self.old.get(ids=ids, include=["embeddings", "documents", "metadatas"])
            if found["ids"]:
                self.new.upsert(
                    ids=found["ids"],
                    embeddings=found["embeddings"],
                    documents=found["documents"],
                    metadatas=found["metadatas"],
                )
            del self._missing[-len(ids) :]
            return False
        if self.new.count() == self.old.count():
            return True
        self._missing = self._compare()
        if not self._missing and self.new.count() != self.old.count():
            raise ChromaError(f"Chroma miscounts {self.old.name} or {self.new.name}: run `memgarden reindex`")
        return False

    def swap(self, name: str) -> None:
        """Give the new collection the name of the old one, which is called otherwise from then on."""
        self.old.modify(name=name + OLD)
        _name(self.new, name)

    def _compare(self) -> list[str]:
        """What the new one lacks; what it has besides is deleted."""
        there, here = ids_of(self.old, self._page), set(ids_of(self.new, self._page))
        extra = list(here.difference(there))
        for at in range(0, len(extra), self._page):
            self.new.delete(ids=extra[at : at + self._page])
        return [key for key in there if key not in here]


def _name(new: Collection, name: str) -> None:
    """Its metadata is replaced: the mark is gone with the name."""
    told = {key: value for key, value in (new.metadata or {}).items() if key != BUILDING}
    new.modify(name=name, metadata=told)
