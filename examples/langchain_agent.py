"""An agent that remembers its user across threads and restarts, by middleware and with tools of its own.

pip install "memgarden[agents]"; python examples/langchain_agent.py [FOLDER]. Run it twice: the second run recalls what
the first was told. Put your chat model in place of the fake one, which shows what it was told instead of answering.
"""

from __future__ import annotations

import sys
import uuid
from dataclasses import dataclass
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from langchain_memgarden import MemGardenMiddleware, memory_tools
from memgarden import Garden


class Echo(BaseChatModel):
    """Says what it was told of the user."""

    @property
    def _llm_type(self) -> str:
        return "echo"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Echo:
        """It calls none."""
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        told = [message.text for message in messages if isinstance(message, SystemMessage)]
        lines = [line for text in told for line in str(text).splitlines() if line.startswith("- ")]
        answer = AIMessage("I was told: " + (" ".join(lines) or "nothing yet."))
        return ChatResult(generations=[ChatGeneration(message=answer)])


@dataclass
class Context:
    """Who talks to the agent: the program knows, the model does not."""

    user_id: str


def main(folder: str = "./agent-garden") -> None:
    """Two users talk to one agent, each message in a thread of its own."""
    with Garden.open(folder) as garden:
        agent = create_agent(
            Echo(),
            tools=memory_tools(garden),
            middleware=[MemGardenMiddleware(garden)],
            context_schema=Context,
        )
        for user, text in (
            ("alice", "My cat Mia only eats tuna."),
            ("bob", "My dog Rex only eats beef."),
            ("alice", "What should I buy for my cat?"),
            ("bob", "What should I buy for my dog?"),
        ):
            done = agent.invoke(
                {"messages": [{"role": "user", "content": text}]},
                {"configurable": {"thread_id": uuid.uuid4().hex}},
                context=Context(user_id=user),
            )
            print(f"{user}: {text}\n   -> {done['messages'][-1].content}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
