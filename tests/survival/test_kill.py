"""`kill -9` at random moments: what was acknowledged is there, what was deleted stays away, Chroma follows.

`MEMGARDEN_SEED` repeats a run; a failure says its seed.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from memgarden import ChromaError, Garden
from tests.conftest import drawn_seed
from tests.survival.mirror import same_as_record
from tests.survival.model import Operation, State, applied, held, searches_agree

WORKER = Path(__file__).with_name("worker.py")
COMPARE_EVERY = 20


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _one_life(where: Path, seed: int, rng: random.Random) -> list[tuple[Operation, bool]]:
    """Start a worker, kill it, and return what it said it did, with whether it had done it."""
    child = subprocess.Popen([sys.executable, str(WORKER), str(where), str(seed)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    said = [child.stdout.readline()]  # it has begun
    time.sleep(rng.uniform(2.0, 3.5) if rng.random() < 0.15 else rng.uniform(0.0, 1.0))
    victim = rng.random()
    if victim < 0.3:
        for drainer in _drainers(child.pid):
            _kill(drainer)
        if victim < 0.15:
            time.sleep(rng.uniform(0.0, 1.0))
    _kill(child.pid)
    said += child.stdout.read().splitlines()
    child.wait()
    done: list[tuple[Operation, bool]] = []
    for line in said:
        if line.startswith("?") and line.endswith("]\n" if line is said[0] else "]"):
            done.append((json.loads(line[1:]), False))
        elif line.startswith("!"):
            done[-1] = (done[-1][0], True)
    assert all(acknowledged for _, acknowledged in done[:-1])
    return done


def _drainers(pid: int) -> list[int]:
    """The drainer is started by a thread, so it is listed under that."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                found += map(int, (task / "children").read_text().split())
    return found


def _check(garden: Garden, state: State, last: Operation | None, gone: list[str]) -> State:
    """The state that the garden is in: with the operation in flight or without it."""
    found = {label: held(garden.scope(label)) for label in ("alice", "bob", "carol", "dave")}
    found = {label: memories for label, memories in found.items() if memories}
    without = {label: memories for label, memories in state.items() if memories}
    options = [without]
    if last is not None:
        options.append({label: memories for label, memories in applied(state, last).items() if memories})
    assert found in options, f"in flight: {last}\nexpected {without}\nfound {found}"
    for label, memories in found.items():
        searches_agree(garden.scope(label), memories, gone)
    assert garden.health(deep=True).problems == []
    return found


def _compare(where: Path) -> tuple[int, int]:
    """Chroma against the record: how many chunks, and whether `health()` asked for a repair first."""
    repaired = 0
    with Garden.open(where) as garden:
        for _ in range(3):
            try:
                garden.flush(120)
                if garden.health(deep=True).ok:
                    break
            except ChromaError as error:
                print(error)
            print("repair:", garden.health().problems)
            repaired = 1
            garden.reindex()
    return same_as_record(garden), repaired


def _survives(where: Path, kills: int) -> None:
    seed = drawn_seed()
    rng, state, done, undecided, repaired, compared = random.Random(seed), State(), 0, 0, 0, 0
    gone: list[str] = []
    for number in range(kills):
        life = _one_life(where, seed * 1_000 + number, rng)
        before = state
        for operation, acknowledged in life:
            if acknowledged:
                state = applied(state, operation)
        last = life[-1][0] if not life[-1][1] else None
        words = {word for memories in (before | state).values() for word, _ in memories.values()}
        words |= {f"{operation[3]}" for operation, _ in life if operation[0] == "add"}
        with Garden.open(where, chroma=None) as garden:
            now = {word for memories in state.values() for word, _ in memories.values()}
            if last is not None:
                now |= {word for memories in applied(state, last).values() for word, _ in memories.values()}
            gone = sorted(rng.sample(sorted(words - now), min(8, len(words - now))))
            state = _check(garden, state, last, gone)
        done += sum(acknowledged for _, acknowledged in life)
        undecided += last is not None
        if number % COMPARE_EVERY == COMPARE_EVERY - 1 or number == kills - 1:
            compared, mended = _compare(where)
            repaired += mended
            print(
                f"{number + 1} kills, {done} acknowledged, {repaired} repairs, {compared} chunks the same", flush=True
            )
    print(
        f"{kills} kills, {done} operations acknowledged, {undecided} in flight, {repaired} repairs of Chroma,", end=" "
    )
    print(f"{compared} chunks compared at the end")


def test_eight_kills_lose_nothing(tmp_path: Path) -> None:
    """The short one."""
    _survives(tmp_path / "garden", 8)


@pytest.mark.slow
def test_two_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    """With Chroma on, in four scopes; every twentieth time Chroma is compared with the record, chunk by chunk."""
    _survives(tmp_path / "garden", 200)
