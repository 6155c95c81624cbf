"""A store that several use at once: tasks, threads and processes."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
from collections.abc import Callable
from pathlib import Path

from langgraph.store.base import GetOp, PutOp

from langchain_memgarden import MemGardenStore
from memgarden import Garden
from memgarden.embed.hashing import HashingEmbedder
from tests.langchain.conftest import keys

OPEN = Callable[..., Garden]


def test_async_is_sync(store: MemGardenStore) -> None:
    """Every method, and a hundred at once."""

    async def work() -> None:
        await store.aput(("u",), "k", {"text": "tea"}, ttl=5)
        item = await store.aget(("u",), "k")
        assert item is not None and item.value == {"text": "tea"}
        assert keys(await store.asearch(("u",), query="tea")) == ["k"]
        assert await store.alist_namespaces() == [("u",)]
        await store.adelete(("u",), "k")
        assert await store.aget(("u",), "k") is None
        assert await store.abatch([PutOp(("u",), "b", {"n": 1}), GetOp(("u",), "b")]) == [None, None]
        await asyncio.gather(*(store.aput(("many", str(n % 7)), f"k{n}", {"text": f"tea {n}"}) for n in range(100)))
        assert len(await store.asearch(("many",), limit=200)) == 100

    asyncio.run(work())


def test_created_at_survives_puts_from_everywhere(garden: Garden) -> None:
    """Of two stores that put one key at once, by threads."""
    stores = [MemGardenStore(garden), MemGardenStore(garden)]
    stores[0].put(("u",), "k", {"n": -1})
    first = stores[0].get(("u",), "k")

    def work(store: MemGardenStore) -> None:
        for n in range(40):
            store.put(("u",), "k", {"n": n})

    threads = [threading.Thread(target=work, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last = stores[0].get(("u",), "k")
    assert first is not None and last is not None
    assert last.created_at == first.created_at and last.updated_at > first.updated_at


def work_elsewhere(folder: str, process: int, rounds: int) -> None:
    with Garden.open(folder, embedder=HashingEmbedder(64), chroma=None) as garden:
        store = MemGardenStore(garden)
        for n in range(rounds):
            store.put(("shared",), f"p{process}-{n}", {"text": f"tea {process} {n}"})
            store.put(("shared",), "contended", {"by": process, "n": n})
            assert store.get(("shared",), f"p{process}-{n}") is not None
            found = {item.key for item in store.search(("shared",), query=f"tea {process} {n}", limit=400)}
            assert f"p{process}-{n}" in found, n


def test_two_processes_share_a_store(open_garden: OPEN, tmp_path: Path) -> None:
    """Each sees its own writes at once; in the end both see all, and a contended key has one value and one creation."""
    store = MemGardenStore(open_garden(embedder=HashingEmbedder(64)))
    store.put(("shared",), "contended", {"by": -1, "n": -1})
    first = store.get(("shared",), "contended")
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=work_elsewhere, args=(str(tmp_path / "garden"), n, 60)) for n in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(store.search(("shared",), limit=400)) == 121
    last = store.get(("shared",), "contended")
    assert first is not None and last is not None
    assert last.value["n"] == 59 and last.created_at == first.created_at and last.updated_at > first.updated_at
