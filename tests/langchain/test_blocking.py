"""No async method blocks the event loop: blockbuster, which LangGraph's own server runs under, finds nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from blockbuster import BlockingError, blockbuster_ctx
from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.indexing import InMemoryRecordManager, aindex
from langchain_core.messages import AIMessage, HumanMessage

from langchain_memgarden import (
    MemGardenChatMessageHistory,
    MemGardenMiddleware,
    MemGardenReranker,
    MemGardenRetriever,
    MemGardenStore,
    MemGardenVectorStore,
    memory_tools,
)
from langchain_memgarden.classic import MemGardenMemory
from memgarden import Garden
from tests.langchain.conftest import Clock


@pytest.fixture
def unblocked() -> Callable[[Callable[[], Coroutine[Any, Any, None]]], None]:
    """Runs a coroutine in a loop where what blocks raises, as a blocking call of our own first shows."""

    def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        with blockbuster_ctx():
            asyncio.run(work())

    return run


RUN = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]


def test_a_blocking_call_would_be_found(garden: Garden, unblocked: RUN) -> None:
    """The database's own, made on the loop."""

    async def work() -> None:
        garden.scope("alice").add("tea")

    with pytest.raises(BlockingError):
        unblocked(work)


def test_retriever_and_reranker(garden: Garden, unblocked: RUN) -> None:
    """Calls, batches and streams."""
    garden.scope("alice").add_many(["green tea", "black tea"])
    retriever = MemGardenRetriever(garden=garden, user="alice", reranker="mmr")
    reranker = MemGardenReranker(garden=garden, reranker="mmr")

    async def work() -> None:
        assert len(await retriever.ainvoke("tea")) == 2
        assert len(await retriever.abatch(["tea", "coffee"])) == 2
        assert [len(found) async for found in retriever.astream("tea")] == [2]
        assert len(await reranker.acompress_documents([Document(page_content="x")], "tea")) == 1

    unblocked(work)


def test_vector_store(garden: Garden, unblocked: RUN) -> None:
    """Every method that has an async twin."""
    store = MemGardenVectorStore(garden, "alice")
    vector = store.embeddings.embed_query("tea")
    manager = InMemoryRecordManager("m")
    manager.create_schema()

    async def work() -> None:
        await store.aadd_documents(
            [Document(page_content="green tea", id="a"), Document(page_content="black tea", id="b")]
        )
        await store.aadd_texts(["a train"], [{"source": "s"}], ids=["c"])
        assert len(await store.aget_by_ids(["a", "b"])) == 2
        for found in (
            await store.asimilarity_search("tea", k=2),
            await store.asimilarity_search_with_score("tea", k=2),
            await store.asimilarity_search_with_relevance_scores("tea", k=2),
            await store.asimilarity_search_by_vector(vector, k=2),
            await store.amax_marginal_relevance_search("tea", k=2),
            await store.amax_marginal_relevance_search_by_vector(vector, k=2),
            await store.asearch("tea", "hybrid", k=2),
            await store.as_retriever(search_type="hybrid", k=2).ainvoke("tea"),
        ):
            assert len(found) == 2
        assert await store.adelete(["a"])
        done = await aindex(
            [Document(page_content="new", metadata={"source": "s"})], manager, store, key_encoder="sha256"
        )
        assert done["num_added"] == 1
        other = await MemGardenVectorStore.afrom_texts(["x"], store.embeddings, garden=garden, user="bob")
        assert len(await other.asimilarity_search("x")) == 1

    unblocked(work)


def test_store(garden: Garden, unblocked: RUN, clock: Clock) -> None:
    """Puts, gets, searches, lists and batches, with a TTL that reading renews."""
    store = MemGardenStore(garden)

    async def work() -> None:
        await store.aput(("u",), "k", {"text": "tea"}, ttl=10)
        clock.forward(minutes=6)
        assert await store.aget(("u",), "k") is not None
        clock.forward(minutes=6)
        assert await store.aget(("u",), "k") is not None
        assert len(await store.asearch(("u",), query="tea", filter={"text": "tea"})) == 1
        assert await store.alist_namespaces() == [("u",)]
        await store.adelete(("u",), "k")

    unblocked(work)


def test_histories_and_memories(garden: Garden, unblocked: RUN) -> None:
    """Reading, adding and clearing."""
    history = MemGardenChatMessageHistory(garden, "alice", session_id="s")
    memory = MemGardenMemory(garden=garden, user="alice", session_id="t")

    async def work() -> None:
        await history.aadd_messages([HumanMessage("tea")])
        assert len(await history.aget_messages()) == 1
        await memory.asave_context({"input": "more tea"}, {"output": "yes"})
        assert "more tea" in (await memory.aload_memory_variables({"input": "tea"}))["history"]
        await history.aclear()
        await memory.aclear()

    unblocked(work)


def test_agents(garden: Garden, unblocked: RUN, scripted: Callable[..., Any]) -> None:
    """Middleware and tools, of an agent that is run in the loop."""
    calls = [
        {"name": "remember", "args": {"text": "Mia eats tuna."}, "id": "1"},
        {"name": "recall", "args": {"query": "tuna"}, "id": "2"},
        {"name": "forget", "args": {"memory_id": "x"}, "id": "3"},
    ]
    model = scripted(AIMessage("", tool_calls=calls), "Done.")
    agent = create_agent(model, tools=memory_tools(garden), middleware=[MemGardenMiddleware(garden)])

    async def work() -> None:
        done = await agent.ainvoke({"messages": [HumanMessage("tuna?")]}, {"configurable": {"user_id": "alice"}})
        assert done["messages"][-1].content == "Done."

    unblocked(work)
