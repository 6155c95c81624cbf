"""`kill -9` in the middle of an ingestion: it is run again until it is done, and then everything is there once."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from memgarden import Garden
from tests.conftest import drawn_seed
from tests.ingest.worker import STREAM

WORKER = Path(__file__).with_name("worker.py")
KILLS = 12


def _life(where: Path, lines: int, more: float) -> list[str]:
    """Start an ingestion and kill it, some seconds after so many batches; what it said."""
    paths = os.pathsep.join(path for path in sys.path if path)
    child = subprocess.Popen(
        [sys.executable, str(WORKER), str(where)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": paths},
    )
    assert child.stdout is not None
    said = [child.stdout.readline() for _ in range(lines)]
    time.sleep(more)
    child.kill()
    said += child.stdout.read().splitlines()
    child.wait()
    return [line for line in said if line]


@pytest.mark.parametrize("rounds", [1, pytest.param(5, marks=pytest.mark.slow)])
def test_twelve_kills_neither_lose_nor_double_a_turn(tmp_path: Path, rounds: int) -> None:
    """What was told to be stored is there after each kill; at the end each session is whole and in order."""
    for number in range(rounds):
        _survives_twelve(tmp_path / str(number))


def _survives_twelve(tmp_path: Path) -> None:
    tmp_path.mkdir()
    seed = drawn_seed()
    rng, where, killed, held = random.Random(seed), tmp_path / "garden", 0, 0
    turns = sum(len(one["messages"]) for one in STREAM)
    for _ in range(KILLS):
        # Mostly within what is new: batches of turns that are there already come first.
        said = _life(where, min(held // 16 + rng.randrange(4), turns // 16), rng.uniform(0.0, 0.02))
        killed += not any(line.startswith("done") for line in said)
        told = [sum(map(int, line.split())) for line in said if line[:1].isdigit() and len(line.split()) == 2]
        with Garden.open(where, embedder="hashing:64", chroma=None) as garden:
            rows = garden.health(deep=True)
            held = rows.rows["memories"]
            assert rows.problems == []
        assert held >= max(told[:-1], default=0)  # the last line may have been cut off
    print(f"{killed} of {KILLS} were killed before the end")
    assert killed >= KILLS // 2
    with Garden.open(where, embedder="hashing:64", chroma=None) as garden:
        done = garden.ingest(STREAM)
        assert (done.conversations, done.failed, done.stored + done.skipped) == (len(STREAM), (), turns)
        for one in STREAM:
            session = garden.scope(one["scope"]).session(one["session_id"])
            assert [turn.text for turn in session] == [message["content"] for message in one["messages"]]
        per_scope = Counter()
        for one in STREAM:
            per_scope[one["scope"],] += len(one["messages"])
        assert garden.scopes() == per_scope
