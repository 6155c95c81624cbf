"""A backup is the garden of one moment, made while others write it, whole or not there, and a garden itself."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from memgarden import Garden, MemgardenError, StorageError
from memgarden.store import backup as backup_module

OPEN = Callable[..., Garden]


def test_a_copy_holds_everything(garden: Garden, tmp_path: Path) -> None:
    """And goes on by itself: what one stores afterwards the other has not."""
    garden.scope("alice").add_many(["green tea", "black tea"])
    garden.scope("bob").add("kept", id="r", kind="record")
    garden.backup(tmp_path / "deep" / "copy")
    garden.scope("alice").add("oolong")
    with Garden.open(tmp_path / "deep" / "copy", chroma=None) as copy:
        assert copy.scopes() == {("alice",): 2, ("bob",): 1}
        assert copy.scope("alice").search("green tea", k=1)[0].text == "green tea"
        copy.scope("alice").add("white tea")
        assert copy.health(deep=True).problems == []
    assert garden.scope("alice").count() == 3
    assert sorted(path.name for path in (tmp_path / "deep" / "copy").iterdir())[:1] == ["garden.db"]


def test_its_chroma_is_filled_anew(open_garden: OPEN, tmp_path: Path) -> None:
    """When it is first opened with one, though the original's outbox was empty."""
    garden = open_garden(chroma="auto")
    garden.scope("alice").add_many([f"tea {n}" for n in range(20)])
    garden.flush()
    garden.backup(tmp_path / "copy")
    with Garden.open(tmp_path / "copy") as copy:
        copy.flush()
        assert copy.health(deep=True).problems == []
        assert copy.scope("alice").search("tea 3", k=1)[0].text == "tea 3"


def test_writers_go_on_and_the_copy_is_of_one_moment(garden: Garden, tmp_path: Path) -> None:
    """Pairs that are written in one transaction are there both or not at all, and nobody fails or waits for long."""
    scope = garden.scope("alice")
    scope.add_many([f"filler {n}" for n in range(2000)])
    stop, failed = threading.Event(), []

    def write(number: int) -> None:
        n = 0
        while not stop.is_set():
            try:
                scope.add_many([{"text": f"pair {number} {n}", "id": f"{number}-{n}-{half}"} for half in "ab"])
            except MemgardenError as error:
                failed.append(error)
            n += 1

    threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for n in range(5):
        garden.backup(tmp_path / f"copy{n}")
    stop.set()
    for thread in threads:
        thread.join()
    assert failed == []
    for n in range(5):
        with Garden.open(tmp_path / f"copy{n}", chroma=None) as copy:
            ids = {memory.id for memory in copy.scope("alice").list(limit=100_000) if memory.text.startswith("pair")}
            assert {key[:-1] + "a" for key in ids} == {key for key in ids if key.endswith("a")}
            assert {key[:-1] + "b" for key in ids} == {key for key in ids if key.endswith("b")}
            assert copy.health(deep=True).problems == []


def test_a_garden_is_not_written_over(garden: Garden, tmp_path: Path) -> None:
    """Nor is anything left of a copy that failed; what an earlier one left behind is no hindrance."""
    garden.scope("alice").add("tea")
    garden.backup(tmp_path / "copy")
    before = (tmp_path / "copy" / "garden.db").read_bytes()
    with pytest.raises(StorageError, match="there already"):
        garden.backup(tmp_path / "copy")
    assert (tmp_path / "copy" / "garden.db").read_bytes() == before
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="choose another place"):
        garden.backup(tmp_path / "file" / "copy")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "garden.db.unfinished").write_text("of a process that was killed")
    garden.backup(tmp_path / "other")
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["garden.db"]


def test_a_copy_that_fails_is_not_there(garden: Garden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even half of it, where the disk is full."""
    garden.scope("alice").add("tea")

    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup_module, "_sync", full)
    with pytest.raises(StorageError, match="No space left"):
        garden.backup(tmp_path / "copy")
    assert list((tmp_path / "copy").iterdir()) == []
    monkeypatch.undo()
    garden.backup(tmp_path / "copy")
    assert sqlite3.connect(tmp_path / "copy" / "garden.db").execute("PRAGMA integrity_check").fetchone() == ("ok",)
    shutil.rmtree(tmp_path / "copy")
