"""What became of a memory and when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from memgarden import Deduplication, Garden, Past, Retention, Summarisation
from memgarden.records import utc_now

OPEN = Callable[..., Garden]
OLD = utc_now() - timedelta(days=400)


def events(garden: Garden, id: str, user: str = "alice") -> list[str]:
    past = garden.scope(user).history(id)
    assert past == sorted(past, key=lambda each: each.at)
    return [each.event for each in past]


def test_a_memory_tells_of_all_that_became_of_it(garden: Garden) -> None:
    """Added, updated, archived, restored, deleted and added again, each with its time, and where it went."""
    began = utc_now()
    alice = garden.scope("alice")
    alice.add("Oak trees grow slowly.", id="oak", created_at=OLD)
    assert events(garden, "oak") == ["added"]
    alice.update("oak", tags=["trees"])
    alice.add("Oak trees grow very slowly.", id="oak", created_at=OLD)
    garden.apply(garden.plan(Retention()))
    (archive,) = garden.archives()
    assert alice.history("oak")[-1].detail == {"archive": archive.name}
    garden.restore(archive)
    alice.delete("oak")
    alice.add("A new oak.", id="oak")
    assert events(garden, "oak") == ["added", "updated", "updated", "archived", "restored", "deleted", "added"]
    assert all(began <= past.at <= utc_now() for past in alice.history("oak"))
    assert events(garden, "nothing") == events(garden, "\ud800") == events(garden, "oak", "bob") == []


def test_merges_and_summaries_tell_where_a_memory_went(garden: Garden) -> None:
    """Both sides of a merge know of it; what a summary tells names it."""
    alice = garden.scope("alice")
    for number, name in enumerate("ab"):
        alice.add("The same words.", id=name, created_at=OLD + timedelta(days=number))
    garden.apply(garden.plan(Deduplication()))
    assert events(garden, "a") == events(garden, "b") == ["added", "merged"]
    assert alice.history("a")[-1].detail["into"] == "b" and alice.history("b")[-1] == Past(
        "merged", alice.history("b")[-1].at
    )
    alice.add_many([{"text": f"Elm {word} tree.", "id": word, "created_at": OLD} for word in ("one", "two", "three")])
    garden.apply(garden.plan(Summarisation(similarity=0.1, smallest=3, kinds=("note",))))
    (summary,) = alice.list(where={"kind": "summary"})
    assert alice.history("one")[-1].detail["into"] == summary.id and events(garden, summary.id) == ["added"]


def test_what_expires_is_told_too(garden: Garden) -> None:
    """By a sweep, with no word of its text."""
    alice = garden.scope("alice")
    alice.add("The code is 4711.", id="code", expires_at=utc_now() - timedelta(seconds=1))
    garden.sweep()
    assert events(garden, "code") == ["added", "expired"]


def test_what_frameworks_keep_has_no_history(garden: Garden) -> None:
    """It changes with each turn of a chat, and would fill the garden."""
    for number in range(5):
        garden.scope("alice").add(f"state {number}", id="state", kind="record")
    assert events(garden, "state") == ["added"]
