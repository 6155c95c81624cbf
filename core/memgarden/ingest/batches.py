"""Cuts a stream of memories into batches, each of which becomes one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from memgarden.errors import InvalidMemory
from memgarden.ingest.validate import to_memory
from memgarden.records import Memory

__all__ = ["MAX_BATCH_CHARACTERS", "TURNS_PER_BATCH", "batches"]

TURNS_PER_BATCH = 128  # about two seconds of embedding on two cores
MAX_BATCH_CHARACTERS = 8_000_000  # so that a batch of books takes no more memory than one of notes


def batches(
    items: Iterable[str | Memory | Mapping[str, Any]], size: int, stored_at: datetime
) -> Iterator[tuple[int, list[Memory]]]:
    """Checked memories, at most `size` together, each batch with the number of its first item.

    `InvalidMemory` says which item was at fault and how many before it were handed out, which is how many are stored.
    """
    first, batch, characters = 0, list[Memory](), 0
    for number, item in enumerate(items):
        try:
            memory = to_memory(item)
        except InvalidMemory as error:
            before = f"the {first} before number {first} were stored" if first else "nothing was stored"
            raise InvalidMemory(f"item {number}: {error} ({before})") from error
        if batch and (len(batch) >= size or characters + len(memory.text) > MAX_BATCH_CHARACTERS):
            yield first, batch
            first, batch, characters = number, [], 0
        batch.append(replace(memory, stored_at=stored_at))
        characters += len(memory.text)
    if batch:
        yield first, batch
