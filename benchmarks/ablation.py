"""What each mechanism is worth: `python -m benchmarks.ablation [SET ...]`.

The default settings, and each mechanism left out in turn, on every set; at the end what is not in the default. A text
is embedded once for all of them. With `--plateau` each weight is halved and doubled instead. Prints nDCG@10, and R@10
in brackets, as differences from the default; writes `results/ablation.md` and `.json`, or `plateau`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from benchmarks.quality import RESULTS, about_sets
from benchmarks.speed import machine
from memgarden import Signals
from memgarden.embed.onnx import OnnxEmbedder
from memgarden.evaluate import Configuration, Report, evaluate, read_beir
from memgarden.protocols import Tokens
from memgarden.records import Floats


class Remembering:
    """The default model, asked once for each text whatever garden asks."""

    def __init__(self) -> None:
        self._model = OnnxEmbedder()
        self._known: dict[str, Floats] = {}
        self.name, self.dimension, self.window = self._model.name, self._model.dimension, self._model.window

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Floats:
        """As the model does, which treats queries as any other text."""
        fresh = [text for text in dict.fromkeys(texts) if text not in self._known]
        if fresh:
            self._known |= zip(fresh, self._model.embed(fresh), strict=True)
        return np.stack([self._known[text] for text in texts])

    def token_states(self, texts: Sequence[str], *, query: bool = False) -> Sequence[Tokens]:
        """As the model does."""
        return self._model.token_states(texts, query=query)


OFF: dict[str, dict[str, object]] = {
    "default": {},
    "lexical leg alone": {"mode": "lexical"},
    "dense leg alone": {"mode": "dense"},
    "reciprocal ranks, not z-scores": {"fusion": "rrf"},
    "no stemming": {"language": "none"},
    "plain chunks": {"chunker": "plain"},
    "chunks without headings and titles": {"headings": False},
    "nothing for what resembles the best": {"signals": Signals(cluster=0)},
    "no signal of conversations": {
        "signals": Signals(
            heading=False, window=0, previous=0, following=0, names=False, session=0, speaker=0, stated=0
        )
    },
    "turns without date and speaker": {"signals": Signals(heading=False)},
    "vectors without window": {"signals": Signals(window=0)},
    "no neighbours": {"signals": Signals(previous=0, following=0)},
    "names in the embedded query": {"signals": Signals(names=False)},
    "no session": {"signals": Signals(session=0)},
    "no named speaker": {"signals": Signals(speaker=0)},
    "no stated words": {"signals": Signals(stated=0)},
}
MORE: dict[str, dict[str, object]] = {
    "with maxsim": {"reranker": "maxsim"},
    "with memory": {"reranker": "memory"},
    "with prf": {"expander": "prf"},
    "with templates": {"expander": "templates"},
    "without times": {"times": False},
    "phrases left to the ranking": {"phrases": False},
}


PLATEAU: dict[str, dict[str, object]] = {
    f"{name} {word}": {"signals": Signals(**{name: by * getattr(Signals(), name)})}
    for name in ("cluster", "window", "previous", "following", "session", "speaker", "stated")
    for word, by in (("halved", 0.5), ("doubled", 2))
}


def table(reports: dict[str, Report], names: Sequence[str]) -> str:
    """A Markdown table: a row a mechanism, a column a set."""
    lines = [f"| | {' | '.join(reports)} |", f"|---|{'---|' * len(reports)}"]
    for n, name in enumerate(names):
        cells = []
        for report in reports.values():
            found = report.figures if n == 0 else report.differences
            figures = {key: 100 * own.value for key, own in found(report.outcomes[n]).items()}
            sign = "" if n == 0 else "+"
            cells.append(f"{figures['nDCG@10']:{sign}.1f} ({figures['R@10']:{sign}.1f})")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def figures(report: Report) -> dict[str, dict[str, float]]:
    """Every configuration's figures in per cent."""
    return {
        one.configuration.name: {name: round(100 * own.value, 2) for name, own in report.figures(one).items()}
        for one in report.outcomes
    }


def main() -> None:
    """Evaluate all of it on the sets named, or on all."""
    parser = about_sets(__doc__)
    parser.add_argument("--plateau", action="store_true", help="halve and double the signals' weights instead")
    args = parser.parse_args()
    name = "plateau" if args.plateau else "ablation"
    asked = {"default": {}, **PLATEAU} if args.plateau else OFF | MORE
    embedder = Remembering()
    configurations = [
        Configuration(name, {"embedder": embedder, "rerank_bytes": 2**30, **settings})
        for name, settings in asked.items()
    ]
    reports = {one: evaluate(read_beir(args.data / one), configurations) for one in args.sets}
    text = table(reports, list(asked))
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text + "\n")
    found = {"machine": machine(), "sets": {one: figures(report) for one, report in reports.items()}}
    (RESULTS / f"{name}.json").write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
