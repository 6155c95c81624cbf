"""Reads the records of a mem0 store, each for the user whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from memgarden.errors import InvalidMemory
from memgarden.ingest.adopt import Placed
from memgarden.ingest.validate import check_memory
from memgarden.paths import check_path
from memgarden.records import Memory, ScopePath, utc_now

__all__ = ["Mem0Records"]

USER = "user_id"
OURS = frozenset({"data", "hash", "text_lemmatized", "created_at", USER})
"""What of a payload is said by the memory itself: its text, what follows from that, its time and its scope.

All else stays in its metadata, `agent_id`, `run_id` and `updated_at` too.
"""


class Mem0Records:
    """Places each record in the scope of its `user_id`, below `prefix`."""

    def __init__(self, prefix: ScopePath) -> None:
        """What is no user's goes to `prefix` itself, and is refused where that is empty."""
        self._prefix = prefix

    def read(self, id: str, document: str | None, metadata: Mapping[str, Any]) -> Placed:
        """The memory of a record; `InvalidMemory` and `InvalidScope` say why it is none."""
        path = self._path(metadata)
        text = metadata.get("data", document)
        if text is None:
            raise InvalidMemory("it has no text under 'data': it is no memory of mem0's")
        created = _created(metadata.get("created_at"))
        memory = Memory(
            text,
            id=id,
            metadata={key: value for key, value in metadata.items() if key not in OURS},
            created_at=created or utc_now(),
            expires_at=_expires(metadata.get("expiration_date")),
        )
        return Placed(path, check_memory(memory), timed=created is not None)

    def left(self) -> Mapping[str, str]:
        """Nothing: each record is a memory by itself."""
        return {}

    def _path(self, metadata: Mapping[str, Any]) -> ScopePath:
        user = metadata.get(USER)
        if user is not None:
            return check_path((*self._prefix, user))
        if not self._prefix:
            raise InvalidMemory(f"it has no {USER}, so nobody can tell whose it is: name its scope with scope=")
        return self._prefix


def _created(value: object) -> datetime | None:
    """The time of a payload; one without a zone is in UTC."""
    if value is None or value == "":
        return None
    try:
        said = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise InvalidMemory(f"its created_at is {value!r:.80}, which is no time of ISO 8601") from error
    return said if said.tzinfo else said.replace(tzinfo=UTC)


def _expires(value: object) -> datetime | None:
    """The end of the last day on which mem0 gives a record out; what is no date is none to mem0 either."""
    try:
        last = date.fromisoformat(str(value)) if value else None
    except ValueError:
        return None
    if last is None or last == date.max:
        return None
    end = datetime.combine(last + timedelta(days=1), time(), UTC)
    if end <= utc_now():
        raise InvalidMemory(f"it expired with {last}, and mem0 gives it to nobody any more")
    return end
