"""One scope of 100,000 chunks, searched exactly and through Chroma: `python -m benchmarks.large [--chunks 100000]`.

Vectors are given, so no model is timed, and clustered, as those of texts are; queries have six words, as questions do.
Each way runs in a process of its own, whose memory is its own; with Chroma, that of the process which owns Chroma is
told apart. `while_adding` is the time of dense queries, one every 30 ms, while 20 memories a second are added, and
`while_loading` while another scope is filled. `--words N` instead loads the lexical leg alone of one scope of N chunks
(1,000,000 take 6 GB of disk). Prints JSON.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

from benchmarks.speed import DIMENSION, texts, timings, unit_vectors, words
from memgarden import Garden

QUERIES = 300
K = 10
PATIENCE = 3600.0
CLIENT = ("dense", "hybrid", "lexical")
SECONDS = 20.0  # of queries while something is written
BETWEEN = 0.03  # seconds from one such query's start to the next one's, at least
RATE = 20  # memories added a second
NO_SERVER = "http://127.0.0.1:9"  # the discard port: a Chroma that never answers
LOADED = 50_000  # memories loaded at a time
NARROW = 16  # dimensions where vectors are not what is measured


def resident(pid: int | str = "self") -> float:
    """MB that a process holds; where the system does not tell, 0."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0.0
    held = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return round(int(held.split()[1]) / 1024, 1)


def queries() -> tuple[list[str], np.ndarray]:
    """Texts and vectors from the scope's own clusters, none of them stored."""
    asked = [" ".join(text.split()[:6]) for text in texts(words(), QUERIES, 1)]
    return asked, unit_vectors(QUERIES + 1, 2)


def load(folder: Path, chunks: int) -> None:
    """Store the scope, without a Chroma at work."""
    Garden.open(folder, embedder=f"hashing:{DIMENSION}").close()
    with Garden.open(folder, chroma=None) as garden:
        stored = zip(texts(words(), chunks, 0), range(chunks), strict=True)
        vectors = unit_vectors(chunks, 2)
        scope, name = garden.scope("one"), garden.embedder.name
        scope.add_many(({"text": text, "id": str(n)} for text, n in stored), vectors=vectors, embedder=name)


def ask(folder: Path, way: str, chunks: int) -> dict[str, object]:
    """In this new process: wait until the scope is searched that way, then time queries and write down the answers."""
    began = time.perf_counter()
    limit = 2 * chunks + 1 if way == "exact" else chunks
    result: dict[str, object] = {}
    with Garden.open(folder, chroma=None if way == "exact" else "auto", exact_limit=limit) as garden:
        if way == "chroma":
            garden.flush(PATIENCE)
            while garden.health().large.get(("one",)) != "chroma":
                time.sleep(0.5)
            garden.flush(PATIENCE)
            result["built_s"] = round(time.perf_counter() - began, 1)
        scope, name = garden.scope("one"), garden.embedder.name
        asked, vectors = queries()
        began = time.perf_counter()
        scope.search(asked[0], vector=vectors[0], embedder=name)
        result["first_ms"] = round((time.perf_counter() - began) * 1000, 1)
        found: dict[str, list[list[str]]] = {}
        for mode in CLIENT:
            seconds, found[mode] = [], []
            for text, vector in zip(asked, vectors[1:], strict=True):
                began = time.perf_counter()
                hits = scope.search(text, k=K, mode=mode, vector=vector, embedder=name)  # type: ignore[arg-type]
                seconds.append(time.perf_counter() - began)
                found[mode].append([hit.id for hit in hits])
            result[mode] = timings(seconds)
        if way == "chroma":
            result["while_adding"] = beside(garden, lambda n: add_one(garden, n))
            result["while_loading"] = beside(garden, lambda n: add_many(garden, n))
        _, index_bytes = garden._parts.pool.stats()
        result["index_mb"] = round(index_bytes / 2**20, 1)
        result["resident_mb"] = resident()
        if way == "chroma":
            owner = garden._parts.mirror._child  # type: ignore[union-attr]
            result["resident_of_owner_mb"] = 0.0 if owner is None else resident(owner.pid)
    (folder / f"{way}.json").write_text(json.dumps(found))
    return result


def beside(garden: Garden, write: Callable[[int], None]) -> dict[str, float]:
    """Times of dense queries while a thread writes; `write(n)` is called for 0, 1, ... and takes its own time."""
    stop, scope, name = threading.Event(), garden.scope("one"), garden.embedder.name
    _, vectors = queries()

    def work() -> None:
        written = itertools.count()
        while not stop.is_set():
            write(next(written))

    writer = threading.Thread(target=work)
    writer.start()
    seconds, end = [], time.perf_counter() + SECONDS
    while (began := time.perf_counter()) < end:
        scope.search("x", k=K, mode="dense", vector=vectors[len(seconds) % QUERIES], embedder=name)
        seconds.append(time.perf_counter() - began)
        time.sleep(max(0.0, BETWEEN - seconds[-1]))
    stop.set()
    writer.join()
    found = timings(seconds) | {"p99_ms": round(statistics.quantiles(seconds, n=100)[-1] * 1000, 3)}
    began = time.perf_counter()
    garden.flush(PATIENCE)
    return found | {"flushed_after_s": round(time.perf_counter() - began, 1)}


def add_one(garden: Garden, n: int) -> None:
    """One memory more in the scope, at a rate of `RATE`."""
    began = time.perf_counter()
    garden.scope("one").add(f"added {n}", vector=unit_vectors(1, 1000 + n)[0], embedder=garden.embedder.name)
    time.sleep(max(0.0, 1 / RATE - (time.perf_counter() - began)))


def add_many(garden: Garden, n: int) -> None:
    """A thousand memories more in another scope, twice a second."""
    texts_ = [f"loaded {n}"] * 1000
    garden.scope("two").add_many(texts_, vectors=unit_vectors(1000, 9000 + n), embedder=garden.embedder.name)
    time.sleep(0.5)


def lexical_leg(folder: Path, chunks: int) -> dict[str, object]:
    """Load, as a scope of its own collection, and ask in words: no vector is read."""
    with Garden.open(folder, embedder=f"hashing:{NARROW}", chroma=None) as garden:
        scope, name, vocabulary = garden.scope("one"), garden.embedder.name, words()
        vectors = unit_vectors(LOADED, 2)[:, :NARROW]
        vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
        for first in range(0, chunks, LOADED):
            count = min(LOADED, chunks - first)
            scope.add_many(texts(vocabulary, count, first), vectors=vectors[:count], embedder=name)
        garden.reindex()
        garden._parts.outbox.rebalance(chunks)  # type: ignore[attr-defined]
    command = [sys.executable, "-m", "benchmarks.large", "--ask", "lexical", "--folder", str(folder)]
    found: dict[str, object] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def ask_in_words(folder: Path) -> dict[str, object]:
    """In this new process: the first queries of the lexical leg, which load and sort it, then its size and more."""
    with Garden.open(folder, chroma=NO_SERVER) as garden:
        scope, (asked, _) = garden.scope("one"), queries()
        before, result = resident(), dict[str, object]()
        for name in ("first", "second"):
            began, worked = time.perf_counter(), time.process_time()
            scope.search(asked[0], k=K, mode="lexical")
            result[f"{name}_ms"] = round((time.perf_counter() - began) * 1000, 1)
            result[f"{name}_cpu_ms"] = round((time.process_time() - worked) * 1000, 1)  # whatever else the machine does
        seconds = []
        for text in asked:
            began = time.perf_counter()
            scope.search(text, k=K, mode="lexical")
            seconds.append(time.perf_counter() - began)
        _, index_bytes = garden._parts.pool.stats()
        own: dict[str, object] = {
            "index_mb": round(index_bytes / 2**20, 1),
            "resident_mb": round(resident() - before, 1),
            "resident_peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before, 1),
        }
        return result | timings(seconds) | own


def recall(folder: Path) -> dict[str, float]:
    """The share of the exact answers that Chroma's hold."""
    exact, through = (json.loads((folder / f"{way}.json").read_text()) for way in ("exact", "chroma"))
    return {
        mode: round(
            sum(len({*a} & {*b}) for a, b in zip(exact[mode], through[mode], strict=True)) / (K * QUERIES),
            4,
        )
        for mode in CLIENT
    }


def main() -> None:
    """Load, ask both ways, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--words", type=int, help="load the lexical leg of a scope of so many chunks instead")
    parser.add_argument("--ask", choices=["exact", "chroma", "lexical"], help="for the benchmark's own use")
    options = parser.parse_args()
    if options.ask:
        lexical = options.ask == "lexical"
        print(json.dumps(ask_in_words(options.folder) if lexical else ask(options.folder, options.ask, options.chunks)))
        return
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary) / "garden"
        if options.words:
            print(json.dumps({"machine": machine, "chunks": options.words} | lexical_leg(folder, options.words)))
            return
        load(folder, options.chunks)
        result: dict[str, object] = {
            "machine": machine,
            "chromadb": version("chromadb"),
            "chunks": options.chunks,
            "dimension": DIMENSION,
        }
        for way in ("exact", "chroma"):
            command = [sys.executable, "-m", "benchmarks.large", "--ask", way, "--folder", str(folder)]
            command += ["--chunks", str(options.chunks)]
            result[way] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        result["recall_at_10"] = recall(folder)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
