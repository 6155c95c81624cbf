"""Agents with a memory: a fact told in one run is in the prompt of a later one, in a new process, for its user only."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.base.llms.types import ToolCallBlock
from llama_index.core.llms import ChatMessage, MessageRole, TextBlock
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.core.memory import InsertMethod, Memory
from llama_index.core.storage.chat_store.base_db import MessageStatus
from llama_index.core.workflow import Context

from llama_index_memgarden import MemGardenChatStore, MemGardenMemory, MemGardenMemoryBlock, MemGardenToolSpec
from memgarden import Garden, InvalidMemory, InvalidScope, shared_garden
from memgarden.embed.hashing import HashingEmbedder

OPEN = Callable[..., Garden]


class Told:
    """A scripted model's generator that keeps every prompt."""

    def __init__(self, *answers: Any) -> None:
        self.prompts: list[list[ChatMessage]] = []
        self.answers = list(answers)

    def __call__(self, messages: list[ChatMessage], **options: Any) -> ChatMessage:
        self.prompts.append(list(messages))
        blocks = self.answers[min(len(self.prompts), len(self.answers)) - 1]
        return ChatMessage(role="assistant", blocks=[TextBlock(text=blocks)] if isinstance(blocks, str) else blocks)

    @property
    def last(self) -> str:
        return "\n".join(str(message.content) for message in self.prompts[-1])


def agent(told: Told, tools: Any = None, *, workflow: bool = False, system: str | None = "Be kind.") -> Any:
    llm = MockFunctionCallingLLM(response_generator=told)
    one = FunctionAgent(
        llm=llm, tools=tools or [], system_prompt=system, streaming=False, name="one", description="one"
    )
    return AgentWorkflow(agents=[one]) if workflow else one


def run(one: Any, text: str, **options: Any) -> str:
    async def work() -> Any:
        return await one.run(text, **options)

    return str(asyncio.run(work()))


@pytest.mark.parametrize("workflow", [False, True])
def test_an_agent_recalls_what_its_user_said(open_garden: OPEN, workflow: bool) -> None:
    """In another session, after a restart; nothing of others; and one system message."""
    first = open_garden()
    run(agent(Told("Noted."), workflow=workflow), "My cat Mia eats tuna.", memory=MemGardenMemory.open(first, "alice"))
    run(agent(Told("Noted."), workflow=workflow), "My dog Rex eats beef.", memory=MemGardenMemory.open(first, "bob"))
    first.close()
    garden = open_garden()
    told = Told("Tuna.")
    run(agent(told, workflow=workflow), "What does my cat eat?", memory=MemGardenMemory.open(garden, "alice"))
    assert "Mia eats tuna" in told.last and "Rex" not in told.last
    assert [message.role for message in told.prompts[-1]].count(MessageRole.SYSTEM) == 1
    run(agent(told, workflow=workflow), "What does my cat eat?", memory=MemGardenMemory.open(garden, "carol"))
    assert "Mia" not in told.last


def test_a_session_goes_on(open_garden: OPEN) -> None:
    """Its history is there in a new process, and what it holds is not recalled on top."""
    first = open_garden()
    run(agent(Told("Noted.")), "My cat Mia eats tuna.", memory=MemGardenMemory.open(first, "alice", session_id="s"))
    first.close()
    told = Told("Tuna.")
    run(agent(told), "What does she eat?", memory=MemGardenMemory.open(open_garden(), "alice", session_id="s"))
    assert told.last.count("Mia eats tuna") == 1
    assert [message.role.value for message in told.prompts[-1]] == ["system", "user", "assistant", "user"]


def test_a_context_keeps_it(tmp_path: Path) -> None:
    """`to_dict` and `from_dict`, as JSON, in the next run of the same context."""
    shared = shared_garden(tmp_path / "g", embedder=HashingEmbedder(64))
    told = Told("Noted.", "Tuna.")
    one = agent(told)

    async def work() -> dict[str, Any]:
        context = Context(one)
        await one.run("My cat Mia eats tuna.", ctx=context, memory=MemGardenMemory.open(tmp_path / "g", "alice"))
        saved = json.loads(json.dumps(context.to_dict()))
        restored = Context.from_dict(one, saved)
        await one.run("What does she eat?", ctx=restored)
        return saved

    saved = asyncio.run(work())
    assert "MemGardenMemory" in json.dumps(saved)
    assert told.last.count("Mia eats tuna") == 1 and len(told.prompts[-1]) == 4
    shared.close()


def test_a_new_process_keeps_it(tmp_path: Path) -> None:
    """A context that another process saved."""
    code = (
        "import asyncio, json, sys\n"
        "from llama_index.core.agent.workflow import FunctionAgent\n"
        "from llama_index.core.llms import ChatMessage\n"
        "from llama_index.core.llms.mock import MockFunctionCallingLLM\n"
        "from llama_index.core.workflow import Context\n"
        "from llama_index_memgarden import MemGardenMemory\n"
        "from memgarden import shared_garden\n"
        "from memgarden.embed.hashing import HashingEmbedder\n"
        "folder, saved, text = sys.argv[1:]\n"
        "shared_garden(folder + '/g', embedder=HashingEmbedder(64))\n"
        "prompts = []\n"
        "def answer(messages, **options):\n"
        "    prompts.append(' | '.join(str(m.content) for m in messages))\n"
        "    return ChatMessage(role='assistant', content='Noted.')\n"
        "agent = FunctionAgent(llm=MockFunctionCallingLLM(response_generator=answer), tools=[], streaming=False)\n"
        "async def work():\n"
        "    try:\n"
        "        context = Context.from_dict(agent, json.load(open(saved)))\n"
        "        await agent.run(text, ctx=context)\n"
        "    except FileNotFoundError:\n"
        "        context = Context(agent)\n"
        "        await agent.run(text, ctx=context, memory=MemGardenMemory.open(folder + '/g', 'alice'))\n"
        "    json.dump(context.to_dict(), open(saved, 'w'))\n"
        "asyncio.run(work())\n"
        "print(prompts[-1])\n"
    )
    for text, due in (("My cat Mia eats tuna.", ""), ("What does she eat?", "Mia eats tuna")):
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path), str(tmp_path / "saved.json"), text],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert due in done.stdout and text in done.stdout


def test_a_block_captures_what_it_is_shown(garden: Garden) -> None:
    """Each message once, however often it is asked, though LlamaIndex hands it none; tools' answers are passed over."""
    block = MemGardenMemoryBlock(garden, "alice")
    memory = Memory.from_defaults(session_id="s", memory_blocks=[block], insert_method=InsertMethod.USER)

    async def work() -> None:
        for role, text in (("user", "Mia eats tuna."), ("assistant", "Noted."), ("tool", "{}"), ("user", "And Tom?")):
            await memory.aput(ChatMessage(role=role, content=text))
            await memory.aget()
            await memory.aget()

    asyncio.run(work())
    assert [turn.text for turn in garden.scope("alice").session("s")] == ["Mia eats tuna.", "Noted.", "And Tom?"]
    again = MemGardenMemoryBlock(garden, "alice")
    asyncio.run(again.aget([ChatMessage(role="user", content="Mia eats tuna.")], session_id="s"))
    assert len(garden.scope("alice").session("s")) == 3


def test_what_is_flushed_is_stored_once(garden: Garden) -> None:
    """A short-term memory that overflows hands over what was captured already."""
    block = MemGardenMemoryBlock(garden, "alice")
    memory = Memory.from_defaults(session_id="s", memory_blocks=[block], token_limit=60, token_flush_size=20)

    async def work() -> None:
        for n in range(20):
            await memory.aput(ChatMessage(role="user", content=f"fact number {n} about tea"))
            await memory.aput(ChatMessage(role="assistant", content=f"noted {n}"))
            await memory.aget()

    asyncio.run(work())
    turns = [turn.text for turn in garden.scope("alice").session("s")]
    assert sorted(turns) == sorted(
        [f"fact number {n} about tea" for n in range(20)] + [f"noted {n}" for n in range(20)]
    )


def test_a_run_recalls_once(garden: Garden, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run asks for its memory several times; the last user message is looked up once."""
    from memgarden import Scope

    searches: list[str] = []
    recall = Scope.recall
    monkeypatch.setattr(
        Scope,
        "recall",
        lambda self, question, **options: searches.append(question) or recall(self, question, **options),
    )
    run(agent(Told("Yes.")), "What does Mia eat?", memory=MemGardenMemory.open(garden, "alice"))
    assert len(searches) <= 2


def test_a_block_is_shortened(garden: Garden) -> None:
    """By lines, the oldest first, until what is asked is saved."""
    block = MemGardenMemoryBlock(garden, "alice")
    lines = "\n".join(f"- [2024-05-0{n}] line number {n}" for n in range(1, 5))
    shorter = asyncio.run(block.atruncate(lines, 5))
    assert shorter is not None and shorter.endswith("line number 4") and "line number 1" not in shorter
    assert asyncio.run(block.atruncate(lines, 10_000)) is None


def test_a_user_is_required(garden: Garden) -> None:
    """For blocks, memories, tools and chats."""
    for make in (MemGardenMemoryBlock, MemGardenMemory.open, MemGardenToolSpec, MemGardenChatStore):
        with pytest.raises(InvalidScope, match="user"):
            make(garden)
    with pytest.raises(TypeError, match=r"MemGardenMemory\.open"):
        MemGardenMemory.from_defaults()


def test_tools_are_bound_to_a_user(garden: Garden) -> None:
    """The model remembers, recalls and forgets for that user; their schemas do not name one."""
    garden.scope("bob").add("Rex eats beef.", id="rex")
    tools = MemGardenToolSpec(garden, "alice").to_tool_list()
    schemas = json.dumps([tool.metadata.to_openai_tool() for tool in tools])
    assert [tool.metadata.name for tool in tools] == ["remember", "recall", "forget"] and "user" not in schemas.replace(
        "the user", ""
    )

    def call(name: str, **arguments: Any) -> list[Any]:
        return [ToolCallBlock(tool_name=name, tool_kwargs=arguments, tool_call_id=name)]

    told = Told(
        call("remember", text="Mia eats tuna.", importance="high"),
        call("recall", query="what is eaten"),
        call("forget", memory_id="rex"),
        call("remember", text="  "),
        "Done.",
    )
    assert run(agent(told, tools), "Go on.") == "Done."
    (memory,) = garden.scope("alice").list()
    assert (memory.text, memory.importance.label) == ("Mia eats tuna.", "high")
    assert "Mia eats tuna." in told.last and "There is no memory 'rex'." in told.last and "Not remembered" in told.last
    assert garden.scope("bob").get("rex") is not None
    spec = MemGardenToolSpec(garden, "alice")
    assert memory.id in asyncio.run(spec.arecall("tuna")) and spec.recall(" ") == "Nothing is known about that."
    assert asyncio.run(spec.aforget(memory.id)) == "Forgotten."


def test_chats_are_kept(garden: Garden) -> None:
    """Every method of LlamaIndex's chat store, per user and key."""
    chats = MemGardenChatStore(garden, "alice")
    messages = [ChatMessage(role="user", content=f"m{n}", additional_kwargs={"n": n}) for n in range(5)]

    async def work() -> None:
        await chats.add_message("k", messages[0])
        await chats.add_messages("k", messages[1:])
        assert await chats.get_messages("k") == messages
        assert await chats.get_messages("k", limit=2, offset=1) == messages[1:3]
        assert await chats.count_messages("k") == 5 and await chats.count_messages("other") == 0
        assert await chats.archive_oldest_messages("k", 2) == messages[:2]
        assert await chats.get_messages("k") == messages[2:]
        assert await chats.get_messages("k", MessageStatus.ARCHIVED) == messages[:2]
        assert await chats.get_messages("k", None) == messages
        assert await chats.delete_message("k", 0) == messages[2] and await chats.delete_message("k", 9) is None
        assert await chats.delete_oldest_messages("k", 1) == [messages[3]]
        await chats.set_messages("k", messages[:1])
        assert await chats.get_messages("k") == messages[:1] and await chats.count_messages("k", None) == 3
        await chats.add_message("l", messages[0])
        assert set(await chats.get_keys()) == {"k", "l"}
        await chats.delete_messages("k")
        assert await chats.get_keys() == ["l"]
        assert await MemGardenChatStore(garden, "bob").get_keys() == []

    asyncio.run(work())


def test_what_was_forgotten_stays_forgotten(open_garden: OPEN) -> None:
    """Though the session's history still holds it, in this process and in a later one."""
    first = open_garden()
    memory = MemGardenMemory.open(first, "alice", session_id="s")

    async def say(one: MemGardenMemory, *texts: str) -> None:
        for text in texts:
            await one.aput(ChatMessage(role="user", content=text))
            await one.aget()

    asyncio.run(say(memory, "My pin is 4711.", "And now?"))
    (pin,) = [turn for turn in first.scope("alice").session("s") if "4711" in turn.text]
    assert MemGardenToolSpec(first, "alice").forget(pin.id) == "Forgotten."
    asyncio.run(say(memory, "Go on."))
    first.close()
    garden = open_garden()
    asyncio.run(say(MemGardenMemory.open(garden, "alice", session_id="s"), "Still there?"))
    turns = [turn.text for turn in garden.scope("alice").session("s")]
    assert turns == ["And now?", "Go on.", "Still there?"]


def test_equal_answers_are_several(garden: Garden) -> None:
    """To different questions."""
    block = MemGardenMemoryBlock(garden, "alice")
    told = ["Shall I book the train?", "yes", "Shall I cancel the hotel?", "yes"]
    roles = ["assistant", "user"] * 2
    messages = [ChatMessage(role=role, content=text) for role, text in zip(roles, told, strict=True)]
    for n in range(1, 5):
        asyncio.run(block.aget(messages[:n], session_id="s"))
    assert [turn.text for turn in garden.scope("alice").session("s")] == told
    asyncio.run(block.aget(messages[1:], session_id="s"))  # the first has left the history
    assert [turn.text for turn in garden.scope("alice").session("s")] == told


def test_sessions_do_not_share_an_answer(garden: Garden) -> None:
    """What was looked up for one is not told to another that asks the same later."""
    block = MemGardenMemoryBlock(garden, "alice")
    asked = [ChatMessage(role="user", content="What does my cat eat?")]
    assert "tuna" not in asyncio.run(block.aget(asked, session_id="a"))
    garden.scope("alice").add("My cat eats tuna.")
    assert "tuna" in asyncio.run(block.aget(asked, session_id="b"))


def test_what_cannot_be_stored_is_mended(garden: Garden) -> None:
    """NUL and half a character cost no run, and a history is not lost to one bad message."""
    chats = MemGardenChatStore(garden, "alice")
    memory = MemGardenMemory.open(garden, "alice")

    async def work() -> None:
        await memory.aput(ChatMessage(role="tool", content="pdf text\0 here"))
        await memory.aput(ChatMessage(role="user", content="cut \ud83d"))
        assert "cut ?" in str((await memory.aget())[-1].content)
        await chats.add_message("k", ChatMessage(role="user", content="kept"))
        deep: dict[str, Any] = {}
        for _ in range(50):
            deep = {"deeper": deep}
        with pytest.raises(InvalidMemory, match="nested"):
            await chats.set_messages("k", [ChatMessage(role="user", content="x", additional_kwargs=deep)])
        assert [message.content for message in await chats.get_messages("k")] == ["kept"]

    asyncio.run(work())


def test_misspelt_options_are_refused(garden: Garden) -> None:
    """Rather than swallowed."""
    with pytest.raises(ValueError, match="nonsense"):
        MemGardenMemoryBlock(garden, "alice", nonsense=1)
