"""How memories are changed: read, made anew, and written if nobody else changed them in between."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from memgarden.asking import MAX_ATTEMPTS
from memgarden.errors import Conflict, GardenBusy, InvalidMemory
from memgarden.ingest.prepare import Before
from memgarden.ingest.validate import check_memory, is_storable
from memgarden.parts import Parts
from memgarden.records import RECORD, Entry, Memory, ScopePath, utc_now

__all__ = ["Make", "rewrite"]

Make = Callable[[str, Memory | None], Memory | None]
"""Makes the memory of an id of the one that there is; None leaves it as it is."""


def rewrite(parts: Parts, path: ScopePath, ids: Iterable[str], make: Make, before: Before) -> list[Memory]:
    """What `make` made of the memories of these ids, stored in one transaction."""
    wanted = list(dict.fromkeys(ids))
    for _ in range(MAX_ATTEMPTS):
        versions, entries = _made(parts, path, wanted, make, before)
        if not entries:
            return []
        try:
            parts.sink.put(path, entries, expect=versions)
        except Conflict:
            continue
        parts.wrote()
        return [entry.memory for entry in entries]
    raise GardenBusy(f"others changed what was to be changed here {MAX_ATTEMPTS} times meanwhile: try again")


def _made(
    parts: Parts, path: ScopePath, ids: Iterable[str], make: Make, before: Before
) -> tuple[dict[str, int], list[Entry]]:
    """The versions that were read, and the entries to be written in their place."""
    now = utc_now()
    versions: dict[str, int] = {}
    kept: dict[str, Entry] = {}
    anew: list[Memory] = []
    order: list[str] = []
    for id in ids:  # noqa: A001  # as everywhere here
        found = parts.source.version(path, id) if is_storable(id) else None
        expired = found is not None and found[1].has_expired(now)
        made = make(id, None if found is None or expired else found[1])
        if made is None:
            continue
        if made.id != id:
            raise InvalidMemory(f"the memory {id!r} was to be made, not {made.id!r}")
        memory = check_memory(replace(made, stored_at=now))
        order.append(id)
        if found is not None:
            versions[id] = found[0]
        # Vectors stay while the text does, whatever becomes of its title: a caller's could not be made again.
        if found is not None and memory.text == found[1].text and (memory.kind == RECORD) is (found[1].kind == RECORD):
            kept[id] = parts.preparer.changed(memory, found[2])
        else:
            anew.append(memory)
    prepared = parts.preparer.entries(anew, before) if anew else []
    made_of = kept | {entry.memory.id: entry for entry in prepared}
    return versions, [made_of[id] for id in order]  # noqa: A001
