"""Long-term memory for LlamaIndex's agents: a block for `Memory`, and a `Memory` that survives its process."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from llama_index.core.bridge.pydantic import ConfigDict, Field, PrivateAttr
from llama_index.core.llms import ChatMessage, MessageRole
from llama_index.core.memory import BaseMemoryBlock, InsertMethod, Memory

from llama_index_memgarden.records import CHATS, MemGardenChatStore
from llama_index_memgarden.texts import clean
from llama_index_memgarden.users import Place, User, labels_of
from memgarden import Scope, shared_garden

__all__ = ["MemGardenMemory", "MemGardenMemoryBlock"]

TOKEN_LIMIT = 30_000
TICK = timedelta(microseconds=1)
SPOKEN = (MessageRole.USER, MessageRole.ASSISTANT)
NO_SESSION = "llama-index"


class MemGardenMemoryBlock(BaseMemoryBlock[str]):
    """What a user ever said that bears on their last message; a block of LlamaIndex's `Memory`.

    LlamaIndex hands a block no message before its history is full, some 400 messages later; but it shows the history
    each time it asks. So what is shown is stored then, each message once; what the user had forgotten since stays
    forgotten. What the history still holds is not recalled.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    name: str = "memgarden"
    priority: int = Field(default=1, description="1: shortened where the prompt is too long, and not dropped first.")
    garden: str
    user: tuple[str, ...]
    k: int = 6
    max_tokens: int = 1000
    min_relevance: float | None = None

    _scope: Any = PrivateAttr()
    _captured: Any = PrivateAttr()
    _stored: set[str] = PrivateAttr(default_factory=set)
    _last: tuple[Any, str] = PrivateAttr(default=(None, ""))

    def __init__(self, garden: Place = "./garden", user: User | None = None, **kwargs: Any) -> None:
        """Memories of `user`; `InvalidScope` without one. `k` at most are recalled, of `max_tokens` in all."""
        labels = labels_of(user)
        opened = shared_garden(garden)
        super().__init__(garden=opened.where, user=labels, **kwargs)  # type: ignore[call-arg]  # pydantic's
        self._scope = opened.scope(*labels)
        self._captured = opened.scope(*labels, CHATS)

    @property
    def scope(self) -> Scope:
        """The user's scope."""
        scope: Scope = self._scope
        return scope

    async def _aget(self, messages: list[ChatMessage] | None = None, **block_kwargs: Any) -> str:
        return await asyncio.to_thread(self._recall, messages or [], block_kwargs.get("session_id"))

    async def _aput(self, messages: list[ChatMessage]) -> None:
        session = next((found for one in messages if (found := one.additional_kwargs.get("session_id"))), None)
        await asyncio.to_thread(self._remember, messages, session)

    async def atruncate(self, content: str, tokens_to_truncate: int) -> str | None:
        """The latest lines that are left when so many tokens are taken away; None for none."""
        count = (await asyncio.to_thread(shared_garden, self.garden)).embedder.window()[1]
        lines = content.splitlines() if isinstance(content, str) else []
        taken = 0
        while lines and taken < tokens_to_truncate:
            taken += count(lines.pop(0))
        return "\n".join(lines) or None

    def _recall(self, messages: list[ChatMessage], session: str | None) -> str:
        known = self._remember(messages, session)
        asked = next((one.content for one in reversed(messages) if one.role == MessageRole.USER and one.content), None)
        if asked is None:
            return ""
        # An agent asks for its memory several times a run; between them nothing was said that could be recalled.
        key = (session, asked, tuple(known))
        if self._last[0] != key:
            found = self.scope.recall(
                asked, k=self.k, max_tokens=self.max_tokens, min_relevance=self.min_relevance, known=known
            )
            self._last = (key, found)
        return self._last[1]

    def _remember(self, messages: list[ChatMessage], session: str | None) -> list[str]:
        """Store what was said and was not captured yet; returns the ids of all of it."""
        session = session or NO_SESSION
        spoken = [one for one in messages if one.role in SPOKEN and (one.content or "").strip()]
        before = ["", *(str(one.content) for one in spoken)]
        ids = [_id(session, one, earlier) for one, earlier in zip(spoken, before, strict=False)]
        new = {
            key: one
            for place, (key, one) in enumerate(zip(ids, spoken, strict=True))
            if key not in self._stored and self._captured.get(key) is None and not self._flushed(session, place, one)
        }
        now = datetime.now(UTC)
        self.scope.add_conversation(
            [
                {"id": key, "role": one.role.value, "content": clean(one.content or ""), "timestamp": now + n * TICK}
                for n, (key, one) in enumerate(new.items())
            ],
            session_id=clean(session),
        )
        # After the turns: if the process ends in between they are stored again, under the ids they have.
        self._captured.add_many([{"id": key, "text": "captured", "kind": "record"} for key in new])
        self._stored.update(ids)
        return ids

    def _flushed(self, session: str, place: int, message: ChatMessage) -> bool:
        """Whether the first of what is shown is known by its words: what came before it may have left the history."""
        said = clean(message.content or "")
        return place == 0 and any(turn.text == said for turn in self.scope.session(clean(session)))


def _id(session: str, message: ChatMessage, before: str) -> str:
    """The same for the same words of the same speaker after the same words: LlamaIndex's messages have no ids."""
    told = f"{session}\0{message.role.value}\0{message.content}\0{before}"
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class MemGardenMemory(Memory):
    """A `Memory` for `FunctionAgent` and `AgentWorkflow` whose history and long-term memory lie in a garden.

    Serialised, as `Context.to_dict` does it, it is an address: where the garden is, whose memory, which session. A new
    process goes on where the old one was.
    """

    garden: str
    user: tuple[str, ...]
    k: int = 6
    max_tokens: int = 1000
    min_relevance: float | None = None
    # Some releases know one class of chat store by name; it is ours, whatever they say.
    sql_store: Any = Field(default=None, exclude=True)

    @classmethod
    def class_name(cls) -> str:
        """What LlamaIndex calls it."""
        return "MemGardenMemory"

    @classmethod
    def from_defaults(cls, *arguments: Any, **options: Any) -> MemGardenMemory:
        """There are none: a memory is somebody's. `TypeError` says how to make one."""
        raise TypeError("a memory is a user's, in a garden: MemGardenMemory.open(garden, user='alice')")

    @classmethod
    def open(
        cls,
        garden: Place = "./garden",
        user: User | None = None,
        *,
        session_id: str | None = None,
        k: int = 6,
        max_tokens: int = 1000,
        min_relevance: float | None = None,
        token_limit: int = TOKEN_LIMIT,
        insert_method: InsertMethod = InsertMethod.USER,
    ) -> MemGardenMemory:
        """The memory of a user, with the history of a session, a new one if none is named.

        `insert_method` says where recalled memories stand: in the user's message, since an agent that has a system
        prompt would otherwise have two system messages.
        """
        labels = labels_of(user)
        opened = shared_garden(garden)
        block = MemGardenMemoryBlock(opened, labels, k=k, max_tokens=max_tokens, min_relevance=min_relevance)
        own: dict[str, Any] = {} if session_id is None else {"session_id": session_id}
        return cls(
            garden=opened.where,
            user=labels,
            k=k,
            max_tokens=max_tokens,
            min_relevance=min_relevance,
            token_limit=token_limit,
            insert_method=insert_method,
            memory_blocks=[block],
            sql_store=MemGardenChatStore(opened, labels),
            **own,
        )

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:
        """The address."""
        return {
            "class_name": self.class_name(),
            "garden": self.garden,
            "user": list(self.user),
            "session_id": self.session_id,
            "k": self.k,
            "max_tokens": self.max_tokens,
            "min_relevance": self.min_relevance,
            "token_limit": self.token_limit,
            "insert_method": self.insert_method.value,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> MemGardenMemory:
        """The memory at an address."""
        own = {key: value for key, value in data.items() if key not in ("class_name", "garden", "user")} | kwargs
        own["insert_method"] = InsertMethod(own.get("insert_method", InsertMethod.USER))
        return cls.open(data["garden"], data["user"], **own)
