"""A soak: processes, threads, restarts and kills on one garden. `MEMGARDEN_SOAK_SECONDS` for a shorter one."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from memgarden import Garden
from tests.survival.mirror import same_as_record
from tests.survival.model import held, searches_agree

PROCESSES = 4
ROOT = Path(__file__).parents[2]


def _soaks(where: Path, seconds: float) -> None:
    rng, seed = random.Random(7), 0
    Garden.open(where, embedder="hashing:64", chroma=None).close()
    end = time.monotonic() + seconds
    operations = kills = restarts = 0
    while (left := end - time.monotonic()) > 0:
        children, length = [], min(max(left, 5.0), 120.0)
        for process in range(PROCESSES):
            seed += 1
            command = [sys.executable, "-m", "tests.survival.soaker", str(where), f"p{process}", str(seed), str(length)]
            children.append(
                subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            )
        victim = rng.randrange(PROCESSES)
        time.sleep(rng.uniform(0.5, 0.9) * length)
        children[victim].kill()
        for number, child in enumerate(children):
            out, err = child.communicate(timeout=length + 240)
            if number == victim:
                kills += 1
                continue
            restarts += 1
            assert child.returncode == 0, err
            report = json.loads(out)
            assert report["errors"] == [], "\n".join(report["errors"])
            print(report)
            operations += report["operations"]
            first, last = report["first"], report["last"]
            assert last["handles"] <= first["handles"] + 8 and last["mb"] <= first["mb"] * 1.3 + 30, report
    with Garden.open(where) as garden:
        garden.flush(300)
        assert garden.health(deep=True).problems == []
        for path in garden.scopes():
            if path != ("shared",):
                searches_agree(garden.scope(*path), held(garden.scope(*path)), [])
        health = garden.health()
    chunks = same_as_record(garden)
    # Beside the memories: at most 1,000 tombstones a scope and some, and the bounded cache of embeddings.
    rows = health.rows
    assert rows["tombstones"] <= 2_000 * rows["scopes"] and rows["embeddings"] <= 55_000
    most = rows["chunks"] * 6_000 + rows["tombstones"] * 60 + rows["embeddings"] * 1_500 + 4 * 2**20
    assert health.bytes <= most, (health.bytes, most, rows)
    print(f"{seconds:g} s: {operations} operations, {kills} kills, {restarts} restarts, {chunks} chunks the same")


def test_six_seconds(tmp_path: Path) -> None:
    """The short one."""
    _soaks(tmp_path / "garden", 6)


@pytest.mark.slow
def test_for_as_long_as_it_takes(tmp_path: Path) -> None:
    """Twenty minutes, or `MEMGARDEN_SOAK_SECONDS`."""
    _soaks(tmp_path / "garden", float(os.environ.get("MEMGARDEN_SOAK_SECONDS", "1200")))
