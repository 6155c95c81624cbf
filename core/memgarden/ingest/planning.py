"""What of a conversation is still to be stored, and when each of its turns was said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime

from memgarden.errors import InvalidMemory
from memgarden.ingest.conversations import ReadConversation, ReadTurn
from memgarden.ingest.messages import TICK
from memgarden.protocols import MemorySource
from memgarden.records import MERGED_FROM, Memory, utc_now
from memgarden.turns import hash_name

__all__ = ["Plan", "plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """The turns to be written, each with the one before it in `earlier`, and how many are there already.

    `versions` has the row number of each memory that is replaced; `last` is the last turn, written or not.
    """

    memories: Sequence[Memory]
    earlier: Sequence[Memory | None]
    versions: Mapping[str, int]
    skipped: int
    last: Memory | None


def plan(
    source: MemorySource,
    conversation: ReadConversation,
    turns: Sequence[ReadTurn],
    last: Memory | None,
    away: Set[str],
    *,
    window: bool,
) -> Plan:
    """The plan for some turns of a conversation that follow `last`; `window`: what was said before a turn matters.

    A turn without a time was said right after the one before it, the first one now; one that is stored keeps its
    time. Turns of the ids in `away` left the garden for an archive, and stay there. `InvalidMemory` if an id is that of
    a memory of another session, which would be lost.
    """
    now = utc_now()
    path, session = conversation.path, conversation.session_id
    memories: list[Memory] = []
    earlier: list[Memory | None] = []
    versions: dict[str, int] = {}
    for turn in turns:
        found = source.version(path, turn.memory.id)
        held = None if found is None or found[1].has_expired(now) else found[1]
        if held is not None and held.metadata.get("session_id") != session:
            other = held.metadata.get("session_id")
            of = "is no turn" if other is None else f"is of the session {other!r}"
            raise InvalidMemory(
                f"the scope holds a memory of id {held.id!r} that {of}: give messages ids of their own, or none"
            )
        memory = replace(turn.memory, created_at=_said_at(turn, held, last, now), stored_at=now)
        if held is None and memory.id in away:
            last = memory
            continue
        if held is not None and _same(held, memory):
            last = held
            continue
        if found is not None:
            versions[memory.id] = found[0]
        before = last
        if before is None and window:
            before = source.before(path, hash_name(session), memory)
        memories.append(memory)
        earlier.append(before)
        last = memory
    return Plan(memories, earlier, versions, len(turns) - len(memories), last)


def _said_at(turn: ReadTurn, held: Memory | None, last: Memory | None, now: datetime) -> datetime:
    if turn.dated:
        return turn.memory.created_at
    if held is not None:
        return held.created_at
    return now if last is None else last.created_at + TICK


def _same(held: Memory, memory: Memory) -> bool:
    if MERGED_FROM in held.metadata:  # it has what its duplicates had, too
        return held.text == memory.text
    return replace(held, stored_at=None, expires_at=memory.expires_at) == replace(memory, stored_at=None)
