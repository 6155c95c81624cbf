"""Waiting for Chroma, with a bar."""

from __future__ import annotations

import math

from memgarden.cli.display import progress
from memgarden.errors import ChromaError
from memgarden.garden import Garden

__all__ = ["wait_for_chroma"]

LOOK = 1.0
"""Seconds between looks at what is left."""


def wait_for_chroma(garden: Garden, most: float = math.inf) -> None:
    """Wait until Chroma has everything, at most `most` seconds; `ChromaError` if it fails or is not done by then."""
    total = garden.health().outbox
    with progress() as bar:
        task = bar.add_task("Chroma", total=total)
        waited = 0.0
        while True:
            try:
                garden.flush(LOOK)
                return
            except ChromaError:
                health = garden.health()
                waited += LOOK
                if health.chroma == "failing" or waited >= most:
                    raise
                bar.update(task, completed=max(0, total - health.outbox))
