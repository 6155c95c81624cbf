"""Moves memories between a garden and another store in a process that is killed, once it has imported what that takes.

Its processes are forked from one that never had a Chroma open: in a fork of one that had, Chroma hangs.
"""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from memgarden import Garden

__all__ = ["AT_HAND", "COLLECTION", "WORKS", "move", "opened"]

COLLECTION = "mem0"

# What the work imports when it needs it: else a process would be killed while it imports.
AT_HAND = (
    "chromadb.api.rust",
    "chromadb.telemetry.product.posthog",
    "memgarden.build",
    "memgarden.embed.hashing",
    "memgarden.ingest.adopt",
    "memgarden.ingest.layouts",
    "memgarden.ingest.mem0",
    "memgarden.lexical.bm25",
    "memgarden.lexical.segments",
    "memgarden.maintain.giving",
    "memgarden.retrieve.fusion.zscore",
    "numpy.ma",
    "portalocker",
    "qdrant_client",
)

WORKS: dict[str, Callable[[Garden, Path], Any]] = {
    "adopt_chroma": lambda garden, place: garden.adopt_chroma(place, COLLECTION, scope="alice"),
    "adopt_mem0 from chroma": lambda garden, place: garden.adopt_mem0(place),
    "adopt_mem0 from qdrant": lambda garden, place: garden.adopt_mem0(place),
    "give_chroma": lambda garden, place: garden.give_chroma(place, COLLECTION, scope="alice"),
}


def opened(folder: Path) -> Garden:
    """The garden of a trial."""
    return Garden.open(folder / "garden", embedder="hashing:64", chroma=None)


def move(work: str, folder: Path, told: Connection) -> None:
    """Do the work, and tell when it begins and when it is done."""
    with opened(folder) as garden:
        told.send("begin")
        WORKS[work](garden, folder / "place")
        told.send("end")
