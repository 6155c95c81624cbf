"""One scope of 100,000 chunks, searched exactly and through Chroma: `python -m benchmarks.large [--chunks 100000]`.

Vectors are given, so no model is timed, and clustered, as those of texts are. Each way runs in a process of its own,
whose memory is its own; with Chroma, that of the process which owns Chroma is told apart. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

from benchmarks.speed import DIMENSION, texts, timings, unit_vectors, words

QUERIES = 300
K = 10
PATIENCE = 3600.0
CLIENT = ("dense", "hybrid")


def resident(pid: int | str = "self") -> float:
    """MB that a process holds; where the system does not tell, 0."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0.0
    held = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return round(int(held.split()[1]) / 1024, 1)


def queries() -> tuple[list[str], np.ndarray]:
    """Texts and vectors from the scope's own clusters, none of them stored."""
    return texts(words(), QUERIES, 1), unit_vectors(QUERIES + 1, 2)


def load(folder: Path, chunks: int) -> None:
    """Store the scope, without a Chroma at work."""
    from memgarden import Garden

    Garden.open(folder, embedder=f"hashing:{DIMENSION}").close()
    with Garden.open(folder, chroma=None) as garden:
        stored = zip(texts(words(), chunks, 0), range(chunks), strict=True)
        vectors = unit_vectors(chunks, 2)
        scope, name = garden.scope("one"), garden.embedder.name
        scope.add_many(({"text": text, "id": str(n)} for text, n in stored), vectors=vectors, embedder=name)


def ask(folder: Path, way: str, chunks: int) -> dict[str, object]:
    """In this new process: wait until the scope is searched that way, then time queries and write down the answers."""
    from memgarden import Garden

    began = time.perf_counter()
    limit = 2 * chunks + 1 if way == "exact" else chunks
    result: dict[str, object] = {}
    with Garden.open(folder, chroma=None if way == "exact" else "auto", exact_limit=limit) as garden:
        if way == "chroma":
            garden.flush(PATIENCE)
            while garden.health().large.get(("one",)) != "chroma":
                time.sleep(0.5)
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
        _, index_bytes = garden._parts.pool.stats()
        result["index_mb"] = round(index_bytes / 2**20, 1)
        result["resident_mb"] = resident()
        if way == "chroma":
            owner = garden._parts.mirror._child  # type: ignore[union-attr]
            result["resident_of_owner_mb"] = 0.0 if owner is None else resident(owner.pid)
    (folder / f"{way}.json").write_text(json.dumps(found))
    return result


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
    parser.add_argument("--ask", choices=["exact", "chroma"], help="for the benchmark's own use")
    options = parser.parse_args()
    if options.ask:
        print(json.dumps(ask(options.folder, options.ask, options.chunks)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary) / "garden"
        load(folder, options.chunks)
        result: dict[str, object] = {
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
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
