"""Tools with which an agent's model remembers, recalls and forgets, for the user of the run and nobody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from langchain.tools import ToolRuntime, tool
from langchain_core.tools import BaseTool

from langchain_memgarden.recall import clean
from langchain_memgarden.users import Place, User, runtime_user, scope_of
from memgarden import InvalidMemory, Scope, as_told, shared_garden

__all__ = ["memory_tools"]


def memory_tools(
    garden: Place = "./garden", *, k: int = 5, user: Callable[[Any], User] = runtime_user
) -> list[BaseTool]:
    """The tools `remember`, `recall` and `forget` for `create_agent` or a `ToolNode`; pass on those you want.

    Whose memories: `user_id` of the run's `context`, else of its config's `configurable`, or what `user` finds in the
    run's `ToolRuntime`. The model has no say in it and never sees it.
    """
    opened = shared_garden(garden)

    def scope(runtime: ToolRuntime[Any, Any]) -> Scope:
        return scope_of(opened, user(runtime))

    @tool
    def remember(
        text: str, runtime: ToolRuntime[Any, Any], importance: Literal["low", "medium", "high", "critical"] = "medium"
    ) -> str:
        """Store a fact about the user, or something they want kept, for later conversations.

        Write a whole sentence that can be understood by itself.
        """
        own = scope(runtime)
        try:
            return f"Remembered as {own.add(clean(text), importance=importance).id}."
        except InvalidMemory as error:
            return f"Not remembered: {error}"

    @tool
    def recall(query: str, runtime: ToolRuntime[Any, Any]) -> str:
        """Look up what is known of the user from earlier conversations; each result has its id, date and text."""
        hits = scope(runtime).search(clean(query), k=k, phrases=False) if clean(query).strip() else []
        lines = [f"{hit.id} [{hit.memory.created_at:%Y-%m-%d}] {as_told(hit.memory, hit.text)}" for hit in hits]
        return "\n".join(lines) or "Nothing is known about that."

    @tool
    def forget(memory_id: str, runtime: ToolRuntime[Any, Any]) -> str:
        """Delete a memory for good, by the id that `recall` or `remember` gave."""
        return "Forgotten." if scope(runtime).delete(memory_id) else f"There is no memory {memory_id!r}."

    return [remember, recall, forget]
