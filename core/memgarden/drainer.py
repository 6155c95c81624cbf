"""The process that owns an embedded Chroma: `python -m memgarden.drainer GARDEN CHROMA_FOLDER EXACT_LIMIT`.

Started by a garden. It carries the outbox there, moves scopes that cross the limit, and answers searches of large ones.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from memgarden.build import inspector, open_database, open_index
from memgarden.store.audit import SqlAudit
from memgarden.store.facts import read_facts
from memgarden.store.outbox import SqlOutbox
from memgarden.vector.lock import OwnerLock
from memgarden.vector.owner import Answers
from memgarden.vector.serve import serve

LOCK_TIMEOUT = 60.0  # nobody waits for this process, so it can be patient


def main(where: str, folder: Path, exact_limit: int) -> None:
    """Drain the outbox of the garden at `where` into `folder` until standard input ends."""
    database = open_database(where, LOCK_TIMEOUT)
    outbox = SqlOutbox(database)
    facts = read_facts(database)
    answers = Answers(folder, lambda: open_index(folder, facts, outbox))
    try:
        anew = serve(
            outbox,
            answers.open,
            OwnerLock(folder),
            inspect=inspector(SqlAudit(database)),
            tend=lambda: outbox.rebalance(exact_limit),
            leave=answers.close,
            searched=lambda: answers.searched,
        )
    finally:
        database.close()
    if anew:
        words = [where, str(folder), str(exact_limit)]
        os.execv(sys.executable, [sys.executable, "-m", "memgarden.drainer", *words])


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
