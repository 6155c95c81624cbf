"""What has expired is gone for every reader at once; a sweep frees its place and takes nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from memgarden import Garden
from memgarden.maintain import running
from memgarden.store.write import Writer

OPEN = Callable[..., Garden]


def soon(milliseconds: int = -1) -> datetime:
    return datetime.now(UTC) + timedelta(milliseconds=milliseconds)


def fill(garden: Garden) -> None:
    for user in ("alice", "bob"):
        scope = garden.scope(user)
        scope.add("forever", id="kept")
        scope.add("later", id="later", expires_at=soon(60_000))
        scope.add_many([{"text": f"gone {n}", "expires_at": soon()} for n in range(5)])
    garden.scope("carol").add("gone", expires_at=soon())


def test_a_sweep_takes_what_expired_and_nothing_else(garden: Garden) -> None:
    """In every scope; what was swept is counted, and a second sweep finds nothing."""
    fill(garden)
    assert garden.health().rows["memories"] == 15
    assert garden.sweep(apply=False) == 11 and garden.health().rows["memories"] == 15
    assert garden.sweep() == 11
    assert garden.health().rows["memories"] == 4
    assert garden.sweep() == 0
    for user in ("alice", "bob"):
        assert sorted(memory.id for memory in garden.scope(user).list()) == ["kept", "later"]
        assert {hit.id for hit in garden.scope(user).search("gone forever later")} == {"kept", "later"}


def test_scopes_whose_memories_all_expired_are_not_listed(garden: Garden) -> None:
    """Before the sweep as after it; others count what lives."""
    fill(garden)
    assert garden.scopes() == {("alice",): 2, ("bob",): 2}
    assert garden.scopes("carol") == {}
    garden.sweep()
    assert garden.scopes() == {("alice",): 2, ("bob",): 2}


def test_a_sweep_goes_in_small_transactions(garden: Garden, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, no transaction takes more than so many."""
    fill(garden)
    monkeypatch.setattr(running, "SWEPT_AT_ONCE", 2)
    swept: list[int] = []
    whole = Writer.sweep
    monkeypatch.setattr(Writer, "sweep", lambda *args: swept.append(whole(*args)) or swept[-1])
    assert garden.sweep() == 11
    assert max(swept) == 2


def test_what_is_renewed_before_the_sweep_comes_to_it_stays(garden: Garden, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep looks again where it deletes: a list of what had expired would be too old by then."""
    scope = garden.scope("alice")
    scope.add("renewed", id="a", expires_at=soon(40))
    whole = Writer.sweep

    def renewing(*args: object) -> int:
        scope.add("renewed", id="a", expires_at=soon(60_000))
        return whole(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(Writer, "sweep", renewing)
    while garden.scopes():
        pass
    assert garden.sweep() == 0
    assert scope.get("a") is not None


def test_a_sweep_is_seen_by_other_openings(open_garden: OPEN) -> None:
    """Their indexes let go of the rows, and what they find stays the same."""
    first, second = open_garden(), open_garden()
    fill(first)
    assert len(second.scope("alice").search("gone forever later")) == 2
    first.sweep()
    assert len(second.scope("alice").search("gone forever later")) == 2
    second.scope("alice").add("gone again", id="new")
    assert second.scope("alice").search("gone again")[0].id == "new"
