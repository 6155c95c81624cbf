"""Carries a plan out: what goes is in an archive, safe on disk, before it leaves the garden in a small transaction."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from memgarden.errors import Conflict, InvalidSetting, MemgardenError
from memgarden.maintain.archive import Archive, settle_archive, write_archive
from memgarden.maintain.lines import Head
from memgarden.maintain.merging import merged
from memgarden.maintain.plan import AT_ONCE, CHUNKS_AT_ONCE, Action, Plan, Step, Version, cut
from memgarden.maintain.settling import settle
from memgarden.parts import Parts
from memgarden.records import Entry, Memory, ScopePath, utc_now
from memgarden.turns import hash_name, said
from memgarden.upkeep import UPDATED, Cause, Event, Likeness, Removal

__all__ = ["Applied", "Progress", "Summarise", "apply", "archives_of", "rested"]

ARCHIVED = 5_000  # memories of an archive: what a run that was cut off does again, and one that comes back reads
READ = 500  # read at a time
CAUSES: Mapping[Action, Event] = {
    "archive": "archived",
    "merge": "merged",
    "summarise": "summarised",
    "similar": "similar",
}

T = TypeVar("T")
Progress = Callable[[int], None]
Summarise = Callable[[Step, Sequence[Entry], str], Entry]
"""Makes the summary of memories that go into the archive of that name; a `MemgardenError` says why it cannot."""


@dataclass(slots=True)
class Applied:
    """What was done: how many memories went, by action, and into which archives; and how many were marked `similar`.

    `changed` counts those that stay since they were changed after the plan was made; `failed` says by id why others
    do, as where a summariser failed, and by an archive's name that it is damaged. `swept` had expired.
    """

    done: dict[Action, int] = field(default_factory=dict)
    changed: int = 0
    archives: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    swept: int = 0

    def __iadd__(self, other: Applied) -> Applied:
        for action, count in other.done.items():
            self.done[action] = self.done.get(action, 0) + count
        self.changed += other.changed
        self.archives += other.archives
        self.failed |= other.failed
        self.swept += other.swept
        return self


def archives_of(parts: Parts) -> Path:
    """The folder of the garden's archives; `InvalidSetting` where it has none."""
    if parts.archives is None:
        raise InvalidSetting("this garden has no folder for archives: open it with archives='/path/to/a/folder'")
    return parts.archives


def apply(parts: Parts, plan: Plan, summarise: Summarise, progress: Progress | None) -> Applied:
    """Carry out the steps of a plan, in order; what was changed since it was made stays as it is."""
    applied, handled = Applied(), 0
    stays = Counter(step.stays.number for step in plan if step.action == "merge" and step.stays is not None)
    alike = {version.number for step in plan if step.marks for version in (*step.goes, step.stays) if version}
    moved: dict[int, int | None] = dict.fromkeys(n for n, count in stays.items() if count > 1 or n in alike)
    for batch in _batches(step for step in plan if not step.idle):
        parts.shift.renew()
        if batch[0].action == "similar":
            _mark(parts, batch, applied, moved)
        else:
            _apply(parts, archives_of(parts), batch, summarise, applied, moved)
        handled += sum(len(step.goes) for step in batch)
        if progress is not None:
            progress(handled)
    return applied


def rested(write: Callable[[], T]) -> T:
    """What `write` returns; then as long a pause as it took, in which others write."""
    began = time.perf_counter()
    done = write()
    time.sleep(time.perf_counter() - began)
    return done


def _batches(steps: Iterable[Step]) -> Iterator[list[Step]]:
    """Steps of one action in one scope that follow each other, as many as one archive takes."""
    for _, alike in groupby(steps, key=lambda step: (step.action, step.path)):
        yield from cut(alike, (lambda step: len(step.goes), ARCHIVED))


def _apply(
    parts: Parts,
    folder: Path,
    batch: Sequence[Step],
    summarise: Summarise,
    applied: Applied,
    moved: dict[int, int | None],
) -> None:
    """`moved` has those of which later steps are too, by the versions they had, and those they have by merges now."""
    action, path = batch[0].action, batch[0].path
    head = Head(parts.preparer.embedder.name, parts.preparer.embedder.dimension)
    goes = [version for step in batch for version in step.goes]
    sizes: dict[int, int] = {}
    archive = write_archive(folder, path, _entries(parts, path, goes, sizes), CAUSES[action], head, utc_now())
    failed = len(applied.failed)
    if action == "archive":
        gone = _remove(parts, path, goes, sizes, archive)
    elif action == "merge":

        def chunks(step: Step) -> int:
            return sum(sizes.get(one.number, 0) for one in step.goes)

        pieces = cut(batch, (lambda step: len(step.goes), AT_ONCE), (chunks, CHUNKS_AT_ONCE))
        gone = sum(_merge(parts, path, part, archive, moved) for part in pieces)
    else:
        gone = sum(_summarise(parts, step, archive, summarise, applied) for step in batch)
    parts.wrote()
    parts.shift.renew()
    # Where the process ends before this, the next run does it: until then the archive says that it is not settled.
    left = settle_archive(folder, archive) if gone and gone == archive.count else settle(parts, folder, archive)
    if left is not None:
        applied.archives.append(left.name)
    applied.done[action] = applied.done.get(action, 0) + gone
    applied.changed += len(goes) - gone - (len(applied.failed) - failed)


def _mark(parts: Parts, batch: Sequence[Step], applied: Applied, moved: Mapping[int, int | None]) -> None:
    def now(version: Version) -> int:
        return moved.get(version.number) or version.number

    noted = 0
    for part in cut(batch, (lambda step: len(step.goes), AT_ONCE)):
        pairs = [
            Likeness(one.id, now(one), step.stays.id, now(step.stays))
            for step in part
            for one in step.goes
            if step.stays is not None
        ]
        parts.shift.renew()
        noted += rested(lambda: parts.upkeep.note_similar(batch[0].path, pairs, parts.shift.token))  # noqa: B023
    applied.done["similar"] = applied.done.get("similar", 0) + noted


def _entries(parts: Parts, path: ScopePath, versions: Sequence[Version], sizes: dict[int, int]) -> Iterator[Entry]:
    """The memories of these versions; how many chunks each has goes to `sizes`."""
    for start in range(0, len(versions), READ):
        parts.shift.renew()
        found = parts.upkeep.versions(path, [one.number for one in versions[start : start + READ]])
        sizes |= {number: len(entry.chunks) for number, entry in found.items()}
        yield from found.values()


def _remove(parts: Parts, path: ScopePath, goes: Sequence[Version], sizes: Mapping[int, int], archive: Archive) -> int:
    cause = Cause("archived", {"archive": archive.name}, parts.shift.token)
    gone = 0
    for part in cut(goes, (lambda _: 1, AT_ONCE), (lambda one: sizes.get(one.number, 0), CHUNKS_AT_ONCE)):
        parts.shift.renew()
        numbers = {one.id: one.number for one in part if one.number in sizes}  # else it is in no archive
        gone += rested(lambda: parts.sink.delete(path, list(numbers), cause=cause, versions=numbers))  # noqa: B023
    return gone


def _merge(parts: Parts, path: ScopePath, steps: Sequence[Step], archive: Archive, moved: dict[int, int | None]) -> int:
    """All of these merges in one transaction; if something of them was changed, each for itself, as far as it can."""
    expect: dict[str, int] = {}
    entries: list[Entry] = []
    removals: list[Removal] = []
    whole = [
        (moved.get(step.stays.number) or step.stays.number, step.stays, step)
        for step in steps
        if step.stays is not None
    ]
    found = parts.upkeep.versions(
        path, [n for now, _, step in whole for n in (now, *(one.number for one in step.goes))]
    )
    leaving = {one.id for step in steps for one in step.goes}
    for number, stays, step in whole:
        if any(one not in found for one in (number, *(version.number for version in step.goes))):
            continue
        gone = [found[one.number].memory for one in step.goes]
        held = found[number]
        entries.append(_rewritten(parts, path, merged(held.memory, gone, step.scores, utc_now()), held, leaving))
        expect |= {stays.id: number} | {one.id: one.number for one in step.goes}
        cause = Cause("merged", {"into": stays.id, "archive": archive.name}, parts.shift.token)
        removals.append(Removal([one.id for one in step.goes], cause))

    def write() -> int:
        parts.sink.put(path, entries, expect, cause=Cause("merged", shift=parts.shift.token), drop=removals)
        return sum(len(removal.ids) for removal in removals)

    parts.shift.renew()
    try:
        gone_now = rested(write) if entries else 0
    except Conflict:
        return 0 if len(steps) == 1 else sum(_merge(parts, path, [step], archive, moved) for step in steps)
    written = {entry.memory.id: entry.memory for entry in entries}
    for _, stays, _ in whole:
        if stays.number in moved and stays.id in written:  # more is to follow, into what was written here alone
            version = parts.source.version(path, stays.id)
            if version is not None and version[1] == written[stays.id]:
                moved[stays.number] = version[0]
    return gone_now


def _rewritten(parts: Parts, path: ScopePath, memory: Memory, held: Entry, leaving: Set[str]) -> Entry:
    """A memory that was merged with others, with the vectors that it had.

    A turn is embedded anew if the turn before it leaves, as where it was said twice: its vector would else hold its own
    words where those before it belong.
    """
    turn = said(memory)
    if turn is None or not parts.preparer.signals.window:
        return parts.preparer.changed(memory, held.chunks)
    session = hash_name(turn.session)
    earlier = parts.source.before(path, session, memory)
    if earlier is None or earlier.id not in leaving:
        return parts.preparer.changed(memory, held.chunks)
    while earlier is not None and earlier.id in leaving:
        further = parts.source.before(path, session, earlier)
        earlier = None if further is None or further.created_at >= earlier.created_at else further
    return parts.preparer.following([memory], [earlier])[0]


def _summarise(parts: Parts, step: Step, archive: Archive, summarise: Summarise, applied: Applied) -> int:
    parts.shift.renew()
    found = parts.upkeep.versions(step.path, [one.number for one in step.goes])
    if len(found) < len(step.goes):
        return 0
    try:
        entry = summarise(step, list(found.values()), archive.name)
    except MemgardenError as error:
        applied.failed |= {one.id: str(error) for one in step.goes}
        return 0
    parts.shift.renew()  # a language model may have taken its time
    expect = {one.id: one.number for one in step.goes}
    cause = Cause("summarised", {"into": entry.memory.id, "archive": archive.name}, parts.shift.token)

    def write() -> int:
        parts.sink.put(step.path, [entry], expect, cause=UPDATED, drop=[Removal(list(expect), cause)])
        return len(expect)

    try:
        return rested(write)
    except Conflict:
        return 0
