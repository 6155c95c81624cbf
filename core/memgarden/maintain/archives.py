"""What is done with archives: something is found in them, comes back from them, expires or is forgotten there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from memgarden.erasure import Copies, Task
from memgarden.errors import Conflict, MemgardenError, MemoryNotFound, StorageError
from memgarden.maintain.applying import archives_of, rested
from memgarden.maintain.archive import (
    Archive,
    damaged_manifests,
    drop_archive,
    folder_of,
    list_archives,
    read_archive,
    remove_leftovers,
    rewrite_archive,
    settle_archive,
)
from memgarden.maintain.lines import Line
from memgarden.maintain.plan import AT_ONCE, CHUNKS_AT_ONCE, cut
from memgarden.maintain.settling import settle
from memgarden.maintain.summaries import ORIGINALS
from memgarden.parts import Parts
from memgarden.records import Entry, Memory, ScopePath, utc_now
from memgarden.upkeep import Cause

__all__ = ["Restored", "entry_of", "erase_archived", "originals", "restore", "sweep_archives"]

ELSEWHERE = (
    "there are archives of the garden in {place!r} too, which may hold it: open it with archives= there, forget again"
)
LEFT = (
    "the archive {name} may hold something of it and could not be rewritten ({error}): delete its files, or mend them"
)


@dataclass(slots=True)
class Restored:
    """What came back: how many memories, and by id why others did not."""

    restored: int = 0
    refused: dict[str, str] = field(default_factory=dict)


def restore(parts: Parts, name: str, ids: Collection[str] | None) -> Restored:
    """Bring the memories of an archive back, or those of these ids; what came back is in the archive no more.

    Where all that a summary told is back, the summary goes. A memory that was stored anew under its old id stays as it
    is, and the old one in the archive. `StorageError` if there is no such archive, or it is damaged.
    """
    folder = archives_of(parts)
    parts.shift.renew()
    archive = _named(folder, name)
    wanted = None if ids is None else frozenset(ids)
    done = Restored()
    lines = [line for line in read_archive(folder, archive) if wanted is None or line.memory.id in wanted]
    settle_archive(folder, archive, settled=False)  # until the end some of it is in both places
    for part in cut(lines, (lambda _: 1, AT_ONCE), (lambda line: len(line.spans), CHUNKS_AT_ONCE)):
        parts.shift.renew()
        _bring_back(parts, part, archive, done)
    parts.wrote()
    settle(parts, folder, archive)
    for missing in (wanted or frozenset()) - {line.memory.id for line in lines}:
        done.refused[missing] = "it is not in this archive"
    return done


def originals(parts: Parts, path: ScopePath, id: str) -> list[Memory]:
    """The memories that a summary tells, oldest first, wherever they are: in its archive or back in the garden.

    `MemoryNotFound` if there is no such summary; `StorageError` if something that it tells is nowhere.
    """
    now = utc_now()
    summary = parts.source.get(path, id, now)
    wanted = None if summary is None else summary.metadata.get(ORIGINALS)
    if summary is None or not isinstance(wanted, list):
        raise MemoryNotFound(
            f"the scope holds no summary {id!r}: see them with scope.list(where={{'kind': 'summary'}})"
        )
    found: dict[str, Memory] = {}
    folder = archives_of(parts)
    for archive in list_archives(folder, path):
        if archive.name == summary.metadata.get("archive"):
            lines = read_archive(folder, archive)
            found = {line.memory.id: line.memory for line in lines if line.memory.id in wanted}
    for key in wanted:
        if key not in found and (living := parts.source.get(path, key, now)) is not None:
            found[key] = living
    if missing := [key for key in wanted if key not in found]:
        raise StorageError(
            f"{len(missing)} of the {len(wanted)} memories that {id!r} tells are neither in its archive nor in the "
            "garden: an export or a copy without archives has the summary alone"
        )
    return sorted(found.values(), key=lambda memory: (memory.created_at, memory.id))


def sweep_archives(parts: Parts, prefix: ScopePath, now: datetime, *, apply: bool = True) -> int:
    """Delete what has expired in archives of the scopes at and below `prefix`; how many memories there were.

    Without `apply` they are counted and stay.
    """
    if parts.archives is None:
        return 0
    swept = 0
    for archive in list_archives(parts.archives):
        if archive.scope[: len(prefix)] != prefix:
            continue
        if not archive.settled or archive.expires_at is None or archive.expires_at > now:
            continue
        if not apply:
            swept += sum(line.memory.has_expired(now) for line in read_archive(parts.archives, archive))
        else:
            left = rewrite_archive(parts.archives, archive, lambda line: not line.memory.has_expired(now))
            swept += archive.count - (0 if left is None else left.count)
    return swept


def erase_archived(folder: Path | None, task: Task, elsewhere: Sequence[str] = ()) -> Copies:
    """Delete from the archives that are as old as the task what it forgets, and all files that no manifest names.

    For whoever has the shift. What is damaged and may hold something of it is named in the notes, and left; so are
    other folders with archives of the garden, which are not this opening's.
    """
    erased, began = 0, task.bounds.began
    notes = [ELSEWHERE.format(place=place) for place in elsewhere]
    if folder is None:
        return Copies(0, tuple(notes))
    for archive in list_archives(folder):
        if not _reaches(task, archive.scope) or (began is not None and archive.made_at > began):
            continue
        try:
            erased += _erase(folder, archive, task)
        except MemgardenError as error:
            notes.append(LEFT.format(name=archive.name, error=error))
    own = folder_of(task.path)
    for name, wrong in damaged_manifests(folder).items():
        if task.ids is None or name.startswith(f"{own}/"):  # of another folder nobody knows whose it is
            notes.append(LEFT.format(name=name, error=wrong))
    remove_leftovers(folder, age=0)
    return Copies(erased, tuple(notes))


def _reaches(task: Task, path: ScopePath) -> bool:
    return path == task.path if task.ids is not None else path[: len(task.path)] == task.path


def _erase(folder: Path, archive: Archive, task: Task) -> int:
    if task.ids is None:
        drop_archive(folder, archive)
        return archive.count
    gone = frozenset(task.ids)
    left = rewrite_archive(folder, archive, lambda line: line.memory.id not in gone)
    return archive.count - (0 if left is None else left.count)


def _named(folder: Path, name: str) -> Archive:
    for archive in list_archives(folder):
        if archive.name == name:
            return archive
    raise StorageError(f"there is no archive {name!r}: garden.archives() and `memgarden archives` list them")


def _bring_back(parts: Parts, lines: Sequence[Line], archive: Archive, done: Restored) -> None:
    """Memories of one scope, in one transaction; those whose id is held, by whatever, are refused."""
    now = utc_now()
    entries: list[Entry] = []
    for line in lines:
        held = parts.source.version(line.path, line.memory.id)
        if line.memory.has_expired(now):
            done.refused[line.memory.id] = "it has expired"
        elif held is None:
            entries.append(entry_of(parts, line, archive))
        elif held[1] != line.memory:
            done.refused[line.memory.id] = "the scope holds another memory of this id: delete or rename that first"
    if not entries:
        return

    def write() -> int:
        cause = Cause("restored", {"archive": archive.name, "from": archive.cause}, parts.shift.token)
        parts.sink.put(archive.scope, entries, {}, cause=cause)
        return len(entries)

    try:
        done.restored += rested(write)
    except Conflict:  # somebody stored one of them in between
        _bring_back(parts, lines, archive, done)


def entry_of(parts: Parts, line: Line, archive: Archive) -> Entry:
    """The memory of a line, ready to be stored: with its own vectors if they are of the garden's space."""
    embedder = parts.preparer.embedder
    if line.vectors is not None and (archive.embedder, archive.dimension) == (embedder.name, embedder.dimension):
        return parts.preparer.restored(line.memory, line.spans, line.vectors)
    return parts.preparer.entries([line.memory], lambda session, one: parts.source.before(line.path, session, one))[0]
