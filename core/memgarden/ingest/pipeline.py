"""Stores a stream of conversations: one batch is read and embedded while the one before it is being stored.

No more than two batches are held at a time, so a stream of any length takes bounded memory, and whoever makes it is
never asked for more than can be stored.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterable, Callable, Hashable, Iterable, Mapping, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from memgarden.errors import InvalidMemory, InvalidScope, InvalidSetting
from memgarden.ingest.attempts import Attempts
from memgarden.ingest.batches import MAX_BATCH_CHARACTERS, TURNS_PER_BATCH
from memgarden.ingest.conversations import Conversation, Item, ReadConversation, ReadTurn, read_conversation
from memgarden.ingest.planning import Plan, plan
from memgarden.ingest.prepare import Preparer
from memgarden.ingest.reports import Ingested, IngestProgress, NotStored
from memgarden.protocols import MemorySink, MemorySource
from memgarden.records import Entry, Memory, ScopePath

__all__ = ["Pipeline"]


@dataclass(slots=True, eq=False)
class _Open:
    """A conversation on its way through."""

    number: int
    read: ReadConversation
    last: Memory | None = None  # the turn that was planned last
    turns: int = 0  # those that are stored, or were
    failed: bool = False  # no more of it is stored
    named: bool = False  # and it is in the report


@dataclass(slots=True, eq=False)
class _Part:
    """What of a conversation is in one batch; `final` if that is the rest of it."""

    of: _Open
    turns: list[ReadTurn] = field(default_factory=list)
    final: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Ready:
    """A part with what is to be written for it."""

    part: _Part
    plan: Plan
    entries: Sequence[Entry]


@dataclass(slots=True, eq=False)
class _Batch:
    """Parts of conversations of any scopes; those of one conversation are one part."""

    parts: list[_Part] = field(default_factory=list)
    keys: set[Hashable] = field(default_factory=set)
    size: int = 0
    characters: int = 0


Outcome = tuple[_Part, Plan | None, str]
"""A part, what was done for it, or None and why nothing was."""


Away = Callable[[ScopePath, Sequence[str]], Set[str]]


class Pipeline:
    """One ingestion: `run` it once."""

    def __init__(
        self,
        source: MemorySource,
        sink: MemorySink,
        preparer: Preparer,
        wrote: Callable[[], None],
        *,
        away: Away,
        progress: Callable[[IngestProgress], object] | None = None,
        retries: int = 3,
        batch_size: int = TURNS_PER_BATCH,
        stop: threading.Event | None = None,
    ) -> None:
        """`away` tells which ids of a scope left for an archive, where they stay. `wrote` is called after each commit.

        Once `stop` is set, `run` raises `Stopped` at the next chance.
        """
        for name, value, least in (("retries", retries, 0), ("batch_size", batch_size, 1)):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InvalidSetting(f"{name} is a whole number of {least} or more, not {value!r}")
        self._source, self._away = source, away
        self._sink = sink
        self._preparer = preparer
        self._wrote = wrote
        self._progress = progress
        self._size = batch_size
        self._attempts = Attempts(retries, threading.Event() if stop is None else stop)
        self._batch = _Batch()
        self._storing: tuple[_Batch, Future[list[Outcome]]] | None = None
        self._conversations = self._stored = self._skipped = 0
        self._failed: list[NotStored] = []

    def run(self, conversations: Iterable[Item]) -> Ingested:
        """Store all of them. What is being stored when an error or an interrupt ends it is stored first."""
        if isinstance(conversations, AsyncIterable):
            raise InvalidMemory("these conversations come asynchronously: use `await garden.aingest(...)`")
        if isinstance(conversations, str | bytes | Mapping | Conversation):
            raise InvalidMemory("ingest takes several conversations: ingest([conversation]) for one")
        with ThreadPoolExecutor(1, "memgarden-ingest") as worker:
            try:
                for number, item in enumerate(conversations):
                    self._attempts.go_on()
                    self._take(worker, number, item)
                self._hand_over(worker)
                self._settle()
            finally:
                self._attempts.stop.set()  # nobody waits for a retry any more
        return Ingested(self._conversations, self._stored, self._skipped, tuple(self._failed))

    def _take(self, worker: ThreadPoolExecutor, number: int, item: Item) -> None:
        try:
            read = read_conversation(item)
        except (InvalidMemory, InvalidScope) as error:
            named = (
                (item.get("scope"), item.get("session_id"))
                if isinstance(item, Mapping)
                else (getattr(item, "scope", None), getattr(item, "session_id", None))
            )
            self._failed.append(NotStored(number, *named, str(error)))
            self._tell()
            return
        keys = read.keys()
        if self._storing is not None and not keys.isdisjoint(self._storing[0].keys):
            self._settle()
        if not keys.isdisjoint(self._batch.keys):  # it goes on where that one ends: that one is to be stored by then
            self._hand_over(worker)
            self._settle()
        opened = _Open(number, read)
        for turn in read.turns or (None,):  # one without turns passes through all the same, to be counted
            self._put_in(worker, opened, turn, keys)
        self._batch.parts[-1].final = True

    def _put_in(self, worker: ThreadPoolExecutor, opened: _Open, turn: ReadTurn | None, keys: set[Hashable]) -> None:
        """Into the batch, or into the next one if it is full."""
        if self._batch.size >= self._size or self._batch.characters >= MAX_BATCH_CHARACTERS:
            self._hand_over(worker)
        batch = self._batch
        if not batch.parts or batch.parts[-1].of is not opened:
            batch.parts.append(_Part(opened))
            batch.keys |= keys
        batch.size += 1
        if turn is not None:
            batch.characters += len(turn.memory.text)
            batch.parts[-1].turns.append(turn)

    def _hand_over(self, worker: ThreadPoolExecutor) -> None:
        """Have the batch stored once the one before it is."""
        batch, self._batch = self._batch, _Batch()
        ready, failed = self._prepare([part for part in batch.parts if not part.of.failed])
        self._settle()
        self._attempts.go_on()
        ready = [one for one in ready if not one.part.of.failed]
        self._storing = batch, worker.submit(self._store, ready, failed)

    def _settle(self) -> None:
        """Wait for the batch that is being stored, and count it."""
        if self._storing is None:
            return
        outcomes = self._storing[1].result()
        self._storing = None
        for part, done, reason in outcomes:
            opened = part.of
            if done is None:
                if opened.named:
                    continue
                opened.failed = opened.named = True
                path, session = opened.read.path, opened.read.session_id
                self._failed.append(NotStored(opened.number, path, session, reason, opened.turns))
                continue
            self._stored += len(done.memories)
            self._skipped += done.skipped
            opened.turns += len(part.turns)
            self._conversations += part.final
        self._tell()

    def _tell(self) -> None:
        if self._progress is not None:
            told = IngestProgress(self._conversations, len(self._failed), self._stored, self._skipped)
            self._progress(told)

    def _prepare(self, parts: Sequence[_Part]) -> tuple[list[_Ready], list[Outcome]]:
        made, failed = self._attempts.on_all(self._make, parts)
        for ready in made:
            ready.part.of.last = ready.plan.last
        for part, _ in failed:
            part.of.failed = True
        return made, [(part, None, reason) for part, reason in failed]

    def _make(self, parts: Sequence[_Part]) -> list[_Ready]:
        """What is to be written for these parts, all of it embedded together."""
        window = bool(self._preparer.signals.window)
        plans = [
            plan(
                self._source,
                part.of.read,
                part.turns,
                part.of.last,
                self._away(part.of.read.path, [turn.memory.id for turn in part.turns]),
                window=window,
            )
            for part in parts
        ]
        memories = [memory for each in plans for memory in each.memories]
        earlier = [turn for each in plans for turn in each.earlier]
        entries = iter(self._preparer.following(memories, earlier) if memories else ())
        return [
            _Ready(part, each, [next(entries) for _ in each.memories]) for part, each in zip(parts, plans, strict=True)
        ]

    def _store(self, ready: Sequence[_Ready], failed: Sequence[Outcome]) -> list[Outcome]:
        """In the other thread: one transaction a scope."""
        by_scope: dict[ScopePath, list[_Ready]] = {}
        for one in ready:
            by_scope.setdefault(one.part.of.read.path, []).append(one)
        outcomes = list(failed)
        for together in by_scope.values():
            done, refused = self._attempts.on_all(self._write, together)
            outcomes += [(one.part, one.plan, "") for one in done]
            outcomes += [(one.part, None, reason) for one, reason in refused]
        return outcomes

    def _write(self, ready: Sequence[_Ready]) -> list[_Ready]:
        entries = [entry for one in ready for entry in one.entries]
        if entries:
            expected = {key: version for one in ready for key, version in one.plan.versions.items()}
            self._sink.put(ready[0].part.of.read.path, entries, expect=expected)
            self._wrote()
        return list(ready)
