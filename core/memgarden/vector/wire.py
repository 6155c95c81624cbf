"""How a query reaches the process that owns an embedded Chroma: the address and the form of what is said.

A Unix domain socket that its user alone may connect to. Both ways go numbers of fixed size, so that nothing which is
read can be more than it says: no pickle, and no more memory than `MOST` asks for.
"""

from __future__ import annotations

import hashlib
import os
import socket
import struct
import tempfile
from pathlib import Path

import numpy as np

from memgarden.errors import ChromaError
from memgarden.records import Floats, Ints

__all__ = ["ask", "path_of", "read_question", "send_answer", "send_refusal"]

QUESTION = struct.Struct("<qII")  # the scope's number, how many chunks, the vector's dimension
ANSWER = struct.Struct("<BI")  # whether it is a refusal; how many chunks, or bytes of its reason in UTF-8
CHUNK, VALUE = np.dtype("<i8"), np.dtype("<f4")
MOST = 2**24
LONGEST = 100  # bytes that every system takes for the path of a socket


def path_of(folder: Path) -> Path:
    """Where the owner of the Chroma in `folder` listens: beside it, or by its hash where that is too long.

    That place is a folder that nobody else may enter; `ChromaError` if somebody else made it.
    """
    folder = folder.resolve()
    beside = folder.with_name(folder.name + ".sock")
    if len(os.fsencode(beside)) <= LONGEST:
        return beside
    private = Path(tempfile.gettempdir()) / f"memgarden-{os.getuid()}"
    private.mkdir(mode=0o700, exist_ok=True)
    found = private.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077 or private.is_symlink():
        raise ChromaError(f"{private} is not this user's alone: remove it, or set TMPDIR")
    return private / f"{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}.sock"


def ask(connection: socket.socket, scope: int, vector: Floats, most: int) -> tuple[Ints, Floats]:
    """The chunks nearest to `vector`, and their cosines; `ChromaError` for a refusal, `OSError` for silence."""
    connection.sendall(QUESTION.pack(scope, most, len(vector)) + vector.astype(VALUE, copy=False).tobytes())
    refused, count = ANSWER.unpack(_exactly(connection, ANSWER.size))
    if refused:
        raise ChromaError(_exactly(connection, count).decode("utf-8", "replace"))
    body = _exactly(connection, count * (CHUNK.itemsize + VALUE.itemsize))
    chunks = np.frombuffer(body, CHUNK, count)
    return chunks, np.frombuffer(body, VALUE, count, count * CHUNK.itemsize)


def read_question(connection: socket.socket) -> tuple[int, Floats, int]:
    """What `ask` sent: the scope, the vector, how many."""
    scope, most, dimension = QUESTION.unpack(_exactly(connection, QUESTION.size))
    return scope, np.frombuffer(_exactly(connection, dimension * VALUE.itemsize), VALUE), most


def send_answer(connection: socket.socket, chunks: Ints, cosines: Floats) -> None:
    """Chunks and their cosines, to whoever asked."""
    body = chunks.astype(CHUNK, copy=False).tobytes() + cosines.astype(VALUE, copy=False).tobytes()
    connection.sendall(ANSWER.pack(0, len(chunks)) + body)


def send_refusal(connection: socket.socket, reason: str) -> None:
    """Why there is no answer."""
    body = reason.encode("utf-8", "backslashreplace")
    connection.sendall(ANSWER.pack(1, len(body)) + body)


def _exactly(connection: socket.socket, size: int) -> bytes:
    if size > MOST:
        raise ConnectionError(f"a message of {size} bytes, which nobody sends")
    parts, left = [], size
    while left:
        part = connection.recv(left)
        if not part:
            raise ConnectionResetError("the other side has gone")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
