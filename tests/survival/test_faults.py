"""A fault in every window of the write path: each call is done or not done at all, and Chroma follows either way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from memgarden import Garden, MemgardenError
from memgarden.errors import ChromaError, GardenBusy, StorageError
from memgarden.protocols import ChunkRecord, OutboxItem
from memgarden.records import ScopePath
from memgarden.vector.drain import drain_once
from tests.survival.injected import OPERATIONS
from tests.waiting import eventually

OPEN = Callable[..., Garden]
ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["raise", "exit"])
def test_a_fault_at_any_statement_of_a_write_leaves_all_of_it_or_nothing(tmp_path: Path, fault: str) -> None:
    """An error of the database, or the process's end, before and after each statement of each kind of write."""
    command = [sys.executable, "-m", "tests.survival.injected", str(tmp_path / "garden"), fault]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert [report["operation"] for report in reports] == list(OPERATIONS)
    for report in reports:
        print(report)
        assert report["amiss"] == []
        # The transaction's own statements come to nothing; what is after its commit is done.
        assert report["nothing"] > 0 and report["all"] > 0
        assert report["nothing"] + report["all"] == report["places"]
    assert sum(report["places"] for report in reports) > 100


class Fault(Exception):
    """What is injected: no error that anything handles."""


class Follower:
    """An index as a dictionary, with a fault before or after one of its calls, or of the outbox's `settle`."""

    def __init__(self, garden: Garden) -> None:
        self.outbox = garden._parts.outbox
        self.places: dict[int | None, dict[str, str]] = {}
        self.calls, self.at, self.after = 0, 0, False

    def _step(self, work: Callable[[], None]) -> None:
        self.calls += 1
        if self.calls == self.at and not self.after:
            raise Fault
        work()
        if self.calls == self.at and self.after:
            raise Fault

    def upsert(self, records: Sequence[ChunkRecord], own: int | None = None) -> None:
        held = self.places.setdefault(own, {})
        self._step(lambda: held.update({record.id: record.text for record in records}))

    def delete(self, ids: Sequence[str], own: int | None = None) -> None:
        held = self.places.setdefault(own, {})
        self._step(lambda: [held.pop(key, None) for key in ids] and None)

    def promote(self, own: int, path: ScopePath) -> None:
        assert path == ("alice",)
        self._step(lambda: self.places.update({None: {}, own: {}}))

    def demote(self, own: int) -> None:
        self._step(lambda: self.places.pop(own, None) and None)

    def reset(self) -> None:
        self._step(self.places.clear)

    def close(self) -> None: ...

    def pending(self, limit: int) -> Sequence[OutboxItem]:
        found: list[OutboxItem] = []
        self._step(lambda: found.extend(self.outbox.pending(limit)))
        return found

    def settle(self, seqs: Sequence[int]) -> None:
        self._step(lambda: self.outbox.settle(seqs))

    def count(self, upto: int | None = None) -> int:
        return self.outbox.count(upto)

    def mark(self) -> int:
        return self.outbox.mark()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 30))
def test_a_fault_at_any_step_of_draining_is_made_good_by_the_next_try(open_garden: OPEN, at: int, after: bool) -> None:
    """Reading, resetting, deleting, storing, moving, striking off: whichever is cut off, the index ends as the record.

    The scope gets a collection of its own and loses it again.
    """
    garden = open_garden()
    scope = garden.scope("alice")
    scope.add_many([{"text": f"text {n}", "id": f"a{n}"} for n in range(6)])
    garden.reindex()
    follower = Follower(garden)
    follower.at, follower.after = at, after
    faults = 0

    def move() -> None:
        garden._parts.outbox.rebalance(4)  # type: ignore[attr-defined]

    def drain() -> int:
        return drain_once(follower, follower, 3)

    for change in (
        lambda: scope.delete(["a0", "a1"]),
        lambda: scope.add("text of a2, replaced", id="a2"),
        lambda: scope.add("one more", id="a9"),
        move,
        lambda: scope.delete("a9"),
        lambda: scope.delete(["a3", "a4", "a5"]),
        drain,
        move,
    ):
        for step in (change, drain, drain):
            try:
                step()
            except Fault:
                faults += 1
    while drain():
        pass
    assert faults == (1 if at <= follower.calls else 0) and follower.count() == 0
    assert sorted(follower.places.pop(None).values()) == sorted(memory.text for memory in scope.list())
    assert follower.places == {}


def test_a_clock_that_goes_backwards_loses_nothing(open_garden: OPEN, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what was written after it did, nor what was replaced or deleted; order is by revision, not by time."""
    garden, other = open_garden(), open_garden()
    now = [datetime(2030, 1, 1, tzinfo=UTC)]
    for module in ("memgarden.scope", "memgarden.store.rows", "memgarden.records", "memgarden.ingest.validate"):
        if hasattr(sys.modules[module], "utc_now"):
            monkeypatch.setattr(f"{module}.utc_now", lambda: now[0])
    monkeypatch.setattr("time.time_ns", lambda: int(now[0].timestamp() * 1e9))
    monkeypatch.setattr("time.time", lambda: now[0].timestamp())
    expected: dict[str, str] = {}
    for n in range(60):
        now[0] -= timedelta(days=n % 3 * 100) - timedelta(seconds=1)
        text = f"marker{n} said in {now[0].year}"
        if n % 5 == 4:
            one = f"m{n % 7}"
            assert garden.scope("alice").delete(one) == (one in expected)
            expected.pop(one, None)
        elif f"m{n % 11}" in expected and n % 2:
            garden.scope("alice").update(f"m{n % 11}", text=text)
            expected[f"m{n % 11}"] = text
        else:
            garden.scope("alice").add(text, id=f"m{n % 11}")
            expected[f"m{n % 11}"] = text
        for each in (garden, other):
            scope = each.scope("alice")
            assert {memory.id: memory.text for memory in scope.list()} == expected
            assert {hit.id: hit.memory.text for hit in scope.search("said", k=50)} == expected
    stays = garden.scope("alice").add("for a day", id="brief", expires_at=now[0] + timedelta(days=1))
    now[0] -= timedelta(days=3000)
    assert garden.scope("alice").get(stays.id) is not None
    now[0] += timedelta(days=3002)
    assert garden.scope("alice").get(stays.id) is None and garden.scope("alice").count() == len(expected)


def test_who_holds_chroma_is_said(open_garden: OPEN) -> None:
    """By `flush` in a process that waits for another; its own writes are in the outbox meanwhile."""
    owner, second = open_garden(chroma="auto"), open_garden(chroma="auto")
    owner.scope("alice").add("olive")
    owner.flush(60)
    child = owner._parts.mirror._child.pid  # type: ignore[union-attr]
    os.kill(child, 19)  # SIGSTOP: it owns Chroma and does nothing
    try:
        second.scope("alice").add("fig")
        eventually(lambda: second.health().chroma == "waiting", 60)
        with pytest.raises(ChromaError, match=rf"1 changes still wait .*waiting: process {child} since 20\S+ owns it"):
            second.flush(0.5)
        assert len(second.scope("alice").search("fig")) == 2
    finally:
        os.kill(child, 18)
    second.flush(60)


def test_every_error_of_the_database_is_one_of_ours() -> None:
    """So that `except MemgardenError` is enough, and `except OSError` too."""
    for error in (GardenBusy, StorageError):
        assert issubclass(error, MemgardenError) and issubclass(error, OSError)
