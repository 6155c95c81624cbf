"""Runs one write, and fails or dies just before or just after its n-th statement; each time in a forked child.

`python -m tests.survival.injected GARDEN raise|exit` prints a line of JSON for each operation: how many places there
were, and what was found amiss.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from memgarden import Garden, MemgardenError, Memory
from memgarden.store.statement import Session

METHODS = ("rows", "run", "many", "commit")  # `row` and `value` go through `rows`

OPERATIONS: dict[str, Callable[[Garden], object]] = {
    "first add": lambda garden: garden.scope("new").add("fresh words", id="n"),
    "add": lambda garden: garden.scope("alice").add("fresh words", id="n"),
    "replace": lambda garden: garden.scope("alice").add("other words", id="a1"),
    "add many": lambda garden: garden.scope("alice").add_many(
        [Memory("one of two", id="a1"), Memory("two of two", id="n")]
    ),
    "update text": lambda garden: garden.scope("alice").update("a1", text="changed words"),
    "update metadata": lambda garden: garden.scope("alice").update("a1", metadata={"n": 2}),
    "delete": lambda garden: garden.scope("alice").delete(["a1", "a2"]),
    "reindex": lambda garden: garden.reindex(),
    "settle": lambda garden: garden._parts.outbox.settle([item.seq for item in garden._parts.outbox.pending(2)]),
}


class Places:
    """Counts the statements, and acts at one of them."""

    def __init__(self, at: int, after: bool, act: Callable[[], None]) -> None:
        self.at, self.after, self.act, self.seen = at, after, act, 0

    def install(self) -> None:
        """From now on every statement of this process passes here."""
        for name in METHODS:
            setattr(Session, name, self._wrapped(getattr(Session, name)))

    def _wrapped(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def passing(session: Session, *arguments: Any) -> Any:
            self.seen += 1
            here = self.seen == self.at
            if here and not self.after:
                self.act()
            result = method(session, *arguments)
            if here and self.after:
                self.act()
            return result

        return passing


def look(where: str) -> dict[str, Any]:
    """All that can be seen of the garden, by a new process: lists, searches, what waits, the database's own check."""
    with Garden.open(where, chroma=None) as garden:
        seen: dict[str, Any] = {"damage": garden._parts.catalogue.check()}
        for label in ("alice", "new"):
            scope = garden.scope(label)
            listed = {memory.id: [memory.text, dict(memory.metadata)] for memory in scope.list()}
            found = {hit.id: [hit.memory.text, dict(hit.memory.metadata)] for hit in scope.search("words of two", k=50)}
            assert found == listed, f"searched {found}, listed {listed}"
            seen[label] = listed
        with sqlite3.connect(Path(where) / "garden.db") as connection:
            for what, query in {
                "outbox": "SELECT seq, op, chunk FROM outbox ORDER BY seq",
                "orphans": "SELECT count(*) FROM chunks WHERE memory NOT IN (SELECT pk FROM memories)",
                "chunkless": "SELECT count(*) FROM memories WHERE pk NOT IN (SELECT memory FROM chunks)",
                "tombstones": "SELECT chunk FROM tombstones ORDER BY chunk",
                "revisions": "SELECT path, revision FROM scopes ORDER BY path",
            }.items():
                seen[what] = connection.execute(query).fetchall()
        connection.close()
    return seen


def in_child(work: Callable[[], object]) -> Any:
    """What `work` returns, done in a forked child; None if it died."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, json.dumps(work()).encode())
            os._exit(0)
        finally:
            os._exit(9)
    os.close(write)
    with os.fdopen(read) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else None


def restore(where: Path) -> None:
    """The garden as it was made, whatever a child left behind."""
    for file in where.iterdir():
        file.unlink()
    (where / "garden.db").write_bytes((where.parent / "made.db").read_bytes())


def make(where: Path) -> None:
    """Three memories, all of them in Chroma's outbox."""
    with Garden.open(where, embedder="hashing:64", chroma=None) as garden:
        scope = garden.scope("alice")
        scope.add_many([Memory(f"words {n}", id=f"a{n}", metadata={"n": 1}) for n in range(4)])
        garden.reindex()
    with sqlite3.connect(where / "garden.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    (where.parent / "made.db").write_bytes((where / "garden.db").read_bytes())


def attempt(where: str, operation: str, at: int, after: bool, die: bool) -> list[Any]:
    """Do it with the failure; `[statements, error]`. In a living process the next write and search must work."""

    def fail() -> None:
        if die:
            os._exit(9)
        raise sqlite3.OperationalError("injected")

    places, error = Places(at, after, fail), None
    with Garden.open(where, chroma=None) as garden:
        garden.scope("alice").search("words")  # an index that is to follow
        places.install()
        try:
            OPERATIONS[operation](garden)
        except MemgardenError as caught:
            error = str(caught)
        places.at = 0
        listed = {memory.id: memory.text for memory in garden.scope("alice").list()}
        found = {hit.id: hit.memory.text for hit in garden.scope("alice").search("words of two", k=50)}
        assert found == listed, f"in the same process: searched {found}, listed {listed}"
    return [places.seen, error]


def main(where: Path, die: bool) -> None:
    """Every operation, every place, before it and after it."""
    where.mkdir()
    make(where)
    look(str(where))  # what is imported here need not be in each child
    for operation in OPERATIONS:
        restore(where)
        before = in_child(lambda: look(str(where)))
        restore(where)
        statements, error = in_child(lambda operation=operation: attempt(str(where), operation, 0, False, False))
        assert error is None, error
        done = in_child(lambda: look(str(where)))
        assert done != before, f"{operation} does nothing"
        amiss, places, undone, complete = [], 0, 0, 0
        for at in range(1, statements + 1):
            for after in (False, True):
                restore(where)
                result = in_child(lambda at=at, after=after: attempt(str(where), operation, at, after, die))  # noqa: B023
                found = in_child(lambda: look(str(where)))
                place = f"{'after' if after else 'before'} statement {at} of {statements}"
                if not die and result is None:
                    amiss.append(f"{place}: the process died")
                elif found not in (before, done):
                    amiss.append(f"{place}: neither all nor nothing: {found}")
                elif not die and found == before and result[1] is None and result[0] >= at:
                    amiss.append(f"{place}: acknowledged and not stored")
                places += 1
                undone += found == before
                complete += found == done
        found = {"operation": operation, "places": places, "nothing": undone, "all": complete, "amiss": amiss}
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] == "exit")
