"""No async method blocks the event loop: blockbuster finds nothing, and the loop goes on while a search works."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from blockbuster import BlockingError, blockbuster_ctx
from llama_index.core import Document
from llama_index.core.llms import ChatMessage
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.core.vector_stores.types import VectorStoreQuery

from llama_index_memgarden import (
    MemGardenIndex,
    MemGardenKVStore,
    MemGardenMemory,
    MemGardenReranker,
    MemGardenRetriever,
    MemGardenToolSpec,
    MemGardenVectorStore,
)
from memgarden import Garden, Scope


def unblocked(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with blockbuster_ctx():
        asyncio.run(work())


def test_a_blocking_call_would_be_found(garden: Garden) -> None:
    """The store's own sync method, made on the loop."""
    store = MemGardenVectorStore(garden, "alice")

    async def work() -> None:
        store.add([TextNode(text="x")])

    with pytest.raises(BlockingError):
        unblocked(work)


def test_stores_and_retrievers(garden: Garden) -> None:
    """Every async twin there is."""
    store = MemGardenVectorStore(garden, "alice")
    pairs: Any = MemGardenKVStore(garden, "alice")
    retriever = MemGardenRetriever(garden, "alice")
    reranker = MemGardenReranker(garden, reranker="mmr")
    spec = MemGardenToolSpec(garden, "alice")

    async def work() -> None:
        await store.async_add([TextNode(text="green tea", id_="a"), TextNode(text="black tea", id_="b")])
        assert len((await store.aquery(VectorStoreQuery(query_str="tea", similarity_top_k=2))).ids or []) == 2
        assert len(await store.aget_nodes()) == 2
        assert len(await retriever.aretrieve("tea")) == 2
        assert len(await reranker.apostprocess_nodes([NodeWithScore(node=TextNode(text="x"))], query_str="q")) == 1
        await store.embed_model.aget_query_embedding("tea")
        await store.embed_model.aget_text_embedding_batch(["tea"])
        await store.adelete_nodes(["a"])
        await store.adelete("nobody")
        await store.aclear()
        await pairs.aput("k", {"v": 1})
        await pairs.aput_all([("l", {"v": 1})])
        assert await pairs.aget("k") == {"v": 1} and len(await pairs.aget_all()) == 2 and await pairs.adelete("k")
        await spec.aremember("tea")
        await spec.arecall("tea")
        await spec.aforget("x")

    unblocked(work)


def test_memories(garden: Garden) -> None:
    """A whole turn of a chat, and what is flushed."""
    memory = MemGardenMemory.open(garden, "alice", token_limit=50)

    async def work() -> None:
        for n in range(8):
            await memory.aput(ChatMessage(role="user", content=f"fact number {n} about tea"))
            assert await memory.aget()
        await memory.areset()

    unblocked(work)


def test_the_loop_goes_on_while_a_search_takes_its_time(garden: Garden, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never 50 ms without a turn, though each of eight searches takes 200."""
    search = Scope.search

    def slow(self: Scope, *arguments: Any, **options: Any) -> Any:
        time.sleep(0.2)
        return search(self, *arguments, **options)

    garden.scope("alice").add("tea")
    monkeypatch.setattr(Scope, "search", slow)
    retriever = MemGardenRetriever(garden, "alice")
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now

    async def work() -> None:
        ticking = asyncio.create_task(tick())
        await asyncio.gather(*(retriever.aretrieve("tea") for _ in range(8)))
        ticking.cancel()

    asyncio.run(work())
    assert 0 < longest < 0.2  # on the loop it would be 200 ms and more; a busy machine is granted some of it


def test_indexes(garden: Garden) -> None:
    """Refreshing and deleting documents."""
    index = MemGardenIndex(MemGardenVectorStore(garden, "alice"))

    async def work() -> None:
        await index.arefresh_ref_docs([Document(text="green tea", id_="a")])
        assert len(await index.as_retriever(similarity_top_k=1).aretrieve("tea")) == 1
        await index.adelete_ref_doc("a")

    try:
        unblocked(work)
    except BlockingError as error:  # LlamaIndex's own splitter reads its files of words
        pytest.fail(str(error))
