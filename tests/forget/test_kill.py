"""`kill -9` while something is forgotten: the next call finishes it, and others lose nothing.

`MEMGARDEN_SEED` repeats a run.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

from memgarden import Garden
from memgarden.forgetting import finish_forgetting
from tests.conftest import KILLS, drawn_seed
from tests.forget.conftest import traces
from tests.survival.mirror import same_as_record

CHILD = """
import sys
from memgarden import Garden
chroma = "auto" if sys.argv[3] == "auto" else None
with Garden.open(sys.argv[1], embedder="hashing:64", chroma=chroma) as garden:
    print("begin", flush=True)
    garden.forget(sys.argv[2])
    print("end", flush=True)
"""
WORDS = [f"{name}{uuid4().hex}" for name in ("label", "text", "old", "id")]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed garden that Chroma holds in full: what is to be forgotten, and others."""
    where = tmp_path_factory.mktemp("sound") / "garden"
    label, text, old, id = WORDS
    with Garden.open(where, embedder="hashing:64") as garden:
        scope = garden.scope(label)
        scope.add_many([{"text": f"{old} {n}", "id": f"{id}-{n}"} for n in range(700)])
        scope.add_many([{"text": f"{text} {n}", "id": f"{id}-{n}"} for n in range(400)])
        garden.scope(label, "below").add(text)
        garden.scope("bob").add_many([f"note {n}" for n in range(100)])
        garden.flush()
    return where


def _kill_all(child: subprocess.Popen[str]) -> None:
    """The process and the drainer that it started."""
    drainers = []
    with suppress(OSError):
        for task in Path(f"/proc/{child.pid}/task").iterdir():
            with suppress(OSError):
                drainers += map(int, (task / "children").read_text().split())
    for pid in (child.pid, *drainers):
        with suppress(ProcessLookupError):
            os.kill(pid, 9)
    child.wait()
    for pid in drainers:
        end = time.monotonic() + 10
        while Path(f"/proc/{pid}/fd").exists() and "Z" not in _state(pid) and time.monotonic() < end:
            time.sleep(0.01)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


def _survives(sound: Path, tmp_path: Path, kills: int) -> None:
    seed = drawn_seed()
    rng, cut = random.Random(seed), 0
    for number in range(kills):
        where = tmp_path / f"garden{number}"
        shutil.copytree(sound, where)
        chroma = "auto" if number % 4 == 0 else "none"
        command = [sys.executable, "-c", CHILD, str(where), WORDS[0], chroma]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None and child.stdout.readline() == "begin\n"
            time.sleep(rng.uniform(0.0, 1.2 if chroma == "auto" else 0.1))
            _kill_all(child)
            cut += "end" not in child.stdout.read()
        again = None if number % 3 else "auto"
        with Garden.open(where, embedder="hashing:64", chroma=again) as garden:
            if number % 4 < 2 and garden._parts.eraser.unfinished():
                finish_forgetting(garden._parts, 60)
            else:
                garden.forget(WORDS[0], timeout=60)
            assert traces(where, WORDS) == []
            assert garden.scopes() == {("bob",): 100} and garden.health(deep=True).problems == []
            assert garden.scope("bob").search("note 77", k=1)[0].text == "note 77"
        if number == kills - 1:
            with Garden.open(where, embedder="hashing:64") as garden:
                garden.flush(60)
                assert garden.health(deep=True).problems == []
            assert same_as_record(garden) == 100
        shutil.rmtree(where)
    print(f"{kills} kills, {cut} of them before the end")


def test_six_kills(sound: Path, tmp_path: Path) -> None:
    """The short one."""
    _survives(sound, tmp_path, 6)


@pytest.mark.slow
def test_many_kills(sound: Path, tmp_path: Path) -> None:
    """With Chroma and without it, finished by another call or by what upkeep calls."""
    _survives(sound, tmp_path, KILLS)
