"""memgarden beside what people use today: `python -m benchmarks.compare [--users 100] [--memories 1000] [NAME ...]`.

Each contender is an adapter of a page in `others/`, runs in an environment of its own with pinned requirements (made
on first use under `.envs`), and gets the same texts, vectors and queries. Writes `results/compare.json`, a table and a
plot; the same table goes to standard output.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed import machine, texts, unit_vectors, words

HERE = Path(__file__).parent
OTHERS = HERE / "others"
ENVIRONMENTS = HERE / ".envs"
RESULTS = HERE / "results"
NAMES = {
    "memgarden_engine": "memgarden",
    "chroma_where": "Chroma, one collection + where (dense only)",
    "chroma_per_user": "Chroma, a collection a user (dense only)",
    "langchain_ensemble": "LangChain EnsembleRetriever (BM25 + Chroma)",
    "llamaindex_fusion": "LlamaIndex QueryFusionRetriever (BM25 + Chroma)",
    "lancedb_hybrid": "LanceDB hybrid",
    "sqlite_fts": "SQLite FTS5 + numpy",
    "mem0_direct": "mem0, infer=False (dense only)",
}
SMALL = {"mem0_direct": 20}  # users, where loading a hundred would take an hour
ROWS = {
    "load_per_s": ("bulk load, memories/s", ""),
    "open_s": ("import + open, s", ""),
    "first_query": ("first query of a user, ms", "p50_ms"),
    "warm_query": ("warm query, ms p50", "p50_ms"),
    "warm_p95": ("warm query, ms p95", "p95_ms"),
    "one_add": ("one add, ms", "p50_ms"),
    "add_then_search": ("add then search, ms", "p50_ms"),
    "resident_mb": ("resident memory, MB", ""),
    "disk_mb": ("disk, MB", ""),
}


def environment(name: str) -> Path:
    """The Python of a contender's own environment, made if it is not there."""
    if name == "memgarden_engine":
        return Path(sys.executable)
    folder = ENVIRONMENTS / name
    python = folder / "bin" / "python"
    if not (folder / ".ready").exists():
        print(f"making the environment of {name}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        requirements = OTHERS / "requirements" / f"{name}.txt"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", requirements], check=True)
        (folder / ".ready").touch()
    return python


def make_workload(folder: Path, users: int, memories: int) -> None:
    """The same for every contender."""
    vocabulary = words()
    queries = [" ".join(text.split()[:6]) for text in texts(vocabulary, 64, 1_000_001)]
    content = {
        "users": [texts(vocabulary, memories, user) for user in range(users)],
        "queries": queries,
        "fresh": texts(vocabulary, 400, 2_000_001),
    }
    (folder / "workload.json").write_text(json.dumps(content))
    np.savez(
        folder / "workload.npz",
        vectors=np.stack([unit_vectors(memories, user) for user in range(users)]),
        queries=unit_vectors(64, 1_000_001),
        fresh=unit_vectors(400, 2_000_001),
    )


def run(name: str, users: int, memories: int) -> dict[str, Any]:
    """One contender's figures, load and questions in processes of their own."""
    python = environment(name)
    with tempfile.TemporaryDirectory(prefix="memgarden-compare-") as place:
        make_workload(Path(place), users, memories)
        own = Path(place) / name
        own.mkdir()
        figures: dict[str, Any] = {"users": users, "memories_each": memories}
        for phase in ("load", "ask"):
            command = [python, OTHERS / "runner.py", name, own, phase]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(f"{name} failed in {phase}:\n{done.stderr[-3000:]}")
            figures |= json.loads(done.stdout.splitlines()[-1])
    figures["warm_p95"] = figures["warm_query"]
    return figures


def table(results: dict[str, dict[str, Any]]) -> str:
    """Markdown, a column a contender."""
    lines = ["| | " + " | ".join(NAMES[name] for name in results) + " |", "|---" * (len(results) + 1) + "|"]
    sizes = [f"{figures['users']} × {figures['memories_each']}" for figures in results.values()]
    lines.append("| users × memories | " + " | ".join(sizes) + " |")
    for key, (label, part) in ROWS.items():
        cells = [figures[key][part] if part else figures[key] for figures in results.values()]
        lines.append(f"| {label} | " + " | ".join(f"{cell:,}" for cell in cells) + " |")
    return "\n".join(lines)


def plot(results: dict[str, dict[str, Any]], target: Path) -> None:
    """Warm query, p50, on a logarithmic scale, as an SVG that needs no library."""
    bars = {name: figures["warm_query"]["p50_ms"] for name, figures in results.items()}
    low, high = np.log10(min(bars.values()) / 2), np.log10(max(bars.values()) * 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="760" height="{30 * len(bars) + 40}" font-family="sans-serif">'
    ]
    parts.append('<text x="10" y="20" font-size="14">Warm query, median ms (logarithmic)</text>')
    for place, (name, value) in enumerate(bars.items()):
        top, width = 32 + 30 * place, 300 * (np.log10(value) - low) / (high - low)
        fill = "#2e7d32" if name == "memgarden_engine" else "#90a4ae"
        parts.append(f'<text x="330" y="{top + 15}" font-size="12" text-anchor="end">{NAMES[name]}</text>')
        parts.append(f'<rect x="340" y="{top}" width="{width:.0f}" height="20" fill="{fill}"/>')
        parts.append(f'<text x="{348 + width:.0f}" y="{top + 15}" font-size="12">{value:,.2f}</text>')
    target.write_text("\n".join([*parts, "</svg>"]))


def main() -> None:
    """Run the contenders that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(NAMES))
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--memories", type=int, default=1000)
    args = parser.parse_args()
    if unknown := set(args.names) - NAMES.keys():
        raise SystemExit(f"no contender is called {', '.join(sorted(unknown))}: there are {', '.join(NAMES)}")
    results = {}
    for name in args.names:
        print(f"running {name}", file=sys.stderr)
        results[name] = run(name, min(args.users, SMALL.get(name, args.users)), args.memories)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "compare.json").write_text(json.dumps({"machine": machine(), "results": results}, indent=2))
    (RESULTS / "compare.md").write_text(table(results) + "\n")
    plot(results, RESULTS / "compare.svg")
    print(json.dumps(machine(), indent=2))
    print(table(results))


if __name__ == "__main__":
    main()
