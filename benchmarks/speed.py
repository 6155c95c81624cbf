"""How fast the engine is: `python -m benchmarks.speed [--users 100] [--memories 1000]`.

Vectors are given, so no model is timed. Chroma's outbox is written as in any garden that has a Chroma, and nothing
drains it meanwhile. Queries and adds run in a process of their own that never saw the load, with the database in the
operating system's cache: the disk is not what is measured. Warm queries are of users who asked before, mostly other
questions: the memories of their hits are still to be read.
"""

from __future__ import annotations

import argparse
import compileall
import json
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

DIMENSION = 384
SEED = 7


def words(count: int = 20_000) -> list[str]:
    """Made-up words of two to four syllables, the same every time."""
    rng = random.Random(SEED)
    syllables = [a + b for a in "bcdfglmnprstvz" for b in "aeiou"]
    return ["".join(rng.choices(syllables, k=rng.randint(2, 4))) for _ in range(count)]


def texts(vocabulary: list[str], count: int, seed: int) -> list[str]:
    """Texts of 5 to 35 words whose frequencies fall as Zipf's law has it."""
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, len(vocabulary) + 1)
    drawn = rng.choice(len(vocabulary), p=weights / weights.sum(), size=(count, 35))
    lengths = rng.integers(5, 36, size=count)
    return [" ".join(vocabulary[n] for n in row[:length]) for row, length in zip(drawn, lengths, strict=True)]


def unit_vectors(count: int, seed: int) -> np.ndarray:
    """Vectors `(count, 384)` float32 around 50 centres, L2-normalised."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(50, DIMENSION))
    vectors = centres[rng.integers(0, 50, size=count)] + rng.normal(size=(count, DIMENSION))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def timings(seconds: list[float]) -> dict[str, float]:
    """Median and 95th percentile in milliseconds."""
    return {
        "p50_ms": round(statistics.median(seconds) * 1000, 3),
        "p95_ms": round(statistics.quantiles(seconds, n=20)[-1] * 1000, 3),
    }


def quietest(seconds: list[float], stretch: int = 300) -> float:
    """The lowest median, in milliseconds, of stretches of so many: other users of the machine slow a whole run down."""
    starts = range(0, len(seconds) - stretch + 1, stretch)
    medians = [statistics.median(seconds[start : start + stretch]) for start in starts]
    return round(min(medians) * 1000, 3)


def load(folder: Path, users: int, memories: int) -> dict[str, float]:
    """Store everything; the rate counts until the last batch is acknowledged."""
    from memgarden import Garden

    Garden.open(folder, embedder=f"hashing:{DIMENSION}").close()  # a garden with a Chroma, so that outboxes are written
    vocabulary = words()
    batches = [(texts(vocabulary, memories, user), unit_vectors(memories, user)) for user in range(users)]
    with Garden.open(folder, chroma=None) as garden:
        name = garden.embedder.name
        began = time.perf_counter()
        for user, (batch, vectors) in enumerate(batches):
            garden.scope(f"user{user}").add_many(batch, vectors=vectors, embedder=name)
        seconds = time.perf_counter() - began
    return {"memories_per_s": round(users * memories / seconds)}


def ask(folder: Path, users: int, asked_before: int) -> dict[str, object]:
    """In this new process: open, the first query of each user, warm ones, then adds.

    Between the first and the warm ones every user asks the first `asked_before` of the questions.
    """
    began = time.perf_counter()
    from memgarden import Garden

    garden = Garden.open(folder, chroma=None)
    opened = time.perf_counter() - began
    name, vocabulary = garden.embedder.name, words()
    queries, vectors = texts(vocabulary, 64, 1_000_001), unit_vectors(64, 1_000_001)
    queries = [" ".join(query.split()[:6]) for query in queries]

    def query(user: int, asked: int) -> float:
        at, scope = asked % len(queries), garden.scope(f"user{user}")
        start = time.perf_counter()
        hits = scope.search(queries[at], k=10, vector=vectors[at], embedder=name)
        taken = time.perf_counter() - start
        if len(hits) != 10:
            raise SystemExit(f"user{user} got {len(hits)} hits where 10 were due")
        return taken

    (folder / "garden.db").read_bytes()  # into the operating system's cache, where a machine in use has it
    query(0, 0)  # imports that wait for a first search are the opening's
    first = [query(user, user) for user in range(1, users)]
    for asked in range(asked_before):
        for user in range(users):
            query(user, asked)
    order = random.Random(SEED).choices(range(users), k=3000)
    warm = [query(user, asked) for asked, user in enumerate(order)]
    fresh, own = texts(vocabulary, 600, 2_000_001), unit_vectors(600, 2_000_001)
    adds, both = [], []
    for n in range(300):
        scope = garden.scope(f"user{order[n]}")
        start = time.perf_counter()
        scope.add(fresh[n], vector=own[n], embedder=name)
        adds.append(time.perf_counter() - start)
    for n in range(300, 600):
        scope = garden.scope(f"user{order[n]}")
        start = time.perf_counter()
        scope.add(fresh[n], vector=own[n], embedder=name)
        scope.search(queries[n % 64], k=10, vector=vectors[n % 64], embedder=name)
        both.append(time.perf_counter() - start)
    garden.close()
    return {
        "import_and_open_s": round(opened, 3),
        "first_query": timings(first),
        "warm_query": timings(warm) | {"quietest_p50_ms": quietest(warm)},
        "one_add": timings(adds),
        "add_then_search": timings(both),
        "resident_mb": round(resident_mb()),
    }


def drain(folder: Path) -> dict[str, object]:
    """In this new process: searches while 20,000 chunks go to an embedded Chroma, beside the same searches at rest."""
    from memgarden import Garden

    users, vocabulary = 20, words()
    with Garden.open(folder, embedder=f"hashing:{DIMENSION}") as garden:
        name, vectors = garden.embedder.name, unit_vectors(64, 1_000_001)
        queries = [" ".join(text.split()[:6]) for text in texts(vocabulary, 64, 1_000_001)]

        def rounds(seconds: float) -> list[float]:
            taken, end, n = [], time.perf_counter() + seconds, 0
            while time.perf_counter() < end:
                n += 1
                scope = garden.scope(f"user{n % users}")
                start = time.perf_counter()
                scope.search(queries[n % 64], k=10, vector=vectors[n % 64], embedder=name)
                taken.append(time.perf_counter() - start)
            return taken

        for user in range(users):
            batch, own = texts(vocabulary, 1000, user), unit_vectors(1000, user)
            garden.scope(f"user{user}").add_many(batch, vectors=own, embedder=name)
        rounds(1)  # loads every index
        busy, left = rounds(15), garden.health().outbox
        garden.flush(600)
        time.sleep(2)
        idle = rounds(15)
    ratio = timings(busy)["p95_ms"] / timings(idle)["p95_ms"]
    return {
        "while_draining": timings(busy),
        "still_waiting_after_15_s": left,
        "idle": timings(idle),
        "p95_ratio": round(ratio, 2),
    }


def resident_mb() -> float:
    """Memory that this process holds now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this needs Linux's /proc")


def machine() -> dict[str, str]:
    """What the figures were taken on."""
    import os
    import sqlite3

    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    return {
        "cpu": f"{model}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: version(name) for name in ("memgarden", "numpy", "sqlalchemy")},
    }


def main() -> None:
    """Run it all and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--memories", type=int, default=1000)
    parser.add_argument("--ask", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--asked-before", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--drain", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.ask or args.drain:
        print(json.dumps(ask(args.ask, args.users, args.asked_before) if args.ask else drain(args.drain)))
        return
    folder = Path(tempfile.mkdtemp(prefix="memgarden-bench-"))
    try:
        result: dict[str, object] = {"machine": machine(), "users": args.users, "memories_each": args.memories}
        for part in find_spec("memgarden").submodule_search_locations:
            compileall.compile_dir(part, quiet=1)  # as pip does with what it installs
        result["load"] = load(folder, args.users, args.memories)
        result["disk_mb"] = round(sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 2**20)
        command = [sys.executable, "-m", "benchmarks.speed", "--users", str(args.users)]
        for phase in (["--ask", str(folder)], ["--drain", str(folder / "drained")]):
            done = subprocess.run([*command, *phase], check=True, capture_output=True, text=True)
            result |= json.loads(done.stdout)
        print(json.dumps(result, indent=2))
        print("Engine only: vectors were given. What embedding adds, `memgarden demo` and `make eval` show.")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
