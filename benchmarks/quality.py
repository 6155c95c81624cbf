"""How well the default settings find what is relevant: `python -m benchmarks.quality [SET ...]`.

Each set is stored and asked as `memgarden eval` does it, with the defaults: a set whose documents carry a `user_id` is
one scope a user, and each query is asked in its own. The reference scorer beside the data must agree. Where a set says
which sessions answer its queries, sessions are searched as well. Prints a table and writes `results/eval.json`,
question by question.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.speed import machine
from memgarden import Garden
from memgarden.evaluate import Configuration, Dataset, Report, evaluate, read_beir, report_object
from memgarden.evaluate.table import interval_text

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
RESULTS = Path(__file__).parent / "results"
SETS = ("locomo-dev", "scifact", "cranfield", "xquad-en")


def about_sets(description: str | None) -> argparse.ArgumentParser:
    """A parser of which sets are meant, and where they are."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=SETS)
    parser.add_argument("--data", type=_folder, default=str(DATA))
    return parser


def _folder(text: str | Path) -> Path:
    if not Path(text).exists():
        raise argparse.ArgumentTypeError(f"the evaluation sets are not at {text}")
    return Path(text)


def reference(data: Path, report: Report) -> dict[str, float]:
    """The same rankings' figures in per cent by the scorer beside the data."""
    (outcome,) = report.outcomes
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as run:
        for question, ranking in zip(report.dataset.questions, outcome.rankings, strict=True):
            for place, memory in enumerate(ranking):
                # The rank, not the score: the scorer breaks ties by its own rule.
                run.write(f"{question.id}\t{memory}\t{-place}\n")
        run.flush()
        command = [sys.executable, str(data.parent / "score.py"), str(data), run.name]
        words = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return dict(zip(words[0:8:2], map(float, words[1:8:2]), strict=True))


def row(report: Report) -> str:
    """One set's figures with their 95 % intervals, and what a question takes."""
    (outcome,) = report.outcomes
    cells = [interval_text(figure) for figure in report.figures(outcome).values()]
    times = [f"{1000 * outcome.latency(percentile):6.1f}" for percentile in (50, 95)]
    return f"{report.dataset.name:<11}{''.join(f'{cell:<20}' for cell in cells)}{''.join(times)}"


def sessions(dataset: Dataset, folder: str, judged: Path) -> str:
    """How many questions find a session that answers them among the best 5 and 10, and the share of all that do."""
    relevant: dict[str, set[str]] = {}
    for line in judged.read_text().splitlines()[1:]:
        question, session, grade = line.split("\t")
        if int(grade) > 0:
            relevant.setdefault(question, set()).add(session)
    hit, recall = [], []
    with Garden.open(folder, chroma=None) as garden:
        for question in dataset.questions:
            due = relevant[question.id]
            hits = garden.scope(*question.scope).search(question.text, k=10, group_by="session")
            found = [str(each.memory.metadata["session_id"]) for each in hits]
            hit.append(bool(due & set(found[:5])))
            recall.append(len(due & set(found)) / len(due))
    return f"hit@5 {100 * sum(hit) / len(hit):.1f}, R@10 {100 * sum(recall) / len(recall):.1f}"


def main() -> None:
    """Evaluate the sets named, or all."""
    parser = about_sets(__doc__)
    parser.add_argument("--embedder", default="onnx")
    args = parser.parse_args()
    reports = {}
    print(f"{'':<11}{'nDCG@10':<20}{'R@5':<20}{'R@10':<20}{'MRR':<20}p50 ms  p95")
    for name in args.sets:
        dataset = read_beir(args.data / name)
        with tempfile.TemporaryDirectory(prefix="memgarden-quality-") as folder:
            with Garden.open(folder, chroma=None, embedder=args.embedder) as garden:
                for path, memories in dataset.memories.items():
                    garden.scope(*path).add_many(memories)
            report = evaluate(replace(dataset, memories={}), [Configuration("default")], garden=folder)
            print(row(report), flush=True)
            if (judged := args.data / name / "qrels_session.tsv").exists():
                print(f"{'':<11}sessions: " + sessions(dataset, folder, judged), flush=True)
        ours = {metric: 100 * figure.value for metric, figure in report.figures(report.outcomes[0]).items()}
        theirs = reference(args.data / name, report)
        if any(abs(ours[metric] - theirs[metric]) > 0.051 for metric in theirs):  # it prints one decimal
            raise SystemExit(f"score.py measures otherwise: {theirs}, not {ours}")
        reports[name] = report_object(report)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "eval.json").write_text(json.dumps({"machine": machine(), "sets": reports}, indent=2))


if __name__ == "__main__":
    main()
