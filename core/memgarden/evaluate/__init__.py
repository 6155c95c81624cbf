"""How well a garden finds what answers your questions, and which settings find more.

from memgarden.evaluate import Configuration, evaluate, read_beir, report_table

report = evaluate(read_beir("examples/data/garden-chat"), [Configuration(), Configuration("rrf", {"fusion": "rrf"})])
print(report_table(report))

It needs the extra `eval`.
"""

from __future__ import annotations

from memgarden.evaluate.advice import proposal_object, proposal_text
from memgarden.evaluate.beir import read_beir
from memgarden.evaluate.configuration import Configuration, parse_configuration
from memgarden.evaluate.dataset import Dataset, Question
from memgarden.evaluate.encode import report_object
from memgarden.evaluate.interval import Interval
from memgarden.evaluate.plot import save_plot
from memgarden.evaluate.questions import read_questions
from memgarden.evaluate.report import Outcome, Report
from memgarden.evaluate.running import evaluate
from memgarden.evaluate.table import report_table
from memgarden.evaluate.tuning import Fold, Proposal, tune

__all__ = [
    "Configuration",
    "Dataset",
    "Fold",
    "Interval",
    "Outcome",
    "Proposal",
    "Question",
    "Report",
    "evaluate",
    "parse_configuration",
    "proposal_object",
    "proposal_text",
    "read_beir",
    "read_questions",
    "report_object",
    "report_table",
    "save_plot",
    "tune",
]
