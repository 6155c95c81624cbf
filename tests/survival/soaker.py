"""One process of the soak: `python -m tests.survival.soaker GARDEN NAME SEED SECONDS`; prints what it used."""

from __future__ import annotations

import json
import random
import sys
import threading
import time
import traceback
from pathlib import Path

from memgarden import Garden
from tests.survival.model import State, applied, draw, held, perform, searches_agree

THREADS = 8


def resources() -> dict[str, int]:
    """Open file handles, and resident memory in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {"handles": len(list(Path("/proc/self/fd").iterdir())), "mb": pages * 4096 // 2**20}


def own(garden: Garden, label: str, seed: int, end: float, counts: list[int]) -> None:
    """A scope that this thread alone writes to: after each operation it is what the model says."""
    rng, state, number = random.Random(seed), State(), counts[0]
    state[label] = held(garden.scope(label))  # what a predecessor left, one operation in flight included
    while time.monotonic() < end:
        operation = draw(rng, [label], 30, f"w{seed}x{number}")
        perform(garden, operation)
        before, state = state, applied(state, operation)
        number += 1
        if number % 10 == 0:
            assert held(garden.scope(label)) == state[label], f"{label} after {operation}"
            gone = {word for word, _ in before[label].values()} - {word for word, _ in state[label].values()}
            searches_agree(garden.scope(label), state[label], sorted(gone))
        # One that all write to: what this thread adds it finds, and what it deletes it does not.
        if number % 5 == 0:
            shared, key = garden.scope("shared"), f"{label}{number}"
            shared.add(f"shared {key}", id=key)
            assert shared.search(f"shared {key}", mode="lexical", k=1)[0].id == key
            assert shared.delete(key) == 1
            assert all(hit.id != key for hit in shared.search(f"shared {key}", k=20))
        counts[0] += 1


def main(where: str, name: str, seed: int, seconds: float) -> None:
    """Eight threads until the time is up; then says what it used at first and at last."""
    errors: list[str] = []
    end = time.monotonic() + seconds
    with Garden.open(where, embedder="hashing:64") as garden:
        counts = [[0] for _ in range(THREADS)]

        def run(thread: int) -> None:
            try:
                own(garden, f"{name}t{thread}", seed * 100 + thread, end, counts[thread])
            except Exception:  # noqa: BLE001  # said below
                errors.append(traceback.format_exc())

        threads = [threading.Thread(target=run, args=(thread,)) for thread in range(THREADS)]
        for thread in threads:
            thread.start()
        time.sleep(seconds / 3)
        first = resources()
        for thread in threads:
            thread.join()
        found = {"first": first, "last": resources(), "operations": sum(map(sum, counts)), "errors": errors}
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
