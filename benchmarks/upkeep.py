"""What maintenance takes: `python -m benchmarks.upkeep [PART ...]`.

`near`: near-duplicates among 100,000 vectors, beside semhash in an environment of its own, on the same vectors.
`scope`: a scope of 100,000 chunks, a tenth of them planted duplicates: found, and merged.
`scopes`: the same in 1,000 scopes of 1,000 chunks.
`archive`: 100,000 memories to archives, and 5,000 of them back.
`beside`: two processes, one that adds and one that searches, alone and while a third maintains the garden.

Vectors are given, so no model is timed. Each part runs in processes of its own; peak memory is that of the one that
did the work. Prints a table.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np

from benchmarks.speed import DIMENSION, machine, texts, timings, unit_vectors, words
from memgarden import Deduplication, Garden, Memory, Policy, Retention
from memgarden.maintain.near import near_pairs
from memgarden.records import utc_now
from memgarden.store.engine import Database
from memgarden.store.statement import Session

ENVIRONMENT = Path(__file__).parent / ".envs" / "semhash"
SEMHASH = "semhash==0.5.0"
OLD = utc_now() - timedelta(days=400)
EMBEDDER = f"hashing:{DIMENSION}"
SECONDS = 15.0  # of adding and searching, alone
OTHER = """
import json, resource, sys, time
import numpy as np
from semhash import SemHash
vectors = np.load(sys.argv[1])
records = [str(n) for n in range(len(vectors))]
class Encoder:
    def encode(self, inputs, **_):
        raise RuntimeError("nothing is left to embed")
began = time.perf_counter()
done = SemHash.from_embeddings(vectors, records, Encoder()).self_deduplicate(float(sys.argv[2]))
seconds = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
pairs = [[each.record, [other for other, _ in each.duplicates]] for each in done.filtered]
print(json.dumps({"seconds": seconds, "peak": peak, "pairs": pairs}))
"""


def planted(count: int, seed: int) -> tuple[list[str], np.ndarray]:
    """Texts and vectors `(count, d)`, of which the last tenth are near to the first: cosine about .98."""
    said, vectors = texts(words(), count, seed), unit_vectors(count, seed)
    tenth = count // 10
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(tenth, DIMENSION)).astype(np.float32) * 0.2 / DIMENSION**0.5
    vectors[count - tenth :] = vectors[:tenth] + noise
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    said[count - tenth :] = [f"{text} indeed" for text in said[:tenth]]
    return said, vectors


def filled(folder: Path, scopes: int, count: int) -> None:
    """A garden of so many users with so many old memories each."""
    with Garden.open(folder, embedder=EMBEDDER, chroma=None) as garden:
        name = garden.embedder.name
        for scope in range(scopes):
            said, vectors = planted(count, scope)
            items = [Memory(text, created_at=OLD) for text in said]
            garden.scope(f"user{scope}").add_many(items, vectors=vectors, embedder=name)


def peak() -> float:
    """MB that this process had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def alone(work: Callable[[Path], None], folder: Path) -> None:
    """Run it in a process of its own."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=(folder,))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{work.__name__} failed")


def row(name: str, seconds: float, more: str) -> None:
    """One line of the table."""
    print(f"{name:<44}{seconds:8.1f} s   {more}", flush=True)


def near(folder: Path) -> None:
    """Ours on 100,000 vectors; what is found of what was planted."""
    vectors = np.load(folder / "vectors.npy")
    began = time.perf_counter()
    pairs = [
        (a, b) for one, other, _ in near_pairs(vectors, 0.95) for a, b in zip(one.tolist(), other.tolist(), strict=True)
    ]
    told = f"{len(pairs):,} pairs, {found(pairs, len(vectors)):.3%} of those planted, {peak():,.0f} MB in all"
    row("near-duplicates of 100,000 vectors, memgarden", time.perf_counter() - began, told)


def found(pairs: list[tuple[int, int]], count: int) -> float:
    """The share of the planted pairs that is there."""
    tenth = count // 10
    due = {(n, count - tenth + n) for n in range(tenth)}
    return len(due & {(min(pair), max(pair)) for pair in pairs}) / tenth


def others(folder: Path) -> None:
    """Semhash on the same vectors."""
    python = ENVIRONMENT / "bin" / "python"
    if not (ENVIRONMENT / ".ready").exists():
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", SEMHASH], check=True)
        (ENVIRONMENT / ".ready").touch()
    run = subprocess.run(
        [python, "-c", OTHER, folder / "vectors.npy", "0.95"], check=True, capture_output=True, text=True
    )
    done = json.loads(run.stdout)
    pairs = [(int(record), int(other)) for record, group in done["pairs"] for other in group]
    told = (
        f"{len(done['pairs']):,} filtered, {found(pairs, 100_000):.3%} of those planted, {done['peak']:,.0f} MB in all"
    )
    row("near-duplicates of 100,000 vectors, semhash", done["seconds"], told)


def merge(folder: Path) -> None:
    """Plan and apply a deduplication of all scopes."""
    with Garden.open(folder, embedder=EMBEDDER, chroma=None) as garden:
        began = time.perf_counter()
        steps = merged = 0
        planning = 0.0
        for path in garden.scopes():
            start = time.perf_counter()
            plan = garden.plan(Deduplication(), *path)
            planning += time.perf_counter() - start
            steps += len(plan)
            merged += garden.apply(plan).done.get("merge", 0)
        row("  found", planning, "")
        row("  found and merged", time.perf_counter() - began, f"{merged:,} merged, peak {peak():,.0f} MB")


def archive(folder: Path) -> None:
    """All of it to archives, and one archive back."""
    with Garden.open(folder, embedder=EMBEDDER, chroma=None) as garden:
        began = time.perf_counter()
        done = garden.apply(garden.plan(Retention()))
        size = sum(each.bytes for each in garden.archives()) / 2**20
        row(
            "100,000 memories archived",
            time.perf_counter() - began,
            f"{done.done}, {size:,.0f} MB, peak {peak():,.0f} MB",
        )
        began = time.perf_counter()
        back = garden.restore(garden.archives()[0])
        row("one archive restored", time.perf_counter() - began, f"{back.restored:,} memories")


def adder(folder: Path, stop: Event, taken: Path) -> None:
    """Adds one after the other, 50 a second, and writes down what each took."""
    seconds = []
    with Garden.open(folder, embedder=EMBEDDER, chroma=None) as garden:
        scope = garden.scope("user0")
        while not stop.is_set():
            began = time.perf_counter()
            scope.add(f"something new was said, number {len(seconds)}")
            seconds.append(time.perf_counter() - began)
            time.sleep(0.02)
    taken.write_text(json.dumps(seconds))


def searcher(folder: Path, stop: Event, taken: Path) -> None:
    """Searches another scope, 50 times a second."""
    seconds = []
    with Garden.open(folder, embedder=EMBEDDER, chroma=None) as garden:
        scope, asked = garden.scope("user1"), [" ".join(text.split()[:6]) for text in texts(words(), 64, 7)]
        while not stop.is_set():
            began = time.perf_counter()
            scope.search(asked[len(seconds) % len(asked)])
            seconds.append(time.perf_counter() - began)
            time.sleep(0.02)
    taken.write_text(json.dumps(seconds))


def beside(folder: Path) -> None:
    """The 95th percentiles of both, alone and while the garden is maintained, and the longest write of maintenance."""
    context = multiprocessing.get_context("spawn")

    def measured(name: str, work: Callable[[], None]) -> dict[str, dict[str, float]]:
        stop = context.Event()
        places = {each.__name__: folder / f"{name}-{each.__name__}.json" for each in (adder, searcher)}
        running = [
            context.Process(target=each, args=(folder, stop, places[each.__name__])) for each in (adder, searcher)
        ]
        for process in running:
            process.start()
        time.sleep(5)  # until both are at it
        work()
        stop.set()
        for process in running:
            process.join()
        return {each: timings(json.loads(place.read_text())) for each, place in places.items()}

    plain = measured("alone", lambda: time.sleep(SECONDS))
    held: list[float] = []

    def work() -> None:
        with Garden.open(folder, embedder=EMBEDDER, chroma=None) as garden, _watched(held):
            began = time.perf_counter()
            done = garden.maintain(Policy(archive=Retention(kinds=("note",))))
            row("maintained beside them", time.perf_counter() - began, f"{done.done}")

    busy = measured("beside", work)
    for each, before in plain.items():
        after = busy[each]
        ratio = after["p95_ms"] / before["p95_ms"]
        told = f"p95 {before['p95_ms']:.2f} ms alone, {after['p95_ms']:.2f} beside maintenance"
        print(f"{each:<10} {told}: {ratio:.1f} times")
    print(f"longest of its {len(held):,} write transactions: {1000 * max(held):.0f} ms")


@contextmanager
def _watched(held: list[float]) -> Iterator[None]:
    """Notes for how long each write transaction of this process has the lock."""
    write = Database.write

    @contextmanager
    def timed(self: Database) -> Iterator[Session]:
        with write(self) as session:
            began = time.perf_counter()
            yield session
            held.append(time.perf_counter() - began)

    Database.write = timed  # type: ignore[method-assign]
    try:
        yield
    finally:
        Database.write = write  # type: ignore[method-assign]


def main() -> None:
    """The parts that are named, or all."""
    known = ("near", "scope", "scopes", "archive", "beside")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=known, metavar="PART", help=", ".join(known))
    parts = parser.parse_args().parts
    if unknown := set(parts) - set(known):
        sys.exit(f"there is no part {', '.join(sorted(unknown))}: there are {', '.join(known)}")
    print(json.dumps(machine(), indent=2), flush=True)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if "near" in parts:
            np.save(folder / "vectors.npy", planted(100_000, 0)[1])
            alone(near, folder)
            others(folder)
        if "scope" in parts:
            filled(folder / "scope", 1, 100_000)
            print("one scope of 100,000 chunks, a tenth of them duplicates", flush=True)
            alone(merge, folder / "scope")
        if "archive" in parts:
            filled(folder / "archive", 1, 100_000)
            alone(archive, folder / "archive")
        if "beside" in parts:
            filled(folder / "beside", 10, 2_000)
            beside(folder / "beside")
        if "scopes" in parts:
            filled(folder / "scopes", 1_000, 1_000)
            print("1,000 scopes of 1,000 chunks, a tenth of them duplicates", flush=True)
            alone(merge, folder / "scopes")


if __name__ == "__main__":
    main()
