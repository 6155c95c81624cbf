"""What these tests share: a LangGraph store, a clock, and a chat model that follows a script and keeps its prompts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field

from langchain_memgarden import MemGardenStore
from memgarden import Garden


class Scripted(BaseChatModel):
    """Answers with the messages of its script, one after another, and keeps every prompt."""

    script: list[AIMessage]
    prompts: list[list[BaseMessage]] = Field(default_factory=list)
    schemas: list[Any] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Scripted:  # type: ignore[override]
        self.schemas[:] = tools
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        self.prompts.append(list(messages))
        return ChatResult(generations=[ChatGeneration(message=self.script[len(self.prompts) - 1])])

    def told(self, n: int = -1) -> str:
        """All that the model was told in a prompt."""
        return "\n".join(str(message.content) for message in self.prompts[n])


@pytest.fixture
def scripted() -> Callable[..., Scripted]:
    """Makes a model of what it is to answer: texts, or messages that call tools."""

    def of(*answers: str | AIMessage) -> Scripted:
        return Scripted(script=[AIMessage(answer) if isinstance(answer, str) else answer for answer in answers])

    return of


class Clock:
    """A clock that goes as the real one does, and is put forward."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self, zone: tzinfo) -> datetime:
        """The time, as `datetime.now` gives it."""
        return datetime.now(zone) + self._ahead

    def forward(self, minutes: float) -> None:
        """Put it forward by so many minutes."""
        self._ahead += timedelta(minutes=minutes)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What gardens and stores of this process take for the time."""
    clock = Clock()
    for module in ("memgarden.records", "langchain_memgarden.store"):
        monkeypatch.setattr(f"{module}.datetime", clock)
    return clock


@pytest.fixture
def store(garden: Garden) -> MemGardenStore:
    """An empty store."""
    return MemGardenStore(garden)


def keys(items: Any) -> list[str]:
    """The items' keys, in their order."""
    return [item.key for item in items]
