"""The messages of a conversation, kept for good, for `RunnableWithMessageHistory` and whoever holds a history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, message_to_dict, messages_from_dict

from langchain_memgarden.recall import message_text
from langchain_memgarden.users import Place, User, scope_of
from memgarden import Memory, shared_garden

__all__ = ["MemGardenChatMessageHistory", "to_messages"]

MESSAGE = "message"
"""Where a message lies whole in the metadata."""

TICK = timedelta(microseconds=1)
PAGE = 2**31 - 1


def to_messages(stored: Sequence[Memory]) -> list[BaseMessage]:
    """The messages that memories of a history hold."""
    return messages_from_dict([dict(memory.metadata[MESSAGE]) for memory in stored])


class MemGardenChatMessageHistory(BaseChatMessageHistory):
    """The messages of one session of a user.

    Messages come back as they were, tool calls and all. What people and models said is found by every search of the
    user's scope; what has no words, and what tools answered, is not. `clear` deletes this session and no other.
    """

    def __init__(
        self, garden: Place = "./garden", user: User | None = None, *, session_id: str, limit: int | None = None
    ) -> None:
        """`messages` are the last `limit` of the session, all for None."""
        self.garden = shared_garden(garden)
        self.scope = scope_of(self.garden, user)
        if not isinstance(session_id, str) or not session_id:
            raise ValueError(f"a session's id is a string with something in it, not {session_id!r}")
        self.session_id = session_id
        if limit is not None and limit < 1:
            raise ValueError(f"limit is how many of the last messages are given, 1 or more, not {limit}")
        self.limit = limit

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]  # a plain attribute in the base class
        """The session's last messages, in order."""
        return to_messages(self.stored(self.limit))

    def stored(self, limit: int | None = None) -> list[Memory]:
        """The memories that the session's last `limit` messages are, in order; all for None."""
        return self.scope.list(where=self._where, order="-created_at", limit=PAGE if limit is None else limit)[::-1]

    @property
    def _where(self) -> dict[str, Any]:
        return {"metadata.session_id": self.session_id, f"metadata.{MESSAGE}": {"$exists": True}}

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Store messages at the end of the session, in one transaction; one whose id is there already replaces it."""
        latest = self.scope.list(where=self._where, order="-created_at", limit=1)
        time = max([datetime.now(UTC), *(memory.created_at + TICK for memory in latest)])
        several = [self._fields(message, time + n * TICK) for n, message in enumerate(messages)]
        self.scope.add_many(several, batch_size=len(several) or None)

    def _fields(self, message: BaseMessage, time: datetime) -> dict[str, Any]:
        """The memory that a message is."""
        text = message_text(message)
        said = isinstance(message, HumanMessage | AIMessage) and bool(text.strip())
        role = {"role": "assistant" if isinstance(message, AIMessage) else "user"} if said else {}
        name = {"speaker": message.name} if said and message.name else {}
        return {
            "text": text if said else f"({message.type})",
            "metadata": {**role, **name, "session_id": self.session_id, MESSAGE: message_to_dict(message)},
            "kind": "turn" if said else "record",
            "created_at": time,
        } | ({"id": message.id} if message.id else {})

    def clear(self) -> None:
        """Delete the messages of this session."""
        self.scope.delete([memory.id for memory in self.stored()])
