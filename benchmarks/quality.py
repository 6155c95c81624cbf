"""How well the default settings find what is relevant: `python -m benchmarks.quality [SET ...]`.

Each set is imported as `memgarden import` does it and asked with the defaults; the reference scorer beside the data
prints the figures. A set whose documents carry a `user_id` is one scope a user, and each query is asked in its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from memgarden import Garden, Memory
from memgarden.ingest.readers import read

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SETS = ("locomo-dev", "scifact", "cranfield", "xquad-en")
DEPTH = 100


def run(name: str, garden: Garden, out: Path) -> None:
    """Import one set, ask its queries and write a run for the scorer."""
    scopes: dict[str, list[Memory]] = defaultdict(list)
    for memory in read(DATA / name, "beir", lambda empty: print(f"{name}: document {empty} has no text")):
        scopes[str(memory.metadata.get("user_id", name))].append(memory)
    queries: dict[str, list[dict[str, str]]] = defaultdict(list)
    for line in (DATA / name / "queries.jsonl").read_text().splitlines():
        query = json.loads(line)
        queries[str(query["metadata"].get("user_id", name))].append(query)
    with out.open("w") as file:
        for user, memories in scopes.items():
            scope = garden.scope(user)
            scope.add_many(memories)
            answers = scope.search_many([query["text"] for query in queries[user]], k=DEPTH)
            for query, hits in zip(queries[user], answers, strict=True):
                for place, hit in enumerate(hits):
                    # The rank, not the score: the scorer breaks ties by its own rule.
                    file.write(f"{query['_id']}\t{hit.id}\t{DEPTH - place}\n")


def main() -> None:
    """Score the sets named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", default=SETS)
    parser.add_argument("--embedder", default="onnx")
    args = parser.parse_args()
    if not DATA.exists():
        raise SystemExit(f"the evaluation sets are not at {DATA}")
    for name in args.sets:
        with tempfile.TemporaryDirectory() as folder:
            with Garden.open(folder, chroma=None, embedder=args.embedder) as garden:
                run(name, garden, Path(folder) / "run.tsv")
            command = [sys.executable, str(DATA / "score.py"), str(DATA / name), f"{folder}/run.tsv"]
            print(
                f"{name:<12}",
                subprocess.run(command, check=True, capture_output=True, text=True).stdout,
                end="",
                flush=True,
            )


if __name__ == "__main__":
    main()
