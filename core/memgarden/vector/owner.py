"""Queries to the process that owns an embedded Chroma, from any process on the machine; and the owner's side of it."""

from __future__ import annotations

import math
import os
import socket
import threading
import time
from collections.abc import Callable, Set
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol

from memgarden.errors import ChromaError
from memgarden.protocols import Expected
from memgarden.records import Floats, Ints
from memgarden.vector.drain import ChunkIndex
from memgarden.vector.wire import ask, path_of, read_question, send_answer, send_refusal

__all__ = ["PATIENCE", "Answers", "AskOwner"]

PATIENCE = 2.0
"""Seconds that a query waits for the owner, who may be writing a batch: past it, the searcher looks for itself."""

REOPENING = 1.0
"""Seconds after the index was closed for which queries wait for the next one."""

QUEUE = 64
"""Connections that may wait to be accepted; each thread that searches keeps one."""


class SearchedIndex(ChunkIndex, Protocol):
    """An index that can be searched besides."""

    def nearest(self, scope: int, vector: Floats, most: int) -> tuple[Ints, Floats]:
        """As `Nearest`."""
        ...

    def compare(self, expected: Expected) -> str | None:
        """What differs from the record, in words."""
        ...

    def owned(self) -> list[int]:
        """The scopes that have a collection of their own there."""
        ...

    def tidy(self, rebuilt: Set[int]) -> None:
        """Remove what belongs to no collection, and what is left of those that are no longer built anew."""
        ...


class AskOwner:
    """`Nearest` by way of the owner's socket. Safe for threads: each query has a connection to itself."""

    def __init__(self, folder: Path, wake: Callable[[], None]) -> None:
        """`wake` is called where nobody answers, so that somebody becomes the owner."""
        self._folder = folder
        self._wake = wake
        self._idle: list[socket.socket] = []

    def __call__(self, scope: int, vector: Floats, most: int) -> tuple[Ints, Floats]:
        """The chunks nearest to `vector`, best first, and their cosines; `ChromaError` for no answer in `PATIENCE`."""
        try:
            # One that was kept may be to an owner that has gone: then once more, to whoever owns it now.
            while (kept := self._kept()) is not None:
                with suppress(ConnectionError):
                    return self._asked(kept, scope, vector, most)
            return self._asked(self._connect(), scope, vector, most)
        except OSError as error:
            self._wake()
            raise ChromaError(f"nobody answers for the Chroma in {self._folder}: {error}") from error

    def _kept(self) -> socket.socket | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(PATIENCE)
            connection.connect(os.fspath(path_of(self._folder)))
        except BaseException:
            connection.close()
            raise
        return connection

    def _asked(self, connection: socket.socket, scope: int, vector: Floats, most: int) -> tuple[Ints, Floats]:
        try:
            answer = ask(connection, scope, vector, most)
        except BaseException:
            connection.close()  # half an answer may still be on its way: nobody must take it for theirs
            raise
        self._idle.append(connection)
        return answer

    def close(self) -> None:
        """Let go of the connections."""
        while (kept := self._kept()) is not None:
            kept.close()


class Answers:
    """Searches an index for other processes, in threads of its own, from the first `open` until `close`.

    To be used by the process that owns the folder. `searched` is when it was last asked, in `time.monotonic`.
    """

    def __init__(self, folder: Path, open_index: Callable[[], SearchedIndex]) -> None:
        self._folder, self._open_index = folder, open_index
        self._index: SearchedIndex | None = None
        self._left = 0.0
        # One query at a time: Chroma is not closed under one, and spreads one over the cores by itself.
        self._changed = threading.Condition()
        self._socket: socket.socket | None = None
        self.searched = -math.inf
        # Begun here and not with the socket: the thread that opens and drains may stand back for others by then, and
        # whatever it starts stands back as well. Searches run in the threads that ask.
        self._bound: SimpleQueue[socket.socket] = SimpleQueue()
        threading.Thread(target=self._accept, name="memgarden-answers", daemon=True).start()

    def open(self) -> Answering:
        """The index, opened anew and searched until it is closed."""
        if self._socket is None:
            self._socket = self._listen()
        index = self._open_index()
        self._join(index)
        return Answering(index, self._leave, self._join)

    def close(self) -> None:
        """Answer nobody from here on; waits for the query at hand."""
        self._leave()
        if self._socket is not None:
            path_of(self._folder).unlink(missing_ok=True)
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)  # which wakes the thread that accepts
            self._socket.close()

    def _join(self, index: SearchedIndex) -> None:
        with self._changed:
            self._index = index
            self._changed.notify_all()

    def _leave(self) -> None:
        with self._changed:
            self._index, self._left = None, time.monotonic()

    def _listen(self) -> socket.socket:
        path, found = path_of(self._folder), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Left by an owner that was killed; there is none now, for this process has the lock.
        path.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            found.bind(os.fspath(path))
        finally:
            os.umask(mask)
        found.listen(QUEUE)
        self._bound.put(found)
        return found

    def _accept(self) -> None:
        listening = self._bound.get()
        with suppress(OSError):  # closed
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):  # whoever asked has gone
            while True:
                scope, vector, most = read_question(connection)
                try:
                    chunks, cosines = self._nearest(scope, vector, most)
                except ChromaError as error:
                    send_refusal(connection, str(error))
                else:
                    send_answer(connection, chunks, cosines)

    def _nearest(self, scope: int, vector: Floats, most: int) -> tuple[Ints, Floats]:
        with self._changed:
            # To be compared with the record it is opened anew; where it failed, nobody waits for long.
            self._changed.wait_for(lambda: self._index, self._left + REOPENING - time.monotonic())
            if self._index is None:
                raise ChromaError(f"the Chroma in {self._folder} is not open")
            if most > 1:  # else it is a question of whether there is an answer
                self.searched = time.monotonic()
            return self._index.nearest(scope, vector, most)


class Answering:
    """An index that is searched by others until it is closed; `leave` has them stop."""

    def __init__(self, index: SearchedIndex, leave: Callable[[], None], join: Callable[[SearchedIndex], None]) -> None:
        self.upsert, self.delete, self.reset = index.upsert, index.delete, index.reset
        self.promote, self.demote = index.promote, index.demote
        self.compare, self.owned = index.compare, index.owned
        self._index, self._leave, self._join = index, leave, join

    def rebuild(self, own: int | None, most: int) -> int | None:
        """Copy `most` more chunks into a collection that then takes this one's place, while it is searched."""
        return self._index.rebuild(own, most)

    def tidy(self, rebuilt: Set[int]) -> None:
        """Remove what belongs to no collection, and what is left of those that are no longer built anew."""
        self._index.tidy(rebuilt)

    def erase(self) -> None:
        """Erase the index while nobody searches it: a search would open its files meanwhile."""
        self._leave()
        try:
            self._index.erase()
        finally:
            self._join(self._index)

    def close(self) -> None:
        """Let go of the index, after the query at hand."""
        self._leave()
        self._index.close()
