"""Histories and classic memory keep a session whole, recall from the rest, and clear nothing but their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder, PromptTemplate
from langchain_core.runnables.history import RunnableWithMessageHistory

from langchain_memgarden import MemGardenChatMessageHistory
from langchain_memgarden.classic import MemGardenMemory
from memgarden import Garden, InvalidMemory, InvalidScope

MODEL = Callable[..., Any]
MESSAGES: list[BaseMessage] = [
    SystemMessage("Be kind."),
    HumanMessage("What does Mia eat?", name="Ann", id="h1"),
    AIMessage("", tool_calls=[{"name": "look_up", "args": {"who": "Mia"}, "id": "c1"}]),
    ToolMessage("tuna", tool_call_id="c1", artifact={"n": 1}),
    AIMessage([{"type": "text", "text": "She eats tuna."}], response_metadata={"model": "x"}),
    HumanMessage([{"type": "image_url", "image_url": {"url": "data:,"}}]),
]


def history(
    garden: Garden, user: str = "alice", session: str = "s1", limit: int | None = None
) -> MemGardenChatMessageHistory:
    return MemGardenChatMessageHistory(garden, user, session_id=session, limit=limit)


def test_messages_come_back_as_they_were(garden: Garden) -> None:
    """Of every type, in order, with tool calls, parts and artifacts; one at a time, together, and async."""
    history(garden).add_messages(MESSAGES[:3])
    history(garden).add_message(MESSAGES[3])
    asyncio.run(history(garden).aadd_messages(MESSAGES[4:]))
    assert history(garden).messages == MESSAGES == asyncio.run(history(garden).aget_messages())
    assert history(garden, limit=2).messages == MESSAGES[-2:]
    with pytest.raises(ValueError, match="limit"):
        history(garden, limit=0)


def test_what_was_said_is_found_and_nothing_else(garden: Garden) -> None:
    """Tools' answers and what has no words are no memories that a question finds by their words."""
    history(garden).add_messages(MESSAGES)
    hits = garden.scope("alice").search("Mia eats tuna", where={"kind": "turn"})
    assert {hit.text for hit in hits} == {"What does Mia eat?", "She eats tuna."}
    assert {hit.text for hit in garden.scope("alice").search("tool ai human", k=10)} == {hit.text for hit in hits}


def test_clearing_is_of_one_session(garden: Garden) -> None:
    """The user's other sessions and notes stay, and so does everybody else's."""
    for user, session in (("alice", "s1"), ("alice", "s2"), ("bob", "s1")):
        history(garden, user, session).add_messages(MESSAGES)
    garden.scope("alice").add("a note", metadata={"session_id": "s1"}, id="note")
    history(garden).clear()
    assert history(garden).messages == []
    assert history(garden, session="s2").messages == history(garden, "bob").messages == MESSAGES
    assert garden.scope("alice").get("note") is not None
    asyncio.run(history(garden, "bob").aclear())
    assert history(garden, "bob").messages == []


def test_order_holds_in_a_burst(garden: Garden) -> None:
    """Messages of one moment keep the order in which they came."""
    for n in range(50):
        history(garden).add_messages([HumanMessage(str(n)), AIMessage(f"{n}!")])
    assert [message.content for message in history(garden).messages] == [
        f"{n}{end}" for n in range(50) for end in ("", "!")
    ]


def test_a_history_needs_a_user(garden: Garden) -> None:
    """As everything does."""
    with pytest.raises(InvalidScope, match="whose memories"):
        MemGardenChatMessageHistory(garden, session_id="s1")


def test_a_runnable_has_its_history(garden: Garden, scripted: MODEL) -> None:
    """By user and session of its config: it goes on where the session was."""
    model = scripted("Noted.", "Tuna.", "Who?")

    def of(user_id: str, session_id: str) -> BaseChatMessageHistory:
        return history(garden, user_id, session_id)

    from langchain_core.runnables import ConfigurableFieldSpec

    chain = RunnableWithMessageHistory(
        ChatPromptTemplate([MessagesPlaceholder("history"), ("human", "{question}")]) | model,
        of,
        input_messages_key="question",
        history_messages_key="history",
        history_factory_config=[
            ConfigurableFieldSpec(id="user_id", annotation=str),
            ConfigurableFieldSpec(id="session_id", annotation=str),
        ],
    )

    def ask(question: str, user: str) -> None:
        chain.invoke({"question": question}, {"configurable": {"user_id": user, "session_id": "s"}})

    ask("Mia eats tuna.", "alice")
    ask("What does she eat?", "alice")
    assert [message.content for message in model.prompts[-1]] == ["Mia eats tuna.", "Noted.", "What does she eat?"]
    ask("What does she eat?", "bob")
    assert len(model.prompts[-1]) == 1


def test_a_chain_has_recent_turns_and_recalled_ones(garden: Garden) -> None:
    """Those of another session that fit the question, before the last turns of this one."""
    earlier = MemGardenMemory(garden=garden, user="alice", session_id="s1")
    earlier.save_context({"input": "Mia eats tuna."}, {"output": "Noted."})
    MemGardenMemory(garden=garden, user="bob", session_id="s1").save_context(
        {"input": "Rex eats beef."}, {"output": "Yes."}
    )
    memory = MemGardenMemory(garden=garden, user="alice", session_id="s2", recent=2)
    assert memory.memory_variables == ["history"]
    for n in range(3):
        memory.save_context({"input": f"Question {n}"}, {"output": f"Answer {n}"})
    history = memory.load_memory_variables({"input": "What does Mia eat?"})["history"]
    assert "Mia eats tuna." in history and "Rex" not in history
    assert history.endswith("Human: Question 2\nAI: Answer 2") and history.count("Answer 2") == 1
    asynchronous = asyncio.run(memory.aload_memory_variables({"input": "What does Mia eat?"}))
    assert asynchronous["history"] == history


def test_a_chain_may_have_messages_and_keys_of_its_own(garden: Garden) -> None:
    """`return_messages`, a key for what is recalled, and keys of several inputs and outputs."""
    MemGardenMemory(garden=garden, user="alice", session_id="s1").save_context(
        {"input": "Mia eats tuna."}, {"output": "Noted."}
    )
    plain: dict[str, Any] = {"garden": garden, "user": "alice", "session_id": "s2", "return_messages": True}
    memory = MemGardenMemory(**plain)
    memory.save_context({"input": "Hello"}, {"output": "Hi"})
    (told, *turns) = memory.load_memory_variables({"input": "Mia"})["history"]
    assert isinstance(told, SystemMessage) and "Mia eats tuna." in told.content
    assert turns == [HumanMessage("Hello"), AIMessage("Hi")]
    apart = MemGardenMemory(**plain, memory_key="turns", recalled_key="known", input_key="q", output_key="a")
    assert apart.memory_variables == ["turns", "known"]
    loaded = apart.load_memory_variables({"q": "Mia", "other": 1})
    assert loaded["turns"] == turns and "Mia eats tuna." in loaded["known"]
    apart.save_context({"q": "x", "other": 1}, {"a": "y", "sources": ""})
    assert [message.content for message in apart.chat_memory.messages] == ["Hello", "Hi", "x", "y"]
    with pytest.raises(ValueError, match="input_key"):
        memory.save_context({"q": "x", "other": 1}, {"a": "y"})
    apart.clear()
    assert apart.chat_memory.messages == [] and garden.scope("alice").count() == 2


def test_a_classic_chain_remembers(garden: Garden, scripted: MODEL) -> None:
    """A ConversationChain, whose prompt is given what another session held."""
    from langchain_classic.chains import ConversationChain

    MemGardenMemory(garden=garden, user="alice", session_id="s1").save_context(
        {"input": "Mia eats tuna."}, {"output": "Noted."}
    )
    model = scripted("Tuna.", "You asked about Mia.")
    prompt = PromptTemplate.from_template("{history}\nHuman: {input}\nAI:")
    memory = MemGardenMemory(garden=garden, user="alice", session_id="s2")
    chain = ConversationChain(llm=model, memory=memory, prompt=prompt)
    assert chain.invoke({"input": "What does Mia eat?"})["response"] == "Tuna."
    assert "Mia eats tuna." in model.told()
    chain.invoke({"input": "What did I ask?"})
    assert "Human: What does Mia eat?\nAI: Tuna." in model.told()


def test_a_session_is_a_string(garden: Garden) -> None:
    """Not a filter, which would be of several."""
    for wrong in ({"$exists": True}, "", None):
        with pytest.raises(ValueError, match="session"):
            MemGardenChatMessageHistory(garden, "alice", session_id=wrong)  # type: ignore[arg-type]


def test_a_batch_of_messages_is_stored_whole_or_not(garden: Garden) -> None:
    """However many there are."""
    messages = [HumanMessage(f"message {n}") for n in range(200)]
    with pytest.raises(InvalidMemory):
        history(garden).add_messages([*messages, HumanMessage("\ud800")])
    assert history(garden).messages == []


def test_misspelt_fields_are_refused(garden: Garden) -> None:
    """Rather than swallowed."""
    with pytest.raises(ValueError, match="min_relevence"):
        MemGardenMemory(garden=garden, user="alice", session_id="s", min_relevence=0.5)  # type: ignore[call-arg]
