"""The process that owns an embedded Chroma: `python -m memgarden.drainer GARDEN CHROMA_FOLDER EXACT_LIMIT`.

Started by a garden. It carries the outbox there, moves scopes that cross the limit, and answers searches of large ones.
"""

from __future__ import annotations

import sys
from pathlib import Path

from memgarden.build import open_database, open_index
from memgarden.store.facts import read_facts
from memgarden.store.outbox import SqlOutbox
from memgarden.vector.lock import OwnerLock
from memgarden.vector.owner import Answering
from memgarden.vector.serve import serve

LOCK_TIMEOUT = 60.0  # nobody waits for this process, so it can be patient


def main(where: str, folder: Path, exact_limit: int) -> None:
    """Drain the outbox of the garden at `where` into `folder` until standard input ends."""
    database = open_database(where, LOCK_TIMEOUT)
    outbox = SqlOutbox(database)
    facts = read_facts(database)
    try:
        serve(
            outbox,
            lambda: Answering(folder, open_index(folder, facts, outbox)),
            OwnerLock(folder),
            lambda: outbox.rebalance(exact_limit),
        )
    finally:
        database.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
