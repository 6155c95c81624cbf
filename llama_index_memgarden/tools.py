"""Tools with which an agent's model remembers, recalls and forgets, for one user and nobody else."""

from __future__ import annotations

import asyncio

from llama_index.core.tools.tool_spec.base import SPEC_FUNCTION_TYPE, BaseToolSpec

from llama_index_memgarden.texts import clean
from llama_index_memgarden.users import Place, User, scope_of
from memgarden import InvalidMemory, Scope, as_told

__all__ = ["MemGardenToolSpec"]


class MemGardenToolSpec(BaseToolSpec):
    """`remember`, `recall` and `forget`, bound to a user whom the model neither sees nor chooses.

    `MemGardenToolSpec("./garden", user="alice").to_tool_list()`
    """

    spec_functions: list[SPEC_FUNCTION_TYPE] = [  # noqa: RUF012  # as in the base class
        ("remember", "aremember"),
        ("recall", "arecall"),
        ("forget", "aforget"),
    ]

    def __init__(self, garden: Place = "./garden", user: User | None = None, *, k: int = 5) -> None:
        """`k` memories at most are recalled."""
        self._scope: Scope = scope_of(garden, user)
        self._k = k

    def remember(self, text: str, importance: str = "medium") -> str:
        """Store a fact about the user, or something they want kept, for later conversations.

        Write a whole sentence that can be understood by itself. Importance is low, medium, high or critical.
        """
        try:
            return f"Remembered as {self._scope.add(clean(text), importance=importance).id}."
        except InvalidMemory as error:
            return f"Not remembered: {error}"

    def recall(self, query: str) -> str:
        """Look up what is known of the user from earlier conversations; each result has its id, date and text."""
        hits = self._scope.search(clean(query), k=self._k, phrases=False) if clean(query).strip() else []
        lines = [f"{hit.id} [{hit.memory.created_at:%Y-%m-%d}] {as_told(hit.memory, hit.text)}" for hit in hits]
        return "\n".join(lines) or "Nothing is known about that."

    def forget(self, memory_id: str) -> str:
        """Delete a memory for good, by the id that `recall` or `remember` gave."""
        return "Forgotten." if self._scope.delete(memory_id) else f"There is no memory {memory_id!r}."

    async def aremember(self, text: str, importance: str = "medium") -> str:
        """As `remember`."""
        return await asyncio.to_thread(self.remember, text, importance)

    async def arecall(self, query: str) -> str:
        """As `recall`."""
        return await asyncio.to_thread(self.recall, query)

    async def aforget(self, memory_id: str) -> str:
        """As `forget`."""
        return await asyncio.to_thread(self.forget, memory_id)
