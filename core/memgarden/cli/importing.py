"""Cuts a stream of memories of many scopes into batches of one scope each, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from memgarden.errors import InvalidMemory
from memgarden.records import Memory, ScopePath

__all__ = ["count_lines", "grouped", "namer"]

BATCH = 512
"""Memories of one scope that are stored together: four of the transactions that `Scope.add_many` makes."""

MOST_HELD = 4096
"""Memories held back, over all scopes, to make batches of."""

MOST_CHARACTERS = 8_000_000
"""Characters held back: a few books."""


def namer(labels: tuple[str, ...], key: str | None) -> Callable[[Memory], ScopePath]:
    """Which scope a memory goes to: `labels`, and below it what its metadata holds under `key`, if one is given."""

    def name(memory: Memory) -> ScopePath:
        if key is None:
            return labels
        value = memory.metadata.get(key)
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise InvalidMemory(
                f"the metadata of {memory.id!r} holds no string or whole number under {key!r}, so it has no scope: "
                "mend it, or import it apart with --user"
            )
        return (*labels, str(value))

    return name


def grouped(
    memories: Iterable[Memory],
    name: Callable[[Memory], ScopePath],
    *,
    batch: int = BATCH,
    most: int = MOST_HELD,
    most_characters: int = MOST_CHARACTERS,
) -> Iterator[tuple[ScopePath, list[Memory]]]:
    """Every memory once, in batches of one scope, in the order in which that scope's memories came."""
    held: dict[ScopePath, list[Memory]] = {}
    count = characters = 0
    for memory in memories:
        path = name(memory)
        held.setdefault(path, []).append(memory)
        count += 1
        characters += len(memory.text)
        if len(held[path]) >= batch:
            full = held.pop(path)
            count -= len(full)
            characters -= sum(len(one.text) for one in full)
            yield path, full
        elif count >= most or characters >= most_characters:
            yield from held.items()
            held, count, characters = {}, 0, 0
    yield from held.items()


def count_lines(path: Path) -> int | None:
    """Lines of a file of JSON lines, or of the one in a BEIR folder: how long a bar is. None for other folders."""
    file = path / "corpus.jsonl" if path.is_dir() else path
    if not file.exists():
        return None
    with file.open("rb") as stream:
        return sum(block.count(b"\n") for block in iter(lambda: stream.read(2**20), b""))
