"""Memory for the chains of `langchain_classic`, which still take one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, get_buffer_string
from pydantic import ConfigDict

from memgarden import Garden, MissingExtra

try:
    from langchain_classic.base_memory import BaseMemory
except ModuleNotFoundError as error:
    if error.name != "langchain_classic":
        raise
    raise MissingExtra("langchain-classic", "classic") from error

from langchain_memgarden.history import MemGardenChatMessageHistory, to_messages
from langchain_memgarden.recall import PROMPT, fenced

__all__ = ["MemGardenMemory"]


class MemGardenMemory(BaseMemory):
    """A chain's memory: the last turns of its session, and what fits the question from everything the user ever said.

    The chain's prompt has `memory_key` in it: text, or messages with `return_messages`. What was recalled stands before
    the turns, or by itself in the variable `recalled_key` if that is given. `clear` deletes this session and no other.

    `input_key` and `output_key` need only be given for chains with several inputs or outputs.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    garden: Garden | str | Path
    user: str | tuple[str, ...]
    session_id: str
    memory_key: str = "history"
    recalled_key: str | None = None
    input_key: str | None = None
    output_key: str | None = None
    return_messages: bool = False
    human_prefix: str = "Human"
    ai_prefix: str = "AI"
    recent: int = 6
    k: int = 4
    max_tokens: int = 1000
    min_relevance: float | None = None

    @property
    def memory_variables(self) -> list[str]:
        """The keys that the chain's prompt is given."""
        return [self.memory_key] if self.recalled_key is None else [self.memory_key, self.recalled_key]

    @property
    def chat_memory(self) -> MemGardenChatMessageHistory:
        """The messages of the session."""
        return MemGardenChatMessageHistory(self.garden, self.user, session_id=self.session_id)

    def load_memory_variables(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The last turns, and what is known that fits the input."""
        history = self.chat_memory
        turns = history.stored(self.recent) if self.recent else []
        stored = to_messages(turns)
        question = str(inputs[self._key(inputs, self.input_key, "input")]) if inputs else ""
        found = history.scope.recall(
            question,
            k=self.k,
            max_tokens=self.max_tokens,
            min_relevance=self.min_relevance,
            known={turn.id for turn in turns},
        )
        told = fenced(PROMPT, found) if found else ""
        if self.recalled_key is not None:
            return {self.memory_key: self._shown(stored), self.recalled_key: told}
        if self.return_messages:
            return {self.memory_key: [*([SystemMessage(told)] if told else []), *stored]}
        return {self.memory_key: "\n\n".join(part for part in (told, self._shown(stored)) if part)}

    def _shown(self, messages: list[BaseMessage]) -> Any:
        if self.return_messages:
            return messages
        return get_buffer_string(messages, human_prefix=self.human_prefix, ai_prefix=self.ai_prefix)

    def save_context(self, inputs: dict[str, Any], outputs: dict[str, str]) -> None:
        """Store what was asked and what was answered."""
        asked = str(inputs[self._key(inputs, self.input_key, "input")])
        answered = str(outputs[self._key(outputs, self.output_key, "output")])
        self.chat_memory.add_messages([HumanMessage(asked), AIMessage(answered)])

    def _key(self, values: dict[str, Any], key: str | None, what: str) -> str:
        if key is not None:
            return key
        own = [name for name in values if name not in self.memory_variables and name != "stop"]
        if len(own) != 1:
            raise ValueError(f"the chain has the {what}s {own}: say which one is remembered, with {what}_key=...")
        return own[0]

    def clear(self) -> None:
        """Delete the messages of this session."""
        self.chat_memory.clear()
