"""Memory for `create_agent`: recalls before the agent works, and remembers the exchange when it has."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, NotRequired

from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse
from langchain.agents.middleware.types import PrivateStateAttr
from langchain_core.messages import SystemMessage
from langchain_core.runnables.config import ensure_config

from langchain_memgarden.recall import PROMPT, clean, fenced, last_question, message_text, storable
from langchain_memgarden.users import Place, User, runtime_user, scope_of
from memgarden import shared_garden

__all__ = ["MemGardenMiddleware"]


class RecallingState(AgentState[Any]):
    """The agent's state with what was recalled for the run."""

    memgarden_recalled: NotRequired[Annotated[str, PrivateStateAttr]]


class MemGardenMiddleware(AgentMiddleware[RecallingState, Any]):
    """Gives an agent a memory of its user that outlives threads and processes.

    Before the agent works, the memories that fit the last user message are looked up, once a run; every call of the
    model has them in its system message, within `max_tokens`. When it has worked, the message and what was answered are
    stored as turns of the thread. What the thread still holds is not recalled a second time.

    Whose memories: `user_id` of the run's `context`, else of its config's `configurable`; a run without one is an
    error. The model neither sees nor chooses it.
    """

    state_schema = RecallingState

    def __init__(
        self,
        garden: Place = "./garden",
        *,
        k: int = 6,
        max_tokens: int = 1000,
        min_relevance: float | None = None,
        remember: bool = True,
        prompt: str = PROMPT,
        user: Callable[[Any], User] = runtime_user,
    ) -> None:
        """`k` memories at most are recalled, those of at least `min_relevance`; `remember=False` only reads.

        `prompt` holds `{memories}`. `user` finds the user in a run's `Runtime`, where it is elsewhere.
        """
        super().__init__()
        if "{memories}" not in prompt:
            raise ValueError("the prompt needs a place for what is recalled: write {memories} in it")
        if not callable(user):
            raise TypeError("user is a function that finds the user in a run's Runtime; a run's context names the user")
        self._garden = shared_garden(garden)
        self._k = k
        self._max_tokens = max_tokens
        self._min_relevance = min_relevance
        self._remember = remember
        self._prompt = prompt
        self._user = user

    @property
    def name(self) -> str:
        """What the agent's graph calls it."""
        return "memgarden"

    def before_agent(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """Recall for the last user message."""
        messages = state["messages"]
        at = last_question(messages)
        scope = scope_of(self._garden, self._user(runtime))
        if at is None:
            return {"memgarden_recalled": ""}
        found = scope.recall(
            message_text(messages[at]),
            k=self._k,
            max_tokens=self._max_tokens,
            min_relevance=self._min_relevance,
            known={message.id for message in messages if message.id} | set(map(message_text, messages)),
        )
        return {"memgarden_recalled": found}

    async def abefore_agent(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """As `before_agent`, in a thread."""
        return await asyncio.to_thread(self.before_agent, state, runtime)

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Call the model with what was recalled in its system message."""
        return handler(self._told(request))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """As `wrap_model_call`."""
        return await handler(self._told(request))

    def _told(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        found = request.state.get("memgarden_recalled")
        if not found:
            return request
        own: list[Any] = request.system_message.content_blocks if request.system_message is not None else []
        block = {"type": "text", "text": fenced(self._prompt, str(found))}
        return request.override(system_message=SystemMessage(content=[*own, block]))

    def after_agent(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """Remember the user's message and what was answered to it."""
        messages = state["messages"]
        at = last_question(messages)
        if self._remember and at is not None:
            scope = scope_of(self._garden, self._user(runtime))
            thread = ensure_config().get("configurable", {}).get("thread_id")
            scope.add_conversation(
                map(storable, messages[at:]), session_id=None if thread is None else clean(str(thread))
            )
        return None

    async def aafter_agent(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """As `after_agent`, in a thread."""
        return await asyncio.to_thread(self.after_agent, state, runtime)
