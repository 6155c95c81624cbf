"""Maintenance that is killed at any point loses nothing, and run again leaves nothing twice."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from memgarden import Deduplication, Garden, Memory, Plan, Policy, Summarisation
from memgarden.maintain.archive import list_archives, read_archive
from memgarden.records import utc_now
from tests.conftest import TIMES

OLD = utc_now() - timedelta(days=400)
PLACES = ("Porto", "Bergen", "Kyoto", "Quito", "Accra")
Work = Callable[[Garden], object]

POLICIES = {
    "archive": Policy(deduplicate=None),
    "merge": Policy(archive=None),
    "summarise": Policy(deduplicate=None, archive=None, summarise=Summarisation(similarity=0.3, kinds=("note",))),
    "all": Policy(summarise=Summarisation(similarity=0.3, kinds=("note",))),
}


def opened(folder: Path) -> Garden:
    return Garden.open(folder, embedder="hashing:64", chroma=None)


def planted(folder: Path) -> Path:
    """A garden of two users, with old memories, duplicates of some, and a few new ones."""
    with opened(folder) as garden:
        for user in ("alice", "bob"):
            scope = garden.scope(user)
            texts = [
                f"{user} went to {place} by {how} that year." for place in PLACES for how in ("boat", "train", "foot")
            ]
            olds = [
                Memory(text, id=f"{name}{n}", created_at=OLD + timedelta(hours=n))
                for name in ("first", "again")
                for n, text in enumerate(texts * 5 if name == "first" else texts)
            ]
            paid = [f"{user} paid {n} coins for the fare." for n in range(30)]
            olds += [Memory(text, id=f"paid{n}", kind="document", created_at=OLD) for n, text in enumerate(paid)]
            scope.add_many([*olds, *(Memory(f"new {n}", id=f"new{n}") for n in range(5))])
    return folder


def everywhere(garden: Garden) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """How often each memory that was planted is in the garden, and how often in archives."""
    here: Counter[tuple[str, str]] = Counter()
    away: Counter[tuple[str, str]] = Counter()
    for path in garden.scopes():
        here.update(
            (path[0], memory.id) for memory in garden.scope(*path).list(limit=10_000) if memory.kind != "summary"
        )
    assert garden._parts.archives is not None
    for archive in list_archives(garden._parts.archives):
        away.update((line.path[0], line.memory.id) for line in read_archive(garden._parts.archives, archive))
    return here, away


def killed(folder: Path, work: Work, after: float) -> bool:
    """Whether a process that does the work in that garden was still at it when it was killed."""
    child = os.fork()
    if child == 0:
        try:
            work(opened(folder))
        finally:
            os._exit(0)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def survives(tmp_path: Path, prepare: Work | None, work: Work, finished: Callable[[Garden], None], times: int) -> None:
    """Kill the work at `times` random points: all is somewhere at once, and in one place after it ran to its end."""
    template = planted(tmp_path / "template")
    with opened(template) as garden:
        if prepare is not None:
            prepare(garden)
        wanted = set().union(*everywhere(garden))
    for trial in (tmp_path / "first", tmp_path / "second"):  # the first imports what the others have at hand
        shutil.copytree(template, trial)
        with opened(trial) as garden:
            began = time.perf_counter()
            work(garden)
            took = time.perf_counter() - began
    rng, caught = random.Random(7), 0
    for number in range(times):
        folder = tmp_path / str(number)
        shutil.copytree(template, folder)
        caught += killed(folder, work, rng.uniform(0, took))
        with opened(folder) as garden:
            here, away = everywhere(garden)
            assert set(here) | set(away) == wanted and max(here.values()) == 1
            work(garden)
            here, away = everywhere(garden)
            assert set(here) | set(away) == wanted and not set(here) & set(away)
            assert max(here.values()) == 1 and max(away.values(), default=1) == 1
            assert all(archive.settled for archive in garden.archives()) and garden.health(deep=True).ok
            finished(garden)
        shutil.rmtree(folder)
    assert caught >= times // 4


def maintained(policy: Policy) -> Work:
    return lambda garden: garden.maintain(policy)


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("name", POLICIES)
def test_maintenance_survives_being_killed(tmp_path: Path, name: str, times: int) -> None:
    """Present in the garden, an archive or both, never neither; after the next run in one of them, once."""
    survives(tmp_path, None, maintained(POLICIES[name]), _done(POLICIES[name]), times)


def restored(garden: Garden) -> None:
    garden.apply(Plan())  # which settles what a run that was cut off left
    for archive in garden.archives():
        garden.restore(archive)


@pytest.mark.parametrize("times", TIMES)
def test_restoring_survives_being_killed(tmp_path: Path, times: int) -> None:
    """What comes back is never in neither place, and summaries go with the last of what they tell."""

    def finished(garden: Garden) -> None:
        assert garden.archives() == []
        assert not any(garden.scope(*path).list(where={"kind": "summary"}) for path in garden.scopes())

    survives(tmp_path, maintained(POLICIES["summarise"]), restored, finished, times)


def _done(policy: Policy) -> Callable[[Garden], None]:
    def finished(garden: Garden) -> None:
        assert not [step for step in garden.plan(policy) if step.action == "merge"]
        for path in garden.scopes():
            for summary in garden.scope(*path).list(where={"kind": "summary"}):
                told = garden.scope(*path).originals(summary.id)
                assert [memory.id for memory in told] and len(told) == summary.metadata["original_count"]

    return finished


def test_the_policies_find_something_to_do(tmp_path: Path) -> None:
    """Else the tests above would show nothing."""
    with opened(planted(tmp_path / "garden")) as garden:
        for name, policy in POLICIES.items():
            actions = {step.action for step in garden.plan(policy)} - {"similar"}
            assert actions == ({name} if name != "all" else {"merge", "archive"} | actions)
        assert {step.action for step in garden.plan(Deduplication())} >= {"merge"}


def kept(tmp_path: Path, work: Callable[[Garden, Path], object], whole: Callable[[Path], object], times: int) -> None:
    """Kill work that changes no memory: all are there, and what it writes beside them is whole or not there."""
    template = planted(tmp_path / "template")
    with opened(template) as garden:
        wanted = everywhere(garden)[0]
        began = time.perf_counter()
        work(garden, tmp_path / "first")
        took = time.perf_counter() - began + 0.05
    rng = random.Random(7)
    for number in range(times):
        folder, beside = tmp_path / str(number), tmp_path / f"beside {number}"
        shutil.copytree(template, folder)
        killed(folder, lambda garden, beside=beside: work(garden, beside), rng.uniform(0, took))
        if beside.exists():
            assert whole(beside) == sum(wanted.values())
        with opened(folder) as garden:
            assert everywhere(garden)[0] == wanted and garden.health(deep=True).ok
            if not beside.exists():
                work(garden, beside)
                assert whole(beside) == sum(wanted.values())
            assert everywhere(garden)[0] == wanted
        shutil.rmtree(folder)


def exported(garden: Garden, beside: Path) -> None:
    garden.export(beside)


def lines(beside: Path) -> int:
    return len(beside.read_text().splitlines()) - 1


def copied(garden: Garden, beside: Path) -> None:
    garden.backup(beside.with_name(f"{beside.name} made"))
    beside.with_name(f"{beside.name} made").rename(beside)


def counted(beside: Path) -> int:
    with opened(beside) as copy:
        assert copy.health(deep=True).ok
        return sum(copy.scopes().values())


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize(("work", "whole"), [(exported, lines), (copied, counted)])
def test_copying_survives_being_killed(
    tmp_path: Path, work: Callable[[Garden, Path], object], whole: Callable[[Path], object], times: int
) -> None:
    """An export or a backup is there whole or not at all, and the garden as it was."""

    def again(garden: Garden, beside: Path) -> None:
        shutil.rmtree(beside.with_name(f"{beside.name} made"), ignore_errors=True)
        work(garden, beside)

    kept(tmp_path, again, whole, times)


@pytest.mark.parametrize("times", TIMES)
def test_compaction_survives_being_killed(tmp_path: Path, times: int) -> None:
    """In steps or whole, with narrow vectors: every memory stays, and is found."""

    def compacted(garden: Garden, beside: Path) -> None:
        garden.narrow("int8", older_than=timedelta(0), apply=True)
        garden.compact(older_than=timedelta(0), events=1, embeddings=0, apply=True)
        garden.compact(full=True, apply=True)
        beside.write_text("done")

    kept(tmp_path, compacted, lambda beside: 2 * (15 * 6 + 30 + 5), times)


@pytest.mark.parametrize("times", TIMES)
def test_importing_survives_being_killed(tmp_path: Path, times: int) -> None:
    """Run again it has stored every memory once, with its vectors."""
    with opened(planted(tmp_path / "template")) as garden:
        garden.export(tmp_path / "all.jsonl")
        wanted = everywhere(garden)[0]
    rng = random.Random(7)
    for number in range(times):
        folder = tmp_path / str(number)
        killed(folder, lambda garden: garden.import_(tmp_path / "all.jsonl"), rng.uniform(0, 0.5))
        with opened(folder) as garden:
            assert set(everywhere(garden)[0]) <= set(wanted)
            assert garden.import_(tmp_path / "all.jsonl").kept_vectors
            assert everywhere(garden)[0] == wanted and garden.health(deep=True).ok
        shutil.rmtree(folder)
