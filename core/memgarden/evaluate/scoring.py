"""How good rankings are, question by question: trec_eval's measures, through pytrec_eval.

Van Gysel, de Rijke 2018, "Pytrec_eval: An Extremely Fast Python Interface to trec_eval", SIGIR. nDCG has linear gains:
Järvelin, Kekäläinen 2002, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20(4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from memgarden.evaluate.dataset import Question
from memgarden.registry import require

__all__ = ["DEPTH", "METRICS", "Scores", "library", "score"]

Scores = npt.NDArray[np.float64]

METRICS = {"nDCG@10": "ndcg_cut_10", "R@5": "recall_5", "R@10": "recall_10", "MRR": "recip_rank"}
"""What is measured, and trec_eval's name for it."""

DEPTH = 100
"""How far down the list a first relevant memory counts for MRR, as is usual."""


def library() -> Any:
    """pytrec_eval; `MissingExtra` without it."""
    return require("pytrec_eval", "eval")


def score(questions: Sequence[Question], rankings: Sequence[Sequence[str]]) -> Scores:
    """`(questions, metrics)` from 0 to 1, from the ids found for each question, best first; none found is 0."""
    relevant = {str(place): dict(question.relevant) for place, question in enumerate(questions)}
    # trec_eval orders by score and breaks ties its own way: the rank, turned round, has none.
    found = {
        str(place): {memory: float(-rank) for rank, memory in enumerate(dict.fromkeys(ids[:DEPTH]))}
        for place, ids in enumerate(rankings)
    }
    measured = library().RelevanceEvaluator(relevant, set(METRICS.values())).evaluate(found)
    return np.array([[measured[str(place)][name] for name in METRICS.values()] for place in range(len(questions))])
