"""Chroma destroyed on purpose: nothing is lost, searches go on, `health()` says so and `reindex` mends it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from memgarden import ChromaError, Garden, Memory
from tests.survival.damage import garbage, problems
from tests.survival.mirror import same_as_record
from tests.waiting import eventually

OPEN = Callable[..., Garden]
COUNT = 1_300  # above 1,000, Chroma's sync threshold: below it there are no files of vectors to destroy


def _segment(folder: Path) -> Path:
    return next(child for child in folder.iterdir() if child.is_dir())


DAMAGES: dict[str, Callable[[Path], None]] = {
    "folder deleted": shutil.rmtree,
    "sqlite truncated": lambda folder: os.truncate(folder / "chroma.sqlite3", 5_000),
    "sqlite garbage": lambda folder: garbage(folder / "chroma.sqlite3"),
    "sqlite deleted": lambda folder: (folder / "chroma.sqlite3").unlink(),
    "vectors deleted": lambda folder: shutil.rmtree(_segment(folder)),
    "vectors emptied": lambda folder: os.truncate(_segment(folder) / "data_level0.bin", 0),
    "vectors garbage": lambda folder: garbage(_segment(folder) / "data_level0.bin"),  # SIGSEGV, chromadb 1.5.9
    "header truncated": lambda folder: os.truncate(_segment(folder) / "header.bin", 50),  # SIGSEGV as well
    "lengths garbage": lambda folder: garbage(_segment(folder) / "length.bin"),  # no error, other vectors
    "ids truncated": lambda folder: os.truncate(_segment(folder) / "index_metadata.pickle", 999),
}
QUICK = ("folder deleted", "sqlite garbage", "vectors deleted", "vectors garbage", "ids truncated")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed garden that Chroma holds in full."""
    where = tmp_path_factory.mktemp("sound") / "garden"
    with Garden.open(where, embedder="hashing:64") as garden:
        garden.scope("alice").add_many([Memory(f"note {n} word{n % 17}", id=f"{n}") for n in range(COUNT)])
        garden.flush()
        assert garden.health(deep=True).ok
    return where


def _loses_nothing(garden: Garden) -> None:
    alice = garden.scope("alice")
    assert alice.count() == COUNT and alice.search("note 77", mode="lexical", k=1)[0].id == "77"
    vector = garden.embedder.embed(["note 99 word14"])[0]
    assert alice.search("", vector=vector, embedder=garden.embedder.name, mode="dense", k=1)[0].id == "99"


def _is_reported(garden: Garden) -> None:
    found = problems(garden)
    assert "memgarden reindex" in found[0], found


def _is_mended(garden: Garden) -> None:
    garden.reindex()
    garden.flush(120)
    assert garden.health(deep=True).problems == []
    garden.close()
    same_as_record(garden)


@pytest.mark.parametrize(
    "damage", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in DAMAGES]
)
def test_destroyed_while_the_garden_is_closed(sound: Path, tmp_path: Path, damage: str) -> None:
    """Found by the comparison at the start, in the drainer's process, which may crash: this one does not."""
    shutil.copytree(sound, tmp_path / "garden")
    DAMAGES[damage](tmp_path / "garden" / "chroma")
    with Garden.open(tmp_path / "garden") as garden:
        _loses_nothing(garden)
        _is_reported(garden)
        _loses_nothing(garden)
        _is_mended(garden)


@pytest.mark.parametrize(
    "damage", [pytest.param(name, marks=() if name == "folder deleted" else pytest.mark.slow) for name in DAMAGES]
)
def test_destroyed_while_the_garden_is_open(sound: Path, tmp_path: Path, damage: str) -> None:
    """The drainer has the files open and writes into nowhere: found when asked, for then it opens them anew."""
    shutil.copytree(sound, tmp_path / "garden")
    with Garden.open(tmp_path / "garden") as garden:
        garden.scope("bob").add("olive", id="olive")
        garden.flush(120)
        DAMAGES[damage](tmp_path / "garden" / "chroma")
        garden.scope("bob").add("fig", id="fig")
        assert {hit.id for hit in garden.scope("bob").search("olive fig")} == {"olive", "fig"}
        try:
            garden.flush(60)
        except ChromaError as error:
            assert "memgarden reindex" in str(error)
        _loses_nothing(garden)
        _is_reported(garden)
        _is_mended(garden)


def test_what_one_process_found_every_process_says(sound: Path, tmp_path: Path) -> None:
    """Also one that opened the garden without Chroma; and what is mended is no longer said."""
    shutil.copytree(sound, tmp_path / "garden")
    shutil.rmtree(_segment(tmp_path / "garden" / "chroma"))
    with Garden.open(tmp_path / "garden") as garden, Garden.open(tmp_path / "garden", chroma=None) as other:
        assert other.health().ok
        garden.scope("alice").add("one more")  # a write is enough for it to be looked at
        eventually(lambda: not other.health().ok, 60)
        other.reindex()
        assert other.health().ok
        garden.flush(120)
        assert garden.health(deep=True).ok and other.health().ok


def test_a_sound_chroma_is_not_accused(sound: Path, tmp_path: Path) -> None:
    """While a garden is written to, with changes half made: the comparison knows what waits in the outbox."""
    shutil.copytree(sound, tmp_path / "garden")
    with Garden.open(tmp_path / "garden") as garden:
        alice = garden.scope("alice")
        for n in range(60):
            alice.add(f"new {n}", id=f"new {n}")
            alice.delete([f"{n}", f"new {n - 2}"])
            if n % 20 == 19:
                assert garden.health(deep=True).problems == []
        garden.flush()
        assert garden.health(deep=True).problems == []
