"""mem0 works over the vector store: its `langchain` provider, with `infer=False` and no model that talks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel

from langchain_memgarden import MemGardenEmbeddings, MemGardenVectorStore
from memgarden import Garden


@pytest.fixture
def memory(garden: Garden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """mem0's Memory over one scope; nothing of it leaves the machine."""
    monkeypatch.setenv("MEM0_TELEMETRY", "False")
    monkeypatch.setenv("MEM0_DIR", str(tmp_path / "mem0"))
    from mem0 import Memory

    store = MemGardenVectorStore(garden, "mem0")
    return Memory.from_config(
        {
            "vector_store": {"provider": "langchain", "config": {"client": store}},
            "embedder": {"provider": "langchain", "config": {"model": MemGardenEmbeddings(garden)}},
            "llm": {"provider": "langchain", "config": {"model": FakeListChatModel(responses=["{}"])}},
            "history_db_path": str(tmp_path / "history.db"),
        }
    )


def test_mem0_adds_searches_updates_and_deletes_per_user(memory: Any) -> None:
    """Each user finds their own, by the store's filters."""
    added = memory.add("Mia the cat eats tuna", user_id="alice", infer=False)["results"]
    memory.add("Rex the dog eats beef", user_id="bob", infer=False)
    found = memory.search("what does the cat eat", filters={"user_id": "alice"})["results"]
    assert [one["memory"] for one in found] == ["Mia the cat eats tuna"]
    assert [one["memory"] for one in memory.search("the dog", filters={"user_id": "bob"})["results"]] == [
        "Rex the dog eats beef"
    ]
    (id,) = [one["id"] for one in added]
    memory.update(id, "Mia the cat eats salmon")
    assert memory.get(id)["memory"] == "Mia the cat eats salmon"
    found = memory.search("what does the cat eat", filters={"user_id": "alice"})["results"]
    assert [one["memory"] for one in found] == ["Mia the cat eats salmon"]
    memory.delete(id)
    assert memory.search("what does the cat eat", filters={"user_id": "alice"})["results"] == []
    assert memory.get_all(filters={"user_id": "alice"})["results"] == []
    assert [one["memory"] for one in memory.get_all(filters={"user_id": "bob"})["results"]] == ["Rex the dog eats beef"]
    assert len(memory.search("the dog", filters={"user_id": "bob"})["results"]) == 1
    memory.delete_all(user_id="bob")
    assert memory.get_all(filters={"user_id": "bob"})["results"] == []
