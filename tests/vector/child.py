"""A drainer process as `python child.py OUTBOX CHROMA`; a file `OUTBOX.crash` makes it die of SIGSEGV."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from memgarden.vector.collection import ChromaIndex
from memgarden.vector.lock import OwnerLock
from memgarden.vector.serve import serve
from tests.vector.outbox import DIMENSION, SqliteOutbox


def open_index() -> ChromaIndex:
    if Path(sys.argv[1] + ".crash").exists():
        print("about to crash", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    print("a stray print")
    return ChromaIndex(sys.argv[2], "garden", "test", DIMENSION)


serve(SqliteOutbox(sys.argv[1]), open_index, OwnerLock(sys.argv[2]))
