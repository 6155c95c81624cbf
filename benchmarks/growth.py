"""How a query and an add grow with the number of users: `python -m benchmarks.growth`.

Each garden holds 100 memories a user; the engine only, vectors given, measured as `benchmarks.speed` does. Every user
has asked the same 64 questions before: recent hits are kept in memory, and a user who never asked has none. The gardens
are asked in turn, three times over, so that a noisy minute hits all of them.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.speed import load

USERS = (10, 100, 1000)
MEMORIES = 100
ROUNDS = 3
ASKED_BEFORE = 64


def measure() -> dict[str, Any]:
    """Medians over the rounds, and the largest garden's over the smallest's."""
    places = {users: Path(tempfile.mkdtemp(prefix="memgarden-growth-")) for users in USERS}
    taken: dict[int, list[dict[str, Any]]] = {users: [] for users in USERS}
    try:
        for users, place in places.items():
            load(place, users, MEMORIES)
        for _ in range(ROUNDS):
            for users, place in places.items():
                command = [sys.executable, "-m", "benchmarks.speed", "--users", str(users), "--ask", str(place)]
                command += ["--asked-before", str(ASKED_BEFORE)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                taken[users].append(json.loads(done.stdout))
    finally:
        for place in places.values():
            shutil.rmtree(place)
    figures = {
        name: {users: round(statistics.median(one[name]["p50_ms"] for one in taken[users]), 3) for users in USERS}
        for name in ("warm_query", "one_add")
    }
    growth = {name: round(own[USERS[-1]] / own[USERS[0]], 2) for name, own in figures.items()}
    return {"memories_each": MEMORIES, "p50_ms_by_users": figures, "largest_over_smallest": growth}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
