"""A chat agent that remembers its user across sessions: run it twice.

pip install "memgarden[llama-index]"; python examples/llama_index_agent.py [FOLDER]. Put your model in place of the fake
one, which says what it was told of the user.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.core.llms.mock import MockFunctionCallingLLM

from llama_index_memgarden import MemGardenMemory, MemGardenToolSpec
from memgarden import Garden


def echo(messages: list[ChatMessage], **options: Any) -> ChatMessage:
    """What the prompt holds of earlier conversations."""
    told = [line for message in messages for line in str(message.content or "").splitlines() if line.startswith("- [")]
    return ChatMessage(role="assistant", content="I was told: " + (" ".join(told) or "nothing yet."))


async def talk(garden: Garden) -> None:
    """Two users, each message in a session of its own."""
    for user, text in (
        ("alice", "My cat Mia only eats tuna."),
        ("bob", "My dog Rex only eats beef."),
        ("alice", "What should I buy for my cat?"),
        ("bob", "What should I buy for my dog?"),
    ):
        agent = FunctionAgent(
            llm=MockFunctionCallingLLM(response_generator=echo),
            tools=MemGardenToolSpec(garden, user=user).to_tool_list(),
            system_prompt="You are kind.",
            streaming=False,
        )
        answer = await agent.run(text, memory=MemGardenMemory.open(garden, user=user))
        print(f"{user}: {text}\n   -> {answer}")


def main(folder: str = "./agent-garden") -> None:
    """Open the garden, and talk."""
    with Garden.open(folder) as garden:
        asyncio.run(talk(garden))


if __name__ == "__main__":
    main(*sys.argv[1:2])
