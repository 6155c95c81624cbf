"""Forgetting: after it no file of the garden holds what was forgotten, and a receipt says so.

Noted in a journal first, so that one that was cut off is finished by the next: the record, copies that others keep,
Chroma; then the journal is struck off, and last the free pages are wiped that held all this.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from memgarden.erasure import Copies, Removed, Task
from memgarden.errors import ChromaError, GardenBusy
from memgarden.parts import Parts
from memgarden.records import ScopePath, utc_now

__all__ = ["Receipt", "finish_forgetting", "forget", "unforgotten"]

POLL_SECONDS = 0.02
GRACE = 5.0
"""Seconds that another process gets to erase a Chroma of which this one knows only that it is elsewhere."""

FAILING = 10.0
"""Seconds for which Chroma may fail on and on before nobody waits for it."""

Erased = Literal["erased", "waiting", "none", "server"]

SERVER = "what Chroma's server keeps in its own files (queue, indexes, backups) is out of reach: see to it there"
POSTGRES = "PostgreSQL's write-ahead log, replicas and backups are out of reach: they hold it until they are recycled"
ELSEWHERE = "the garden's Chroma is not in its folder; whoever has it open erased it, and a server's files are its own"
WAITING = "Chroma has yet to erase it: the next process that has the garden open with its Chroma does so"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was forgotten, in numbers: nothing of it is told.

    `memories`, `chunks`, `history` and `archived` count what was deleted. `digest` is the sha256 of the fingerprints
    of the memories, in order of their bytes, one after the other; each is the sha256 of the JSON `[salt, path, id,
    text]` in ASCII without blanks: with a copy of what was forgotten one can prove that it is what this is about.

    `chroma` says whether Chroma's files are `erased`, its `server`'s collections deleted, or are still `waiting`;
    `none` for a garden without. `notes` say what is out of reach, or to be done.
    """

    when: datetime
    digest: str
    salt: str
    memories: int
    chunks: int
    history: int
    archived: int
    chroma: Erased
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The receipt as an object of JSON; the time in ISO 8601."""
        return {
            "when": self.when.isoformat(),
            **{name: getattr(self, name) for name in ("digest", "salt", "memories", "chunks", "history", "archived")},
            "chroma": self.chroma,
            "notes": list(self.notes),
        }


def forget(parts: Parts, path: ScopePath, ids: Sequence[str] | None = None, *, timeout: float = 300.0) -> Receipt:
    """Forget the scope of `path` and all below it, or only its memories of these ids; and what was left unfinished.

    Waits for its turn, and for Chroma, at most `timeout` seconds each. `GardenBusy` if others were in the way: what
    was begun by then the next call finishes, and leaves alone what was added in between.
    """
    chosen = None if ids is None else tuple(dict.fromkeys(ids))
    task = Task(path, chosen, uuid.uuid4().hex, uuid.uuid4().hex)
    with parts.shift.during(timeout):  # and only then is the journal read: whoever had it before did his own
        left = parts.eraser.unfinished()
        return _carry_out(parts, [*left, parts.eraser.begin(task)], timeout)[-1]


def finish_forgetting(parts: Parts, timeout: float = 300.0) -> list[Receipt]:
    """Finish what was cut off; a receipt for each, with what was left of it to be done. Costs nothing where all is."""
    if parts.eraser.unfinished():
        with parts.shift.during(timeout):
            if left := parts.eraser.unfinished():
                return _carry_out(parts, left, timeout)
    if parts.eraser.due():
        _wipe(parts)
    if parts.outbox.erasing():
        _await_chroma(parts, timeout, asked=True)
    return []


def unforgotten(parts: Parts) -> list[str]:
    """What is left to be done of what was to be forgotten, in words."""
    mend = "run `memgarden forget --finish`"
    found = []
    if count := len(parts.eraser.unfinished()):
        found.append(f"{count} scopes or lists of memories are not forgotten in full, or just being so: {mend}")
    elif parts.eraser.due():
        found.append(f"free pages of the database may still hold what was forgotten: {mend}")
    if parts.mirror is not None and parts.outbox.erasing():
        found.append(f"Chroma has yet to erase what was forgotten: wait, or {mend}")
    return found


def _carry_out(parts: Parts, tasks: Sequence[Task], timeout: float) -> list[Receipt]:
    """All of them, with one look at Chroma and one at the free pages; for whoever has the shift."""
    removed: list[Removed] = []
    archived: list[Copies] = []
    for task in tasks:
        removed.append(parts.eraser.remove(task))
        parts.shift.renew()  # whose files nobody names it deletes
        archived.append(parts.erase_archived(task))
    asked = parts.outbox.erase()
    parts.wrote()
    parts.eraser.end(tasks)
    _drop_indexes(parts, tasks)
    _wipe(parts)
    chroma, notes = _await_chroma(parts, timeout, asked=asked)
    if "://" in parts.where:
        notes.append(POSTGRES)
    done = list(zip(tasks, removed, archived, strict=True))
    return [_receipt(task, what, count, chroma, notes) for task, what, count in done]


def _drop_indexes(parts: Parts, tasks: Sequence[Task]) -> None:
    """Here at once; in other processes with the next search, and all the same with the process."""
    for task in tasks:
        parts.pool.use(task.path, lambda index: None)


def _wipe(parts: Parts) -> None:
    try:
        parts.eraser.wipe()
    except GardenBusy as error:
        raise GardenBusy(
            f"it is forgotten, and found by nobody, but free pages of the database still hold it ({error}): "
            "run `memgarden forget --finish` when fewer use the garden, or forget anything"
        ) from error


def _await_chroma(parts: Parts, timeout: float, *, asked: bool) -> tuple[Erased, list[str]]:
    """Have Chroma erased, and what lies in the garden's folder of one that is used no more."""
    here = None if parts.chroma == "folder" and asked else _erased_here(parts)
    if not asked:
        return ("none" if here is None else "erased" if here else "waiting"), [] if here is not False else [WAITING]
    patience = timeout if parts.mirror is not None or here is False else min(timeout, GRACE)
    if parts.mirror is None and here:
        return "erased", []
    if not _erased_by_owner(parts, patience):
        return "waiting", [WAITING]
    if parts.mirror is None and here is None:
        return "erased", [ELSEWHERE]
    return ("server", [SERVER]) if parts.chroma == "server" else ("erased", [])


def _erased_here(parts: Parts) -> bool | None:
    try:
        return parts.erase_here()
    except ChromaError:
        return False


def _erased_by_owner(parts: Parts, patience: float) -> bool:
    """Whether the owner of Chroma, which may be this process's own, erased it in time; a failing one gets less."""
    began = well = time.monotonic()
    parts.wrote()
    while parts.outbox.erasing():
        now = time.monotonic()
        if parts.mirror is None or parts.mirror.status().state != "failing":
            well = now
        if now > began + patience or now > well + FAILING:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _receipt(task: Task, removed: Removed, archived: Copies, chroma: Erased, notes: Sequence[str]) -> Receipt:
    own = [*notes, *archived.notes]
    if removed.named:
        own.append(
            f"{removed.named} memories that stay name forgotten ids in their metadata, as summaries do: they may tell "
            "of them, and are to be forgotten by themselves"
        )
    return Receipt(
        when=utc_now(),
        digest=hashlib.sha256(b"".join(sorted(removed.fingerprints))).hexdigest(),
        salt=task.salt,
        memories=removed.memories,
        chunks=removed.chunks,
        history=removed.history,
        archived=archived.erased,
        chroma=chroma,
        notes=tuple(own),
    )
