"""Conversations as they are handed in by the batch, and the turns that they are read into, each with a lasting id."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from memgarden.errors import InvalidMemory
from memgarden.ingest.messages import Told, read_told
from memgarden.ingest.validate import check_memory
from memgarden.paths import check_path
from memgarden.records import Importance, Memory, ScopePath, to_micros, utc_now
from memgarden.turns import hash_name

__all__ = ["Conversation", "Item", "ReadConversation", "ReadTurn", "read_conversation"]


@dataclass(frozen=True, slots=True)
class Conversation:
    """A whole conversation, from its first message: whose it is, its session, and its messages in order.

    `scope` is a label or several; `messages` are as in `Scope.add_conversation`; the rest goes to each of the turns.
    """

    scope: str | Sequence[str]
    session_id: str
    messages: Iterable[Any]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tags: Sequence[str] = ()
    importance: str | Importance = Importance.MEDIUM


Item = Conversation | Mapping[str, Any]
"""A conversation, or a mapping of its fields."""

FIELDS = frozenset(field.name for field in fields(Conversation))


@dataclass(frozen=True, slots=True)
class ReadTurn:
    """A checked turn; `dated` tells whether its message said when it was, else its time is still to be found."""

    memory: Memory
    dated: bool


@dataclass(frozen=True, slots=True)
class ReadConversation:
    """A conversation whose messages can all be stored."""

    path: ScopePath
    session_id: str
    turns: Sequence[ReadTurn]

    def keys(self) -> set[Hashable]:
        """What no other conversation may be storing at the same time: its session and its ids."""
        ids = {(self.path, "id", turn.memory.id) for turn in self.turns}
        return {(self.path, "session", hash_name(self.session_id)), *ids}


def read_conversation(item: Item) -> ReadConversation:
    """The conversation with its turns; `InvalidMemory` and `InvalidScope` say what of it cannot be stored.

    A turn whose message has no id gets one made of the session, its place among the turns, who said it, the text, and
    the time if one is told: the same conversation read again gives the same ids, and a longer one the same and more.
    """
    given = _given(item)
    labels, session = given.scope, given.session_id
    path = check_path((labels,) if isinstance(labels, str) else tuple(labels))
    if not isinstance(session, str) or not session:
        raise InvalidMemory(
            f"a conversation needs a session_id, a string with something in it, not {session!r}: by it a second run "
            "finds what is stored already"
        )
    if not isinstance(given.messages, Iterable):
        raise InvalidMemory(f"messages are several, as a list of dicts, not {type(given.messages).__name__}")
    turns: list[ReadTurn] = []
    places: dict[str, int] = {}
    for place, told in enumerate(read_told(given.messages)):
        key = told.id or _lasting_id(session, place, told)
        said_at = told.said_at or utc_now()
        turn = told.turn(session, key, said_at, given.metadata, given.tags, given.importance)
        try:
            turns.append(ReadTurn(check_memory(turn), told.said_at is not None))
        except InvalidMemory as error:
            raise InvalidMemory(f"turn {place}: {error}") from error
        if places.setdefault(key, place) != place:
            raise InvalidMemory(
                f"turns {places[key]} and {place} have the same id, {key!r}: give each its own, or none"
            )
    return ReadConversation(path, session, turns)


def _given(item: object) -> Conversation:
    if isinstance(item, Conversation):
        given = item
    elif isinstance(item, Mapping):
        if unknown := item.keys() - FIELDS:
            raise InvalidMemory(
                f"a conversation has no field {sorted(map(str, unknown))}: the fields are {', '.join(sorted(FIELDS))}; "
                "everything else goes into metadata"
            )
        if missing := {"scope", "session_id", "messages"} - item.keys():
            raise InvalidMemory(f"a conversation needs {', '.join(sorted(missing))}: by them a second run finds it")
        given = Conversation(**item)
    else:
        raise InvalidMemory(f"a conversation is a Conversation or a mapping of its fields, not {type(item).__name__}")
    if not isinstance(given.scope, Sequence) or isinstance(given.scope, bytes):
        raise InvalidMemory(f"a scope is a label or a list of labels, not {type(given.scope).__name__}")
    if not isinstance(given.metadata, Mapping):
        raise InvalidMemory(f"metadata is a mapping with string keys, not {type(given.metadata).__name__}")
    return given


def _lasting_id(session: str, place: int, told: Told) -> str:
    said_at = None if told.said_at is None else to_micros(told.said_at)
    whole = json.dumps([session, place, told.role, told.name, told.text, said_at])
    return hashlib.blake2b(whole.encode(), digest_size=16).hexdigest()
