"""An ingestion from an event loop: it never blocks it, is not ahead of itself, and a cancelled one is over."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from blockbuster import BlockingError, blockbuster_ctx

from memgarden import Garden, Ingested, IngestProgress, InvalidSetting, StorageError
from memgarden.ingest.streaming import AHEAD
from tests.ingest.conftest import Counting, talk

STREAM = [talk(f"u{n % 3}", f"s{n}", 3) for n in range(40)]


async def each(stream: list[Any]) -> AsyncIterator[Any]:
    for one in stream:
        await asyncio.sleep(0)
        yield one


def run(work: Callable[[], Awaitable[None]]) -> None:
    """In a loop where what blocks raises; then no thread is left that was not there before."""
    before = set(threading.enumerate())
    with blockbuster_ctx():
        asyncio.run(work())  # type: ignore[arg-type]
    assert set(threading.enumerate()) <= before


def held(garden: Garden) -> int:
    return garden.health().rows["memories"]


def test_async_and_plain_iterables(garden: Garden) -> None:
    """Both are stored, neither blocks the loop, and progress is told on it."""
    told: list[IngestProgress] = []

    def progress(so_far: IngestProgress) -> None:
        asyncio.get_running_loop()
        told.append(so_far)

    async def work() -> None:
        with pytest.raises(BlockingError):
            garden.ingest(STREAM[:1])  # which is what the loop would be blocked by
        done = await garden.aingest(each(STREAM), batch_size=10, progress=progress)
        assert done.ok
        assert done.stored + done.skipped == 120
        assert await garden.aingest(STREAM) == Ingested(40, 0, 120, ())
        assert await garden.aingest(iter([])) == Ingested(0, 0, 0, ())

    run(work)
    assert told[-1].conversations == 40
    assert held(garden) == 120
    for one in STREAM:
        session = garden.scope(one["scope"]).session(one["session_id"])
        assert [turn.text for turn in session] == [message["content"] for message in one["messages"]]


def test_the_loop_goes_on_meanwhile(open_garden: Callable[..., Garden], counting: Counting) -> None:
    """While the embedder takes its time and a plain iterable blocks, others have their turn."""
    garden = open_garden(embedder=counting, cached_embeddings=0)
    counting.fail = lambda texts: time.sleep(0.05)

    def slow() -> Any:
        for one in STREAM[:8]:
            time.sleep(0.02)
            yield one

    async def work() -> None:
        longest, done = 0.0, False

        async def watch() -> None:
            nonlocal longest
            while not done:
                start = time.monotonic()
                await asyncio.sleep(0)
                longest = max(longest, time.monotonic() - start)

        watching = asyncio.create_task(watch())
        ticks = asyncio.create_task(garden.aingest(slow(), batch_size=6))
        assert (await ticks).stored == 24
        done = True
        await watching
        assert longest < 1

    with blockbuster_ctx():
        asyncio.run(work())


def test_an_endless_source_is_not_read_far_ahead(garden: Garden) -> None:
    """Two batches, what waits for the thread, and no more; a cancellation ends it, and what was told is there."""
    most = stored = pulled = 0
    closed = False

    async def endless() -> AsyncIterator[Any]:
        nonlocal most, pulled, closed
        try:
            for pulled in itertools.count(1):
                most = max(most, pulled - stored)
                yield talk("a", f"s{pulled}", 1)
        finally:
            closed = True

    async def work() -> None:
        nonlocal stored
        enough = asyncio.Event()

        def progress(so_far: IngestProgress) -> None:
            nonlocal stored
            stored = so_far.stored
            if stored >= 200:
                enough.set()

        task = asyncio.create_task(garden.aingest(endless(), batch_size=10, progress=progress))
        await enough.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        after = stored
        await asyncio.sleep(0.05)
        assert stored == after

    run(work)
    assert closed
    assert most <= 2 * 10 + AHEAD + 3
    assert pulled - 2 * 10 - AHEAD - 3 <= held(garden)
    assert held(garden) >= stored


@pytest.mark.parametrize("asynchronous", [True, False])
@pytest.mark.parametrize("after", [0.0, 0.005, 0.02, 0.1])
def test_a_cancelled_run_can_be_run_again(garden: Garden, asynchronous: bool, after: float) -> None:
    """Whenever it comes, and though the source waits for ever or the cancellation is repeated."""

    async def stuck() -> AsyncIterator[Any]:
        for one in STREAM[:20]:
            yield one
        await asyncio.Event().wait()

    async def work() -> None:
        items = stuck() if asynchronous else ((time.sleep(0.002), one)[1] for one in STREAM * 100)
        task = asyncio.create_task(garden.aingest(items, batch_size=10))
        await asyncio.sleep(after)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("memgarden-ingest")]

    run(work)
    there = held(garden)
    assert garden.ingest(STREAM) == Ingested(40, 120 - there, there, ())
    assert held(garden) == 120


def test_a_cancellation_does_not_wait_for_retries(open_garden: Callable[..., Garden], counting: Counting) -> None:
    """An embedder that fails is waited for by nobody who has gone."""
    garden = open_garden(embedder=counting, cached_embeddings=0)
    asked = threading.Event()

    def away(texts: object) -> None:
        asked.set()
        raise ConnectionError("away")

    counting.fail = away

    async def work() -> None:
        task = asyncio.create_task(garden.aingest(STREAM[:5], retries=30))
        await asyncio.to_thread(asked.wait, 20)
        task.cancel()
        start = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - start < 15

    run(work)


def test_a_cancellation_does_not_wait_for_a_batch_to_fill(garden: Garden) -> None:
    """Nor for the end of a plain iterable that has none."""
    begun = threading.Event()

    def endless() -> Iterator[Any]:
        for number in itertools.count():
            begun.set()
            time.sleep(0.001)
            yield talk("a", f"s{number}", 1)

    async def work() -> None:
        task = asyncio.create_task(garden.aingest(endless(), batch_size=10**9))
        await asyncio.to_thread(begun.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 20)

    run(work)


def test_a_cancellation_does_not_wait_for_what_is_tried_alone(
    open_garden: Callable[..., Garden], counting: Counting
) -> None:
    """Where a batch failed, and each of its conversations is tried."""
    garden = open_garden(embedder=counting, cached_embeddings=0)
    asked = threading.Event()

    def away(texts: object) -> None:
        if counting.calls > 3:
            asked.set()
            time.sleep(0.02)
        raise ConnectionError("away")

    counting.fail = away

    async def work() -> None:
        task = asyncio.create_task(
            garden.aingest([talk("a", f"s{n}", 1) for n in range(500)], batch_size=500, retries=0)
        )
        await asyncio.to_thread(asked.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(work)
    assert counting.calls < 300


@pytest.mark.parametrize("where", ["source", "progress", "garden", "settings"])
def test_errors_come_out(garden: Garden, where: str) -> None:
    """Of the source, of progress, of the garden and of the arguments: as themselves, also where the source is stuck."""

    class Broken(Exception):
        pass

    async def source() -> AsyncIterator[Any]:
        for one in STREAM[:30]:
            yield one
        if where == "source":
            raise Broken
        await asyncio.Event().wait()

    def progress(so_far: IngestProgress) -> None:
        if where == "progress":
            raise Broken

    def full(*arguments: Any, **more: Any) -> None:
        raise StorageError("the disk is full")

    async def work() -> None:
        with pytest.raises({"settings": InvalidSetting, "garden": StorageError}.get(where, Broken)):
            retries = -1 if where == "settings" else 3
            await garden.aingest(source(), batch_size=10, progress=progress, retries=retries)

    if where == "garden":
        garden._parts.sink.put = full  # type: ignore[method-assign]
    run(work)


def test_a_source_that_is_cancelled_is_no_end(garden: Garden) -> None:
    """A stream that breaks off by a cancellation of its own is not reported as whole."""

    async def source() -> AsyncIterator[Any]:
        yield STREAM[0]
        raise asyncio.CancelledError

    async def work() -> None:
        with pytest.raises(asyncio.CancelledError):
            await garden.aingest(source())

    run(work)


def test_the_source_runs_in_one_task_and_sees_the_callers_context(garden: Garden) -> None:
    """A timeout that is held over its items works, and so do context variables."""
    user: contextvars.ContextVar[str] = contextvars.ContextVar("user")
    tasks: set[object] = set()

    async def source() -> AsyncIterator[Any]:
        async with asyncio.timeout(30):
            for one in STREAM[:10]:
                tasks.add(asyncio.current_task())
                yield one | {"metadata": {"user": user.get()}}

    async def work() -> None:
        user.set("ann")
        assert (await garden.aingest(source())).stored == 30
        plain = (talk("bob", user.get(), 1) for _ in range(1))
        assert (await garden.aingest(plain)).stored == 1

    run(work)
    assert len(tasks) == 1
    assert garden.scope("u0").session("s0")[0].metadata["user"] == "ann"
    assert len(garden.scope("bob").session("ann")) == 1
