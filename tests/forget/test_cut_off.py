"""A forget that was cut off is finished by the next, and what was added in between is nobody's to forget."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from memgarden import Garden, GardenBusy, Retention
from memgarden.erasure import Task
from memgarden.forgetting import finish_forgetting
from memgarden.parts import Parts
from memgarden.records import utc_now
from memgarden.store.forget import SqlEraser
from tests.forget.conftest import traces

OPEN = Callable[..., Garden]
OLD = utc_now() - timedelta(days=400)


class Killed(Exception):
    """Stands for the end of the process."""


def _cut_off(garden: Garden, forget: Callable[[Garden], object]) -> None:
    """Begun and noted, and nothing of it done."""

    class Eraser(SqlEraser):
        def remove(self, task: Task) -> None:  # type: ignore[override]
            raise Killed

    parts: Parts = garden._parts
    garden._parts = replace(parts, eraser=Eraser(parts.eraser._database))  # type: ignore[attr-defined]
    with pytest.raises(Killed):
        forget(garden)
    garden._parts = parts


@pytest.mark.parametrize("ids", [None, ["a", "b"]])
def test_what_was_added_after_it_stays(garden: Garden, tmp_path: Path, ids: list[str] | None) -> None:
    """Memories, their history and the scope itself; all that was there before goes."""
    alice = garden.scope("alice")
    alice.add_many([{"text": f"secret {n}", "id": id} for n, id in enumerate("ab")])
    alice.update("a", text="another secret")
    _cut_off(garden, lambda one: one.forget("alice") if ids is None else one.scope("alice").forget(ids))
    alice.delete("a")
    alice.add("tea", id="a")
    alice.update("a", text="green tea")
    alice.add("coffee", id="c")
    (receipt,) = finish_forgetting(garden._parts)
    assert {memory.id: memory.text for memory in alice.list()} == {"a": "green tea", "c": "coffee"}
    assert receipt.memories == 1 and [past.event for past in alice.history("a")][-1] == "updated"
    assert traces(tmp_path, ["secret"]) == [] and [hit.id for hit in alice.search("tea", k=1)] == ["a"]
    assert garden.health(deep=True).problems == []


def test_an_archive_that_was_made_after_it_stays(garden: Garden) -> None:
    """As one that was put there from elsewhere; those that it began with go."""
    alice = garden.scope("alice")
    alice.add("old tea", id="a", created_at=OLD)
    garden.apply(garden.plan(Retention()))
    task = garden._parts.eraser.begin(Task(("alice",), None, "k", "s"))
    (noted,) = garden._parts.eraser.unfinished()
    assert noted.bounds._replace(began=None) == task.bounds and noted.bounds.began is not None
    past = replace(noted, bounds=noted.bounds._replace(began=OLD))
    garden._parts.erase_archived(past)
    assert len(garden.archives()) == 1
    finish_forgetting(garden._parts)
    assert garden.archives() == []


def test_a_forget_that_nobody_let_in_has_not_begun(open_garden: OPEN) -> None:
    """It is refused as busy, and nothing is deleted later on."""
    garden, other = open_garden(), open_garden()
    garden.scope("alice").add("tea")
    with garden._parts.shift.during(), pytest.raises(GardenBusy):
        other.forget("alice", timeout=0.2)
    garden.maintain()
    assert garden.scope("alice").count() == 1


def test_one_that_waits_does_not_do_the_first_again(open_garden: OPEN) -> None:
    """What was added after the first had begun is not the second's, which is about somebody else."""
    garden, other = open_garden(), open_garden()
    for name in ("alice", "bob"):
        garden.scope(name).add("tea")
    done: list[str] = []
    remove = other._parts.eraser.remove

    def noted(task: Task) -> object:
        done.append(task.path[0])
        return remove(task)

    other._parts.eraser.remove = noted  # type: ignore[method-assign,assignment]
    asked, during = threading.Event(), other._parts.shift.during

    def told(*patience: float) -> object:
        asked.set()
        return during(*patience)

    other._parts.shift.during = told  # type: ignore[method-assign,assignment]
    waiting = threading.Thread(target=lambda: other.forget("bob"))
    own = garden._parts.eraser.remove

    def removing(task: Task) -> object:  # when the journal has it already
        waiting.start()
        assert asked.wait(30)
        return own(task)

    garden._parts.eraser.remove = removing  # type: ignore[method-assign,assignment]
    garden.forget("alice")
    waiting.join()
    assert done == ["bob"] and garden.scopes() == {}
