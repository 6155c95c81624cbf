"""The messages of a conversation, in whatever form people hold them, as memories that are turns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from memgarden.errors import InvalidMemory
from memgarden.records import Importance, Memory, new_id, utc_now

__all__ = ["TICK", "Told", "read_messages", "read_told", "to_time"]

TICK = timedelta(microseconds=1)
OWN = frozenset({"role", "type", "name", "speaker", "content", "text", "timestamp", "created_at", "id", "metadata"})
ROLES = {"human": "user", "ai": "assistant", "chatbot": "assistant", "model": "assistant"}
PASSED_OVER = frozenset({"system", "developer", "tool", "function"})


@dataclass(frozen=True, slots=True)
class Told:
    """A message with text, as it was handed in: `said_at` and `id` are None where it has none of its own."""

    text: str
    role: str
    name: str | None
    said_at: datetime | None
    id: str | None
    extra: Mapping[str, Any]

    def turn(
        self,
        session_id: str,
        id: str,
        said_at: datetime,
        metadata: Mapping[str, Any],
        tags: Sequence[str],
        importance: str | Importance,
    ) -> Memory:
        """The memory, yet unchecked, that it becomes; its own metadata win over `metadata`."""
        own = {"role": self.role} | ({"speaker": self.name} if self.name else {}) | {"session_id": session_id}
        return Memory(
            self.text,
            id=id,
            metadata={**metadata, **self.extra, **own},
            tags=tags,  # type: ignore[arg-type]  # made a tuple when it is checked
            importance=importance,  # type: ignore[arg-type]  # likewise an Importance
            kind="turn",
            created_at=said_at,
        )


def read_messages(
    messages: Iterable[Any],
    session_id: str,
    *,
    metadata: Mapping[str, Any],
    tags: Sequence[str],
    importance: str | Importance,
) -> Iterator[Memory]:
    """A turn for each message of `read_told`, in their order.

    A message without a time was said right after the one before it, the first one now.
    """
    latest: datetime | None = None
    for told in read_told(messages):
        latest = told.said_at or (latest + TICK if latest else utc_now())
        yield told.turn(session_id, told.id or new_id(), latest, metadata, tags, importance)


def read_told(messages: Iterable[Any]) -> Iterator[Told]:
    """The messages with text, in their order; `InvalidMemory` says which message was at fault.

    A message is a dict (`role name content timestamp id`, as chat APIs have them) or an object of LangChain or
    LlamaIndex. Instructions to the model and what tools answered are no part of the conversation and are passed over,
    as is what has no text.
    """
    if isinstance(messages, str | bytes | Mapping):
        raise InvalidMemory("a conversation is several messages: add_conversation([message], ...) for one")
    for number, message in enumerate(messages):
        fields = _fields(message, number)
        role = str(fields.get("role") or "user").lower()
        role = ROLES.get(role, role)
        text = _text(fields.get("content"), number)
        if role in PASSED_OVER or not text.strip():
            continue
        said_at = fields.get("timestamp")
        name = fields.get("name")
        yield Told(
            text=text,
            role=role,
            name=str(name) if name else None,
            said_at=None if said_at is None else to_time(said_at, f"message {number}"),
            id=str(fields["id"]) if fields.get("id") else None,
            extra=fields.get("extra", {}),
        )


def to_time(value: object, what: str) -> datetime:
    """A datetime, ISO 8601 or seconds since 1970 as an aware time; without a zone it is UTC."""
    try:
        if isinstance(value, bool):
            raise TypeError("a truth value")
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        time = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise InvalidMemory(f"{what}: {value!r} is no time: use ISO 8601, as in 2024-05-01T12:30:00Z") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _fields(message: Any, number: int) -> dict[str, Any]:
    """The parts of a message by one set of names."""
    if isinstance(message, Mapping):
        given = message.get("metadata") or {}
        if not isinstance(given, Mapping):
            raise InvalidMemory(f"message {number}: metadata is a mapping, not {type(given).__name__}")
        plain = {key: value for key, value in message.items() if isinstance(value, str | int | float | bool)}
        return {
            "role": message.get("role") or message.get("type"),
            "name": message.get("name") or message.get("speaker"),
            "content": message.get("content", message.get("text")),
            "timestamp": message.get("timestamp", message.get("created_at")),
            "id": message.get("id"),
            "extra": {**{key: value for key, value in plain.items() if key not in OWN}, **given},
        }
    if not hasattr(message, "content"):
        raise InvalidMemory(
            f"message {number} is {type(message).__name__}: a dict with role and content, or a message of LangChain or "
            "LlamaIndex, is due"
        )
    extra = getattr(message, "additional_kwargs", None) or {}
    role = getattr(message, "role", None) or getattr(message, "type", None)
    return {
        "role": getattr(role, "value", role),
        "name": getattr(message, "name", None) or extra.get("name"),
        "content": message.content,
        "timestamp": extra.get("timestamp"),
        "id": getattr(message, "id", None) or getattr(message, "id_", None),
    }


def _text(content: object, number: int) -> str:
    """The words of a message; of one in parts, those of its texts."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        raise InvalidMemory(f"message {number}: content is a string or a list of parts, not {type(content).__name__}")
    parts = [part.get("text") if isinstance(part, Mapping) else part for part in content]
    return "\n".join(part for part in parts if isinstance(part, str))
