"""Every benchmark of speed in one run, as `make bench` runs them: `python -m benchmarks [NAME ...]`.

Each is a process of its own, so that no one's memory or threads weigh on the next. Prints what each prints, and writes
it to `results/`. `compare` takes half an hour, most of it loading the others.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from benchmarks.speed import machine

RESULTS = Path(__file__).parent / "results"
NAMES = {
    "speed": "100 users × 1,000 memories: load, cold and warm queries, adds, memory, disk",
    "growth": "10, 100 and 1,000 users × 100 memories: how queries and adds grow",
    "profiles": "conversations, maxsim, and the query's embedding beside the plain query",
    "adapters": "the frameworks' adapters over the core, and a chat's memory beside the usual composition",
    "large": "one scope of 100,000 chunks: exact, and through Chroma with its recall",
    "upkeep": "duplicates found and merged, archives, and what others notice of it",
    "lifecycle": "what merging duplicates and summarising does to answers",
    "compare": "the same work by others, each in an environment of its own",
}


def main() -> None:
    """Run the benchmarks that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(NAMES), metavar="NAME", help=", ".join(NAMES))
    names = parser.parse_args().names
    if unknown := set(names) - NAMES.keys():
        raise SystemExit(f"no benchmark is called {', '.join(sorted(unknown))}: there are {', '.join(NAMES)}")
    RESULTS.mkdir(exist_ok=True)
    print(json.dumps(machine(), indent=2), flush=True)
    for name in names:
        print(f"\n## {name}: {NAMES[name]}\n", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}"], stdout=subprocess.PIPE, text=True, check=False
        )
        print(done.stdout, flush=True)
        if done.returncode:
            raise SystemExit(f"{name} failed")
        (RESULTS / f"{name}.txt").write_text(done.stdout)


if __name__ == "__main__":
    main()
