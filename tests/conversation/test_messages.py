"""Whatever form the messages of a conversation come in, each with text becomes one turn, in order, in its session."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock

from memgarden import Garden, InvalidMemory, Scope

MAY = datetime(2024, 5, 1, 12, 30, tzinfo=UTC)


@pytest.fixture
def alice(tmp_path) -> Scope:
    with Garden.open(tmp_path / "g", embedder="hashing:64", chroma=None) as garden:
        yield garden.scope("alice")


def told(scope: Scope, session: str) -> list[tuple[str, str]]:
    return [(turn.metadata.get("speaker") or turn.metadata["role"], turn.text) for turn in scope.session(session)]


def test_dicts_become_turns(alice: Scope) -> None:
    """Names, roles, times and ids are kept; the ids come back in order."""
    ids = alice.add_conversation(
        [
            {
                "role": "user",
                "name": "Ann",
                "content": "I bought a kayak.",
                "timestamp": "2024-05-01T12:30:00Z",
                "id": "a",
            },
            {"role": "assistant", "content": "What colour is it?", "timestamp": MAY.timestamp() + 60},
            {"name": "Ann", "content": [{"type": "text", "text": "Red."}, {"type": "image_url", "image_url": {}}]},
        ],
        session_id="s1",
        tags=["boats"],
    )
    turns = alice.session("s1")
    assert [turn.id for turn in turns] == ids
    assert ids[0] == "a"
    assert told(alice, "s1") == [("Ann", "I bought a kayak."), ("assistant", "What colour is it?"), ("Ann", "Red.")]
    assert turns[0].created_at == MAY
    assert turns[0].created_at < turns[1].created_at < turns[2].created_at
    assert {turn.kind for turn in turns} == {"turn"}
    assert turns[1].tags == ("boats",)


def test_framework_messages_become_turns(alice: Scope) -> None:
    """LangChain's and LlamaIndex's messages give the same turns; instructions and tools' answers are passed over."""
    alice.add_conversation(
        [
            SystemMessage("Be kind."),
            HumanMessage("My cat is called Miso.", name="Ann"),
            AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "1"}]),
            ToolMessage("nothing", tool_call_id="1"),
            AIMessage([{"type": "text", "text": "Lovely name."}]),
        ],
        session_id="lc",
    )
    alice.add_conversation(
        [
            ChatMessage(role="system", content="Be kind."),
            ChatMessage(
                role="user", blocks=[TextBlock(text="My cat is called Miso."), ImageBlock(url="http://x/y.png")]
            ),
            ChatMessage(role="assistant", content="Lovely name."),
        ],
        session_id="li",
    )
    assert told(alice, "lc") == [("Ann", "My cat is called Miso."), ("assistant", "Lovely name.")]
    assert told(alice, "li") == [("user", "My cat is called Miso."), ("assistant", "Lovely name.")]


def test_a_session_goes_on(alice: Scope) -> None:
    """Messages added later to a session follow those before; another session and another scope see none of it."""
    alice.add_conversation([{"content": "one"}], session_id="s")
    alice.add_conversation([{"content": "two"}, {"content": "three"}], session_id="s")
    alice.add_conversation([{"content": "elsewhere"}], session_id="t")
    assert [turn.text for turn in alice.session("s")] == ["one", "two", "three"]
    assert alice.session("u") == []


def test_equal_ids_replace(alice: Scope) -> None:
    """A conversation that is handed in again with its ids is stored once."""
    messages = [{"content": f"turn {n}", "id": f"m{n}", "timestamp": 1_700_000_000 + n} for n in range(4)]
    alice.add_conversation(messages, session_id="s")
    alice.add_conversation(messages, session_id="s")
    assert [turn.id for turn in alice.session("s")] == ["m0", "m1", "m2", "m3"]


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ("hello", "several messages"),
        ({"content": "hello"}, "several messages"),
        ([42], "message 0 is int"),
        ([{"content": 7}], "content is a string"),
        ([{"content": "x", "timestamp": "soon"}], "is no time"),
        ([{"content": "x", "metadata": "y"}], "metadata is a mapping"),
        ([{"content": "a\ud800b"}], "no database stores"),
    ],
)
def test_bad_messages_say_which(alice: Scope, messages: object, said: str) -> None:
    """What is no conversation is refused with what is due instead."""
    with pytest.raises(InvalidMemory, match=said):
        alice.add_conversation(messages)  # type: ignore[arg-type]
    assert alice.count() == 0


def test_a_session_id_is_a_string(alice: Scope) -> None:
    """An empty or other session id is refused."""
    for wrong in ("", 7):
        with pytest.raises(InvalidMemory, match="session's id"):
            alice.add_conversation([{"content": "x"}], session_id=wrong)  # type: ignore[arg-type]
