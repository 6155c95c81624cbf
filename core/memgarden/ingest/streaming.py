"""An ingestion from an event loop: the loop reads, a thread works, and neither runs far ahead of the other."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Sequence
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import Any

from memgarden.ingest.conversations import Item
from memgarden.ingest.reports import Ingested, IngestProgress

__all__ = ["AHEAD", "Run", "ingest_async"]

AHEAD = 16  # conversations that wait for the thread

Told = Callable[[IngestProgress], object]
Run = Callable[[Iterable[Item], Told | None, threading.Event], Ingested]
"""An ingestion of conversations, with what is told of its progress and what stops it."""


async def ingest_async(run: Run, items: AsyncIterable[Item] | Iterable[Item], progress: Told | None) -> Ingested:
    """What `run` gives, run in a thread; `progress` is called on the loop, and its errors end the ingestion.

    A cancelled ingestion finishes what is being embedded and stored, and stores no more. It is over, its thread
    included, when the cancellation is raised here.
    """
    loop = asyncio.get_running_loop()
    stop = threading.Event()

    async def tell(told: IngestProgress) -> None:
        if progress is not None and not stop.is_set():
            progress(told)

    def told(so_far: IngestProgress) -> None:
        asyncio.run_coroutine_threadsafe(tell(so_far), loop).result()

    reading = None
    given: Any = items
    if isinstance(items, AsyncIterable):
        given = _Channel(loop)
        reading = asyncio.create_task(given.fill(items))
    # Not a task, which a loop that closes would call done while the thread goes on.
    call = partial(copy_context().run, run, given, None if progress is None else told, stop)
    working = loop.run_in_executor(None, call)
    try:
        return await asyncio.shield(working)
    finally:
        stop.set()
        if reading is not None:
            reading.cancel()
        await _over([working] if reading is None else [working, reading])


async def _over(waited: Sequence[asyncio.Future[Any]]) -> None:
    """Wait until they are, however often this is cancelled meanwhile: no thread is to be left behind."""
    cancelled: asyncio.CancelledError | None = None
    while any(not one.done() for one in waited):
        try:
            await asyncio.wait(waited)
        except asyncio.CancelledError as error:
            cancelled = error
    for one in waited:
        if not one.cancelled():
            one.exception()  # it was told already, or a cancellation goes before it
    if cancelled is not None:
        raise cancelled


class _Channel:
    """What an async iterable gives, for a thread: at most `AHEAD` items wait."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._room = asyncio.Semaphore(AHEAD)
        self._items: SimpleQueue[tuple[bool, Any]] = SimpleQueue()  # True and an item; False and what ended them

    async def fill(self, items: AsyncIterable[Item]) -> None:
        """Read all of them, an item whenever there is room, in one task, as what they hold open may ask for."""
        ended: BaseException | None = None
        try:
            async for item in items:
                await self._room.acquire()
                self._items.put((True, item))
        except BaseException as error:
            ended = error
            raise
        finally:
            self._items.put((False, ended))  # whatever happens: the thread must not wait for ever

    def __iter__(self) -> Iterator[Item]:
        while True:
            more, item = self._items.get()
            if not more:
                if item is not None:
                    raise item
                return
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody reads any more
                self._loop.call_soon_threadsafe(self._room.release)
            yield item
