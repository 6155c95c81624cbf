"""A disk that is really full: a clear error, nothing acknowledged lost, and on it goes once there is room."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from memgarden import ChromaError, Garden, StorageError
from tests.survival.mirror import same_as_record
from tests.waiting import eventually

Mount = Callable[[int], Path]


def _mount(options: str, where: Path) -> None:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(where)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"this test mounts a small tmpfs, and may not (uid {os.getuid()}): {done.stderr.strip()}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 12 MB."""
    where = tmp_path / "disk"
    where.mkdir()
    _mount("size=12m", where)
    yield where
    subprocess.run(["umount", "--lazy", str(where)], check=True)


def _more_room(disk: Path) -> None:
    _mount("remount,size=96m", disk)


def _fill(disk: Path) -> None:
    """To the last byte, with what is none of the garden's."""
    with (disk / "filler").open("wb", buffering=0) as file:
        for size in (2**16, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


def _add_until_full(garden: Garden) -> list[str]:
    """What was acknowledged; the error is the one that is promised."""
    acknowledged: list[str] = []
    with pytest.raises(StorageError, match=r"disk is full.*free some space; nothing of this call was stored"):
        while True:
            name = f"n{len(acknowledged)}"
            garden.scope("alice").add(f"marker{len(acknowledged)} " + "filler words " * 60, id=name)
            acknowledged.append(name)
    return acknowledged


def _all_there(garden: Garden, acknowledged: list[str]) -> None:
    scope = garden.scope("alice")
    assert {memory.id for memory in scope.list(limit=10**6)} == set(acknowledged)
    for name in (*acknowledged[:5], *acknowledged[-5:]):
        assert [hit.id for hit in scope.search(f"marker{name[1:]}", mode="lexical")] == [name]
    assert scope.search("a query that was never asked before", k=3)


def test_adding_until_the_disk_is_full(disk: Path) -> None:
    """Again and again, with searches between, in this process and in one that opens the garden then."""
    with Garden.open(disk / "garden", embedder="hashing:64", chroma=None) as garden:
        acknowledged = _add_until_full(garden)
        assert len(acknowledged) > 100  # SQLite's log, up to 32 MB before it is folded in, takes most of the 12
        for _ in range(3):
            with pytest.raises(StorageError, match="disk is full"):
                garden.scope("bob").add("words " * 20_000, id="never")
            _all_there(garden, acknowledged)
        assert garden.scope("bob").count() == 0
        shutil.copytree(disk / "garden", disk.parent / "copy")  # as a kill would leave it
        with Garden.open(disk.parent / "copy", chroma=None) as copy:
            _all_there(copy, acknowledged)
            assert copy.health(deep=True).ok
        _more_room(disk)
        garden.scope("alice").add("marker1000000 there is room again", id="n1000000")
        _all_there(garden, [*acknowledged, "n1000000"])
        assert garden.health(deep=True).ok
    with Garden.open(disk / "garden", chroma=None) as garden:
        _all_there(garden, [*acknowledged, "n1000000"])


def test_every_kind_of_write_on_a_full_disk_is_all_or_nothing(disk: Path) -> None:
    """Filled by others to the last byte."""
    with Garden.open(disk / "garden", embedder="hashing:64", chroma=None) as garden:
        scope = garden.scope("alice")
        for n in range(20):
            scope.add(f"marker{n}", id=f"n{n}")
        before = scope.list()
        _fill(disk)
        large = "words " * 50_000
        writes: list[Callable[[], object]] = [
            lambda: scope.add(large, id="new"),
            lambda: scope.add(large, id="n1"),
            lambda: scope.update("n2", text=large),
            lambda: scope.update("n3", metadata={"large": large}),
            lambda: scope.add_many([large, f"{large} too"], batch_size=2),
            lambda: garden.scope("never heard of").add(large),
        ]
        for write in writes:
            with pytest.raises(StorageError, match="disk is full"):
                write()
            assert scope.list() == before and len(scope.search("marker", k=50)) <= 20
        (disk / "filler").unlink()
        scope.delete("n0")
        assert scope.count() == 19 and garden.health(deep=True).ok and list(garden.scopes()) == [("alice",)]


READ = """
import sys
from memgarden import Garden
with Garden.open(sys.argv[1], chroma=None) as garden:
    print(garden.scope("alice").count(), len(garden.scope("alice").search("marker7", mode="lexical")))
"""


def test_a_process_that_comes_to_a_full_disk_can_read(disk: Path) -> None:
    """Beside one that has the garden open."""
    with Garden.open(disk / "garden", embedder="hashing:64", chroma=None) as garden:
        for n in range(20):
            garden.scope("alice").add(f"marker{n}", id=f"n{n}")
        _fill(disk)
        command = [sys.executable, "-c", READ, str(disk / "garden")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.stdout.split() == ["20", "1"], done.stderr


def test_chroma_on_a_full_disk_loses_nothing(disk: Path) -> None:
    """It fails, which `health()` says; once there is room it catches up, or is built anew by `reindex`."""
    _more_room(disk)
    with Garden.open(disk / "garden", embedder="hashing:64") as garden:
        items = [{"text": f"marker{n} " + "filler " * 60, "id": f"n{n}"} for n in range(1_200)]
        acknowledged = garden.scope("alice").add_many(items)
        _fill(disk)
        with pytest.raises(ChromaError):
            garden.flush(60)
        health = garden.health()
        assert not health.ok and "memgarden reindex" in health.problems[0] and health.outbox > 0, health
        _all_there(garden, acknowledged)
        (disk / "filler").unlink()
        garden.scope("alice").add("marker1000000 there is room again", id="n1000000")
        _all_there(garden, [*acknowledged, "n1000000"])
        try:
            garden.flush(120)
        except ChromaError as error:
            print("does not mend itself:", error)
        if garden.health(deep=True).problems:
            garden.reindex()
            garden.flush(120)
        assert garden.health(deep=True).problems == []
        eventually(lambda: garden.health().chroma == "idle", 30)
    assert same_as_record(garden) == 1_201
