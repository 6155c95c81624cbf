"""What is said of an ingestion, while it goes on and when it is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["IngestProgress", "Ingested", "NotStored"]


@dataclass(frozen=True, slots=True)
class IngestProgress:
    """How far an ingestion is: conversations stored whole and not, turns stored, turns that were there already."""

    conversations: int
    failed: int
    stored: int
    skipped: int


@dataclass(frozen=True, slots=True)
class NotStored:
    """A conversation that is not stored whole, by its number in the stream from 0, and why.

    The first `turns` of its turns are stored. `scope` and `session_id` are as they were handed in, None for none.
    """

    number: int
    scope: Any
    session_id: Any
    reason: str
    turns: int = 0


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of a stream: conversations that are stored whole, turns stored now and turns that were there.

    `failed` names every conversation that is not stored whole.
    """

    conversations: int
    stored: int
    skipped: int
    failed: tuple[NotStored, ...]

    @property
    def ok(self) -> bool:
        """Every conversation is stored whole."""
        return not self.failed
