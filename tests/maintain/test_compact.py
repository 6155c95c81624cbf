"""Compaction drops what nobody needs, in steps that hold up nobody, and finds and loses nothing else."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from memgarden import Garden, InvalidSetting, Policy, Retention, Sizes
from memgarden.maintain import compact as compact_module
from memgarden.records import utc_now
from memgarden.store.compact import SqlCompactor
from memgarden.store.write import KEPT_TOMBSTONES
from tests.large.conftest import fill, near, settled
from tests.survival.mirror import same_as_record

OPEN = Callable[..., Garden]


def _rows(folder: Path, table: str) -> int:
    with closing(sqlite3.connect(folder / "garden.db")) as record:
        return int(record.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def _grown(garden: Garden, count: int = 1500) -> None:
    """A scope in which much was deleted, and one in which nothing was."""
    ids = garden.scope("alice").add_many([f"note {n} " + "filler " * 40 for n in range(count)])
    garden.scope("alice").delete(ids)
    garden.scope("alice").add("tea")
    garden.scope("bob").add_many([f"bob {n}" for n in range(20)])


def test_a_dry_run_changes_nothing_and_tells_what_would_be_saved(garden: Garden, tmp_path: Path) -> None:
    """Afterwards the database is about as large as was said."""
    _grown(garden)
    files = _bytes(tmp_path / "garden", "garden.db*")
    plan = garden.compact(embeddings=10)
    assert plan.before.database == files > (tmp_path / "garden" / "garden.db").stat().st_size
    assert not plan.applied and plan.dropped["embeddings"] == 1511
    assert _rows(tmp_path / "garden", "embeddings") == 1521 and plan.after.database < plan.before.database / 2
    done = garden.compact(embeddings=10, apply=True)
    assert done.applied and done.dropped == plan.dropped and _rows(tmp_path / "garden", "embeddings") == 10
    assert done.after.database == (tmp_path / "garden" / "garden.db").stat().st_size < done.before.database / 2
    assert abs(done.after.database - plan.after.database) < plan.before.database / 4
    assert not (tmp_path / "garden" / "garden.db-wal").stat().st_size
    assert garden.scope("alice").search("tea", k=1)[0].text == "tea" and garden.scope("bob").count() == 20
    assert garden.compact(embeddings=10).dropped == dict.fromkeys(done.dropped, 0)


def test_history_is_bounded_by_age_and_number(garden: Garden, tmp_path: Path) -> None:
    """The newest of each memory stay; those of another are not counted with them."""
    scope = garden.scope("alice")
    for n in range(8):
        scope.add(f"tea {n}", id="x")
        scope.add(f"tea {n}", id="y")
    assert garden.compact(events=3, apply=True).dropped["history"] == 8
    assert _rows(tmp_path / "garden", "history") == 6
    assert garden.compact(older_than=timedelta(days=1)).dropped["history"] == 0
    assert garden.compact(older_than=timedelta(0), apply=True).dropped["history"] == 6
    assert scope.get("x").text == "tea 7" and _rows(tmp_path / "garden", "history") == 0


def test_marks_of_the_living_stay_and_take_the_place_of_nothing(garden: Garden, tmp_path: Path) -> None:
    """However old: without them they would be made anew. Those of what is gone go as all history does."""
    scope = garden.scope("alice")
    for id in ("x", "y"):
        scope.add("tea", id=id)
        scope.update(id, tags=["a"])
    with closing(sqlite3.connect(tmp_path / "garden" / "garden.db")) as record, record:
        for id in ("x", "y", "gone"):
            for n in range(5):
                record.execute(
                    f"INSERT INTO history VALUES (NULL, 1, '{id}', {n}, NULL, 'similar', '{{\"to\": \"z{n}\"}}')"
                )
    assert garden.compact(events=3, older_than=timedelta(days=1000)).dropped["history"] == 5
    assert garden.compact(events=1, apply=True, older_than=timedelta(0)).dropped["history"] == 7
    assert [one.event for one in scope.history("x")].count("similar") == 5 and scope.history("gone") == []


def test_retrievals_of_what_is_gone_are_dropped(garden: Garden, tmp_path: Path) -> None:
    """Those of living memories stay."""
    scope = garden.scope("alice")
    scope.add("tea", id="x")
    scope.add("coffee", id="y")
    with closing(sqlite3.connect(tmp_path / "garden" / "garden.db")) as record, record:
        record.execute("INSERT INTO retrievals SELECT pk, 1 FROM memories")
    scope.delete("x")
    assert garden.compact(apply=True).dropped["retrievals"] == 1 and _rows(tmp_path / "garden", "retrievals") == 1


def test_indexes_that_lag_behind_pruned_tombstones_are_right(open_garden: OPEN, tmp_path: Path) -> None:
    """They are loaded anew."""
    garden, other = open_garden(), open_garden()
    ids = garden.scope("alice").add_many([f"word {n}" for n in range(KEPT_TOMBSTONES + 300)])
    assert other.scope("alice").search("word", k=1)
    for id in ids[:-5]:
        garden._parts.sink.delete(("alice",), [id])
        if _rows(tmp_path / "garden", "tombstones") > KEPT_TOMBSTONES:
            break
    gone = set(ids) - {memory.id for memory in garden.scope("alice").list(limit=10_000)}
    garden.compact(apply=True)
    assert _rows(tmp_path / "garden", "tombstones") <= KEPT_TOMBSTONES
    assert {hit.id for hit in other.scope("alice").search("word", k=2000)} == set(ids) - gone


def test_files_that_were_cut_off_are_removed(garden: Garden, tmp_path: Path) -> None:
    """A young one may be somebody's who is at it."""
    old, young = tmp_path / "garden" / "x.unfinished", tmp_path / "garden" / "y.unfinished"
    old.write_text("cut")
    young.write_text("cut")
    os.utime(old, (time.time() - 7200,) * 2)
    assert garden.compact().files == ("x.unfinished",) and old.exists()
    garden.compact(apply=True)
    assert not old.exists() and young.exists()


@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_report_counts_chroma_and_the_archives_too(open_garden: OPEN, tmp_path: Path, elsewhere: bool) -> None:
    """Wherever the archives are, and where the garden is open without its Chroma too."""
    place = tmp_path / "cellar" if elsewhere else None
    with open_garden(chroma="auto", archives=place) as garden:
        garden.scope("alice").add("tea", created_at=utc_now() - timedelta(400))
        garden.apply(garden.plan(Retention()))
        garden.scope("alice").add("coffee")
        garden.flush()
    garden = open_garden(archives=place)
    old = (place or tmp_path / "garden" / "archives") / "x.unfinished"
    old.write_bytes(b"x" * 1000)
    os.utime(old, (time.time() - 7200,) * 2)
    plan, done = garden.compact(), garden.compact(apply=True)
    archives = _bytes(place or tmp_path / "garden" / "archives")
    assert done.after == Sizes(_bytes(tmp_path / "garden", "garden.db*"), _bytes(tmp_path / "garden/chroma"), archives)
    assert archives > 0 and archives + 1000 == done.before.archives
    assert plan.after.archives == archives and plan.after.chroma == plan.before.chroma == done.before.chroma > 100_000
    assert done.to_json()["after"] == {
        "database": done.after.database,
        "chroma": done.after.chroma,
        "archives": archives,
        "total": done.after.database + (done.after.chroma or 0) + archives,
    }


def test_what_a_server_of_chroma_keeps_is_not_counted(open_garden: OPEN) -> None:
    """It is None, which is not the same as nothing; a garden that never had a Chroma has 0 bytes of one."""
    with open_garden(chroma=None) as garden:
        assert garden.compact().before.chroma == 0
    with open_garden(chroma="http://127.0.0.1:9") as garden:
        report = garden.compact(apply=True)
        assert report.before.chroma is report.after.chroma is None
        assert report.after.total == report.after.database + (report.after.archives or 0)


def _bytes(folder: Path, pattern: str = "**/*") -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern) if path.is_file() and path.suffix != ".db-shm")


def test_an_older_database_is_told_of(open_garden: OPEN, tmp_path: Path) -> None:
    """It can give free pages back once it was written anew."""
    with open_garden() as garden:
        _grown(garden)
    with closing(sqlite3.connect(tmp_path / "garden" / "garden.db", isolation_level=None)) as record:
        record.execute("PRAGMA auto_vacuum = NONE")
        record.execute("VACUUM")
    garden = open_garden()
    garden.scope("bob").delete([memory.id for memory in garden.scope("bob").list()])
    garden._parts.compactor.drop(garden._parts.compactor.surplus(_bounds())[3], 0, 5000)
    before = garden.compact()
    assert "full=True" in before.notes[0]
    size = garden._parts.compactor.size().database
    assert garden.compact(apply=True).after.database > size * 0.9
    full = garden.compact(apply=True, full=True)
    assert full.after.total < before.before.total / 2 and "written anew" in full.notes[0]
    assert garden._parts.compactor.size().returns and garden.health(deep=True).problems == []


def _bounds() -> object:
    from memgarden.surplus import Bounds

    return Bounds(datetime(2000, 1, 1, tzinfo=utc_now().tzinfo), 100, 0)


def test_bounds_are_checked(garden: Garden) -> None:
    """What makes no sense is refused."""
    for wrong in ({"events": 0}, {"embeddings": -1}, {"older_than": timedelta(-1)}):
        with pytest.raises(InvalidSetting):
            garden.compact(**wrong)  # type: ignore[arg-type]


def test_as_many_embeddings_stay_as_the_garden_keeps(open_garden: OPEN) -> None:
    """Those that it was opened to keep: no fewer, and no more once it is opened to keep less."""
    with open_garden() as garden:
        garden.scope("alice").add_many(f"note {n}" for n in range(40))
    with open_garden(cached_embeddings=15) as garden:
        assert garden.compact().dropped["embeddings"] == 25
        garden.maintain(Policy(deduplicate=None, archive=None))
        assert garden.compact(embeddings=0).dropped["embeddings"] == 15


def test_no_step_keeps_the_lock_for_long(garden: Garden, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much there is to drop, a transaction drops 500 rows of it or gives back a megabyte."""
    _grown(garden, 4000)
    taken: dict[str, list[int]] = {"drop": [], "release": []}

    def noted(name: str) -> None:
        own = getattr(SqlCompactor, name)

        def call(*args: Any) -> object:
            taken[name].append(args[-1])
            return own(*args)

        monkeypatch.setattr(SqlCompactor, name, call)

    for name in taken:
        noted(name)
    done = garden.compact(embeddings=0, apply=True)
    assert done.dropped["embeddings"] == 4021 and max(taken["drop"]) == 500 and len(taken["drop"]) >= 9
    assert set(taken["release"]) == {128} and len(taken["release"]) > 1


@pytest.mark.parametrize("scope", ["shared", "own"])
def test_a_worn_collection_is_built_anew(
    open_garden: OPEN, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scope: str
) -> None:
    """Of which a third was deleted: beside the old one, and it then holds what it should."""
    monkeypatch.setattr(compact_module, "LITTLE", 50)
    with open_garden(chroma="auto", exact_limit=200 if scope == "own" else 50_000) as garden:
        given = fill(garden, "alice", 600)
        if scope == "own":
            settled(garden, alice="chroma")
        garden.flush()
        assert garden.compact().rebuilt == ()
        garden.scope("alice").delete([str(n) for n in range(300)])
        garden.flush()
        (worn,) = garden.compact().rebuilt
        assert (worn > 0) == (scope == "own")
        done = garden.compact(apply=True)
        assert done.rebuilt == (worn,) and "in the background" in done.notes[0]
        assert near(garden, "alice", given[400], k=1) == ["400"]
        garden.flush(60)
        assert garden.compact().rebuilt == () and garden.health(deep=True).problems == []
        assert near(garden, "alice", given[400], k=1) == ["400"]
    assert same_as_record(garden) == 300


def test_vectors_of_no_collection_are_removed(open_garden: OPEN, tmp_path: Path) -> None:
    """By the drainer, when it compares Chroma with the record; what is not named as Chroma names them stays."""
    with open_garden(chroma="auto") as garden:
        garden.scope("alice").add("tea")
        garden.flush()
        lost = tmp_path / "garden" / "chroma" / "0b4fbbb0-0000-4000-8000-000000000000"
        mine = tmp_path / "garden" / "chroma" / "mine"
        lost.mkdir()
        (lost / "data_level0.bin").write_text("vectors")
        mine.mkdir()
        assert garden.health(deep=True).problems == []
        assert not lost.exists() and mine.exists()
        assert garden.scope("alice").search("tea")
