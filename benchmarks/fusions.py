"""Which fusion, and how much of the dense leg: `python -m benchmarks.fusions [SET ...]`.

Each set is stored once, with the defaults, and asked under every fusion and some weights of the dense leg (`alpha`);
one leg alone stands below for comparison. Prints nDCG@10 and R@10 of each set and their means over the sets, in per
cent, and writes `results/fusions.txt`. The default is to lie on the plateau of the means and not at its peak: with as
few sets as these, a point more or less is chance.
"""

from __future__ import annotations

import sys

import numpy as np

from benchmarks.quality import RESULTS, about_sets
from benchmarks.speed import machine
from memgarden.evaluate import Configuration, read_beir
from memgarden.evaluate.dataset import Dataset
from memgarden.evaluate.running import nobody, opened, places, rank
from memgarden.evaluate.scoring import METRICS, score
from memgarden.retrieve.fusion import FUSIONS

ALPHAS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
SHOWN = ("nDCG@10", "R@10")


def configurations(embedder: str) -> list[Configuration]:
    """Every fusion with every weight, and each leg alone."""
    hybrid = [
        Configuration(f"{fusion} {alpha}", {"embedder": embedder, "fusion": fusion, "alpha": alpha})
        for fusion in FUSIONS
        for alpha in ALPHAS
    ]
    return hybrid + [Configuration(mode, {"embedder": embedder, "mode": mode}) for mode in ("lexical", "dense")]


def measure(dataset: Dataset, asked: list[Configuration]) -> list[dict[str, float]]:
    """The metrics of each configuration in per cent, over one garden that is stored and opened once."""
    columns = [list(METRICS).index(metric) for metric in SHOWN]
    found = []
    with places(dataset, None) as place_of, opened(dataset, asked[0], place_of(asked[0]), nobody) as garden:
        for one in asked:
            means = 100 * score(dataset.questions, rank(garden, dataset, one)).mean(axis=0)
            found.append(dict(zip(SHOWN, means[columns].tolist(), strict=True)))
            print(f"{dataset.name} {one.name}", file=sys.stderr)
    return found


def table(asked: list[Configuration], by_set: dict[str, list[dict[str, float]]]) -> str:
    """A line a configuration: each set's figures and the means over the sets, the highest mean marked."""
    names = [*by_set, "mean"]
    means = [
        {metric: float(np.mean([own[place][metric] for own in by_set.values()])) for metric in SHOWN}
        for place in range(len(asked))
    ]
    best = max(range(len(asked)), key=lambda place: means[place][SHOWN[0]])
    lines = [
        f"{'':<18}" + "".join(f"{name:<16}" for name in names),
        f"{'fusion alpha':<18}" + "".join("".join(f"{metric:<8}" for metric in SHOWN) for _ in names),
    ]
    for place, one in enumerate(asked):
        cells = [own[place] for own in (*by_set.values(), means)]
        figures = "".join(f"{cell[metric]:<8.1f}" for cell in cells for metric in SHOWN)
        lines.append(f"{one.name:<18}{figures}{'<' if place == best else ''}".rstrip())
    return "\n".join(lines)


def main() -> None:
    """Compare on the sets named, or on all."""
    parser = about_sets(__doc__)
    parser.add_argument("--embedder", default="onnx")
    args = parser.parse_args()
    asked = configurations(args.embedder)
    shown = table(asked, {name: measure(read_beir(args.data / name), asked) for name in args.sets})
    text = f"{shown}\n\n{machine()}\npython -m benchmarks.fusions {' '.join(args.sets)}\n"
    print(text, end="")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "fusions.txt").write_text(text)


if __name__ == "__main__":
    main()
