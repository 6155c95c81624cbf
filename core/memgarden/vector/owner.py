"""Queries to the process that owns an embedded Chroma, from any process on the machine; and the owner's side of it."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from memgarden.errors import ChromaError
from memgarden.records import Floats, Ints
from memgarden.vector.drain import ChunkIndex
from memgarden.vector.wire import ask, path_of, read_question, send_answer, send_refusal

__all__ = ["PATIENCE", "Answering", "AskOwner"]

PATIENCE = 2.0
"""Seconds that a query waits for the owner, who may be writing a batch: past it, the searcher looks for itself."""

QUEUE = 64
"""Connections that may wait to be accepted; each thread that searches keeps one."""


class SearchedIndex(ChunkIndex, Protocol):
    """An index that can be searched besides."""

    def nearest(self, scope: int, vector: Floats, most: int) -> tuple[Ints, Floats]:
        """As `Nearest`."""
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


class Answering:
    """The index in a folder, which answers searches in threads of its own for as long as it is open.

    To be made by the process that owns the folder.
    """

    def __init__(self, folder: Path, index: SearchedIndex) -> None:
        self._index = index
        self.upsert, self.delete, self.reset = index.upsert, index.delete, index.reset
        self.promote, self.demote = index.promote, index.demote
        self._path = path_of(folder)
        self._busy = threading.Lock()
        self._closed = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Left by an owner that was killed; there is none now, for this process has the lock.
        self._path.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            self._socket.bind(os.fspath(self._path))
        finally:
            os.umask(mask)
        self._socket.listen(QUEUE)
        threading.Thread(target=self._accept, name="memgarden-answers", daemon=True).start()

    def close(self) -> None:
        """Answer nobody from here on, and let go of the index; waits for the query at hand."""
        with self._busy:
            self._closed = True
        self._path.unlink(missing_ok=True)
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # which wakes the thread that accepts
        self._socket.close()
        self._index.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):  # whoever asked has gone
            while True:
                scope, vector, most = read_question(connection)
                try:
                    # One at a time: Chroma is not closed under a query, and spreads one over the cores by itself.
                    with self._busy:
                        if self._closed:
                            return
                        chunks, cosines = self._index.nearest(scope, vector, most)
                except ChromaError as error:
                    send_refusal(connection, str(error))
                else:
                    send_answer(connection, chunks, cosines)
