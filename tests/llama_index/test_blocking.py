"""No async method blocks the event loop: blockbuster finds nothing, and the loop goes on while a search works."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from blockbuster import BlockingError, blockbuster_ctx
from llama_index.core import Document
from llama_index.core.llms import ChatMessage
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.core.vector_stores.types import VectorStoreQuery, VectorStoreQueryMode

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
    """Never 100 ms without a turn, though each of eight searches takes 200."""
    search = Scope.search

    def slow(self: Scope, *arguments: Any, **options: Any) -> Any:
        time.sleep(0.2)
        return search(self, *arguments, **options)

    garden.scope("alice").add("tea")
    monkeypatch.setattr(Scope, "search", slow)
    retriever = MemGardenRetriever(garden, "alice")

    async def tick(gaps: list[float]) -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    async def work() -> float:
        gaps: list[float] = []
        ticking = asyncio.create_task(tick(gaps))
        await asyncio.gather(*(retriever.aretrieve("tea") for _ in range(8)))
        ticking.cancel()
        return max(gaps)

    # A busy machine may stop the loop, too; a search on it would stop it for 200 ms each time.
    assert min(asyncio.run(work()) for _ in range(5)) < 0.1


def test_threads_share_a_store(garden: Garden) -> None:
    """Eight of them add, ask and delete: each finds its own at once, and nothing is lost."""
    store = MemGardenVectorStore(garden, "alice")
    failed: list[str] = []

    def work(number: int) -> None:
        for n in range(25):
            store.add([TextNode(text=f"tea {number} {n}", id_=f"{number}-{n}")])
            query = VectorStoreQuery(query_str=f"{number}", similarity_top_k=400, mode=VectorStoreQueryMode.SPARSE)
            if f"{number}-{n}" not in (store.query(query).ids or []):
                failed.append(f"{number}-{n}")
            if n % 2:
                store.delete_nodes([f"{number}-{n}"])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(store.get_nodes()) == 8 * 13


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
