"""What a memory becomes when its duplicates are merged into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from memgarden.records import MERGED_FROM, Memory

__all__ = ["merged"]


def merged(stays: Memory, gone: Sequence[Memory], scores: Sequence[float], now: datetime) -> Memory:
    """The memory that stays, with all that its duplicates had: tags, the higher importance, the longer life.

    Its text and its own metadata are as they were; what only a duplicate's metadata had is added, and `merged_from` is
    added to, with id, times and cosine of each.
    """
    metadata: dict[str, Any] = {}
    if stays.kind != "turn":  # a turn's are about its own session
        for memory in gone:
            metadata |= {key: value for key, value in memory.metadata.items() if key not in metadata}
    past = _past(stays)
    for memory, score in zip(gone, scores, strict=True):
        times = {"created_at": memory.created_at, "stored_at": memory.stored_at or memory.created_at}
        told = {name: time.isoformat() for name, time in times.items()}
        past += [*_past(memory), {"id": memory.id, **told, "similarity": round(score, 4)}]
    everyone = [stays, *gone]
    ends = [memory.expires_at for memory in everyone]
    return replace(
        stays,
        metadata=metadata | {**stays.metadata, MERGED_FROM: past},
        tags=tuple(dict.fromkeys(tag for memory in everyone for tag in memory.tags)),
        importance=max(memory.importance for memory in everyone),
        expires_at=None if None in ends else max(end for end in ends if end is not None),
        stored_at=now,
    )


def _past(memory: Memory) -> list[object]:
    held = memory.metadata.get(MERGED_FROM)
    return list(held) if isinstance(held, list) else []
