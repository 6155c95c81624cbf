"""What a run that was cut off left is finished: archives hold what has left the garden, and nothing that has not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from memgarden.errors import StorageError
from memgarden.maintain.archive import Archive, damaged_manifests, list_archives, read_archive, rewrite_archive
from memgarden.maintain.lines import Line
from memgarden.maintain.summaries import ORIGINALS
from memgarden.parts import Parts
from memgarden.records import ScopePath, utc_now
from memgarden.upkeep import Cause

__all__ = ["settle", "settle_all"]


def settle_all(parts: Parts, folder: Path) -> dict[str, str]:
    """Settle the archives that are not; by the names of those that are damaged, what is wrong with them."""
    damaged = damaged_manifests(folder)
    for archive in list_archives(folder):
        if not archive.settled:
            try:
                settle(parts, folder, archive)
            except StorageError as error:  # which must not keep all others from being looked after
                damaged[archive.name] = str(error)
    return damaged


def settle(parts: Parts, folder: Path, archive: Archive) -> Archive | None:
    """Leave in an archive what went there and nothing else; None if nothing is left of it.

    A summary goes when all that it tells is back.
    """
    back = {line.memory.id for line in read_archive(folder, archive) if not _went(parts, line, archive)}
    if archive.cause == "summarised":
        _drop_summaries(parts, archive.scope, sorted(back))
    return rewrite_archive(folder, archive, lambda line: line.memory.id not in back, settled=True)


def _went(parts: Parts, line: Line, archive: Archive) -> bool:
    """Whether a memory left the garden for this archive, by its history, and did not come back."""
    past = parts.upkeep.history(line.path, line.memory.id)
    told = [one for one in past if one.detail.get("archive") == archive.name]
    if told:
        return told[-1].event != "restored"
    # It was on its way when it was changed or deleted: then it is not an archive's. Without any word of it, as in a
    # database that is older than the archive, a memory is kept rather than lost.
    changed = any(one.at >= archive.made_at for one in past)
    return not changed and parts.source.version(line.path, line.memory.id) is None


def _drop_summaries(parts: Parts, path: ScopePath, back: Sequence[str]) -> None:
    now = utc_now()
    for key in dict.fromkeys(_summaries(parts, path, back)):
        summary = parts.source.get(path, key, now)
        told = [] if summary is None else summary.metadata.get(ORIGINALS, [])
        if told and all(_is_back(parts, path, one, key) for one in told):
            parts.sink.delete(path, [key], cause=Cause("deleted", {"restored": len(told)}, parts.shift.token))


def _is_back(parts: Parts, path: ScopePath, one: str, summary: str) -> bool:
    """Whether a memory came back after this summary told it: another that was stored under its id is not it."""
    events = [past.event for past in parts.upkeep.history(path, one) if past.detail.get("into") in (None, summary)]
    return "restored" in events[len(events) - events[::-1].index("summarised") :] if "summarised" in events else False


def _summaries(parts: Parts, path: ScopePath, ids: Sequence[str]) -> Iterator[str]:
    for one in ids:
        for past in parts.upkeep.history(path, one):
            if past.event == "summarised":
                yield str(past.detail.get("into"))
