"""A proposal in words, and as JSON."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

from memgarden.evaluate.configuration import Configuration
from memgarden.evaluate.encode import configuration_object, interval_object
from memgarden.evaluate.table import interval_text
from memgarden.evaluate.tuning import Proposal

__all__ = ["proposal_object", "proposal_text"]


def proposal_text(proposal: Proposal) -> str:
    """What held-out questions say of tuning, how steady the choice was, and what to do."""
    parts = f"each of {len(proposal.folds)} {'scopes' if proposal.by == 'scopes' else 'parts of the questions'}"
    chosen = Counter(_settings(fold.chosen, proposal) for fold in proposal.folds)
    return "\n".join(
        [
            f"{proposal.dataset.name}: {len(proposal.dataset.questions):,} questions; {parts} was answered with "
            "settings chosen on the others",
            "",
            f"{proposal.metric}, held out",
            f"  {proposal.current.name:<10}{interval_text(proposal.figure)}",
            f"  {'tuned':<10}{interval_text(proposal.tuned)}",
            f"  {'gain':<10}{interval_text(proposal.gain, signed=True)}",
            "",
            "chosen     " + "; ".join(f"{settings} ({times}x)" for settings, times in chosen.most_common()),
            "",
            _verdict(proposal),
        ]
    )


def proposal_object(proposal: Proposal) -> dict[str, Any]:
    """All of a proposal; figures are from 0 to 1, and all of them from held-out questions."""
    return {
        "dataset": proposal.dataset.name,
        "questions": len(proposal.dataset.questions),
        "metric": proposal.metric,
        "held_out": proposal.by,
        "current": configuration_object(proposal.current),
        "best": configuration_object(proposal.best),
        "real": proposal.real,
        "figures": {
            "current": interval_object(proposal.figure),
            "tuned": interval_object(proposal.tuned),
            "gain": interval_object(proposal.gain),
        },
        "folds": [dataclasses.asdict(fold) | {"chosen": configuration_object(fold.chosen)} for fold in proposal.folds],
    }


def _verdict(proposal: Proposal) -> str:
    best = _settings(proposal.best, proposal)
    if proposal.best == proposal.current:
        return f"Keep what you have: nothing that was tried is better than {proposal.current.name}."
    if not proposal.real:
        where = "is below" if proposal.gain.high < 0 else "includes"
        return (
            f"Keep what you have: all questions together would choose {best}, but the gain is not real "
            f"(its interval {where} 0)."
        )
    return f"Use {best}: the gain is real (its interval is above 0)."


def _settings(one: Configuration, proposal: Proposal) -> str:
    return proposal.current.name if one == proposal.current else one.name
