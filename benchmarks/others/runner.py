"""Times one contender: `python runner.py CONTENDER FOLDER load|ask`, in the contender's own environment.

The workload lies in FOLDER (`workload.npz`, `workload.json`), made once for all. Needs numpy and the contender only.
"""

from __future__ import annotations

import importlib
import json
import random
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

BUDGET = 45.0  # seconds for one kind of measurement: the slow ones answer fewer queries
SEED = 7
K = 10


class Contender(Protocol):
    """A memory layer under test; `folder` is its own to fill."""

    def open(self, folder: Path) -> None:
        """Open what is there, or make it."""
        ...

    def load(self, user: str, ids: Sequence[str], texts: Sequence[str], vectors: np.ndarray) -> None:
        """Store one user's memories; when it returns they are stored and searchable."""
        ...

    def add(self, user: str, id: str, text: str, vector: np.ndarray) -> None:
        """Store one memory."""
        ...

    def query(self, user: str, text: str, vector: np.ndarray) -> list[str]:
        """The ids of the user's ten best memories."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


def timings(seconds: list[float]) -> dict[str, float]:
    """Median, 95th percentile (milliseconds), and how many were measured."""
    return {
        "p50_ms": round(statistics.median(seconds) * 1000, 3),
        "p95_ms": round(sorted(seconds)[int(len(seconds) * 0.95)] * 1000, 3),
        "n": len(seconds),
    }


def resident_mb() -> int:
    """Memory that this process holds now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS"))


class Workload:
    """Texts and vectors by user, and queries."""

    def __init__(self, folder: Path) -> None:
        self.texts = json.loads((folder / "workload.json").read_text())
        arrays = np.load(folder / "workload.npz")
        self.vectors, self.queries, self.fresh = arrays["vectors"], arrays["queries"], arrays["fresh"]
        self.users = len(self.texts["users"])


def load(contender: Contender, folder: Path, work: Workload) -> dict[str, Any]:
    """Bulk load, user by user."""
    contender.open(folder / "data")
    start = time.perf_counter()
    stored = 0
    for user, texts in enumerate(work.texts["users"]):
        contender.load(f"user{user}", [f"{user}-{n}" for n in range(len(texts))], texts, work.vectors[user])
        stored += len(texts)
    seconds = time.perf_counter() - start
    contender.close()
    disk = sum(file.stat().st_size for file in (folder / "data").rglob("*") if file.is_file())
    return {"load_per_s": round(stored / seconds), "disk_mb": disk // 2**20}


def ask(name: str, folder: Path, work: Workload) -> dict[str, Any]:
    """In this process, which is new: open, first queries, warm ones, adds, add then search."""
    for file in (folder / "data").rglob("*"):
        if file.is_file():
            file.read_bytes()  # into the operating system's cache: the disk is not what is measured
    start = time.perf_counter()
    contender = make(name)
    contender.open(folder / "data")
    opened = time.perf_counter() - start
    asked = 0

    def query(user: int) -> float:
        nonlocal asked
        asked += 1
        at = asked % len(work.queries)
        start = time.perf_counter()
        found = contender.query(f"user{user}", work.texts["queries"][at], work.queries[at])
        taken = time.perf_counter() - start
        strangers = [one for one in found if not one.startswith((f"{user}-", "fresh"))]
        if strangers or len(found) < K:
            raise SystemExit(f"{name}: user{user} got {len(found)} memories, {len(strangers)} of them another's")
        return taken

    def add(user: int, number: int) -> float:
        start = time.perf_counter()
        contender.add(f"user{user}", f"fresh{number}", work.texts["fresh"][number], work.fresh[number])
        return time.perf_counter() - start

    query(0)
    order = random.Random(SEED).choices(range(work.users), k=3000)
    first = within(lambda n: query(n + 1), work.users - 1)
    warm = within(lambda n: query(order[n]), 2000)
    adds = within(lambda n: add(order[n], n), 200)
    both = within(lambda n: add(order[n], 200 + n) + query(order[n]), 200)
    result = {
        "open_s": round(opened, 3),
        "first_query": timings(first),
        "warm_query": timings(warm),
        "one_add": timings(adds),
        "add_then_search": timings(both),
        "resident_mb": resident_mb(),
    }
    contender.close()
    return result


def within(measure: Any, times: int) -> list[float]:
    """What `measure(0)`, `measure(1)` and so on take, as many as fit into the budget."""
    end = time.perf_counter() + BUDGET
    taken: list[float] = []
    while len(taken) < times and (not taken or time.perf_counter() < end):
        taken.append(measure(len(taken)))
    return taken


def make(name: str) -> Contender:
    """The contender of a module of that name beside this file."""
    contender: Contender = importlib.import_module(name).Contender()
    return contender


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    who, where, phase = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    workload = Workload(where.parent)
    print(json.dumps(load(make(who), where, workload) if phase == "load" else ask(who, where, workload)))
