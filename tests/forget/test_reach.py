"""What is forgotten is forgotten under every id that it went by, wherever it lies, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from memgarden import Deduplication, Garden, InvalidFilter, Memory, Retention, Summarisation
from memgarden.records import utc_now
from tests.forget.conftest import traces

OPEN = Callable[..., Garden]
OLD = utc_now() - timedelta(days=400)
LOOSE = Summarisation(similarity=0.0, smallest=2)
CODE = "The door code of the house is 4711-secret."


def _tell(memories: Sequence[Memory]) -> str:
    return "told: " + " ".join(memory.text for memory in memories)


def _summarised(garden: Garden, user: str = "alice") -> str:
    """The id of a summary of a secret and two plain memories."""
    scope = garden.scope(user)
    texts = (CODE, "The door of the house is green.", "The house has a door.")
    scope.add_many([{"text": text, "id": f"o{n}", "created_at": OLD} for n, text in enumerate(texts)])
    garden.apply(garden.plan(LOOSE, user), summarizer=_tell)
    (summary,) = scope.list(where={"kind": "summary"})
    return summary.id


def test_what_was_merged_into_it_goes_too(garden: Garden, tmp_path: Path) -> None:
    """In its archive, also where several were merged one after the other; what came back is a memory of its own."""
    alice = garden.scope("alice")
    for n in range(4):
        alice.add(CODE, id=f"c{n}", created_at=OLD + timedelta(n))
    garden.scope("bob").add(CODE, id="c1", created_at=OLD)
    garden.apply(garden.plan(Deduplication(), "alice"))
    (stays,) = alice.list()
    garden.restore(garden.archives("alice")[0], ["c3" if stays.id != "c3" else "c0"])
    back = {memory.id for memory in alice.list()} - {stays.id}
    receipt = alice.forget(stays.id)
    assert (receipt.memories, receipt.archived) == (1, 2) and garden.archives() == []
    assert {memory.id for memory in alice.list()} == back and garden.scope("bob").count() == 1
    alice.forget(back)
    garden.forget("bob")
    assert traces(tmp_path, ["4711-secret"]) == []


def test_marks_of_what_is_similar_go_with_either(garden: Garden, tmp_path: Path) -> None:
    """Its own, and those in the history of others that name it; the others stay, with all else that became of them."""
    alice, bob = garden.scope("alice"), garden.scope("bob")
    vectors = np.eye(64, dtype=np.float32)
    for scope in (alice, bob):
        for n, id in enumerate(("first", "secret-id", "last")):
            vector = vectors[0] + vectors[n + 1] * 0.2
            scope.add(f"tea {n}", id=id, vector=vector, embedder=garden.embedder.name, created_at=OLD + timedelta(n))
    alice.update("first", tags=["x"])
    assert garden.apply(garden.plan(Deduplication(threshold=1.0, similar=0.9))).done == {"similar": 6}
    told = {id: [one.event for one in alice.history(id)] for id in ("first", "secret-id")}
    assert told == {"first": ["added", "updated", "similar", "similar"], "secret-id": ["added", "similar"]}
    assert alice.forget("secret-id").history == 2 and alice.history("secret-id") == []
    assert [one.event for one in alice.history("first")] == ["added", "updated", "similar"]
    assert alice.history("first")[-1].detail == {"to": "last"} and alice.count() == 2
    assert [one.event for one in bob.history("secret-id")] == ["added", "similar"]
    garden.forget("bob")
    assert traces(tmp_path, ["secret-id"]) == []


@pytest.mark.parametrize("where", ["living", "archived", "expired"])
def test_a_summary_goes_wherever_it_lies_and_its_other_originals_come_back(
    garden: Garden, tmp_path: Path, where: str
) -> None:
    """By the history of what it tells, whatever was made of its metadata."""
    summary, alice = _summarised(garden), garden.scope("alice")
    if where == "archived":
        alice.update(summary, kind="note")  # which alone goes there
        garden.apply(garden.plan(Retention()))
        assert alice.get(summary) is None
    elif where == "expired":
        alice.update(summary, expires_at=utc_now() - timedelta(seconds=1), metadata={})
    else:
        alice.update(summary, metadata={"originals": None, "archive": 7})
    alice.forget("o0")
    assert {memory.id for memory in alice.list()} == {"o1", "o2"} and garden.archives() == []
    assert traces(tmp_path, ["4711-secret"]) == [] and alice.history(summary) == []


def test_what_a_summary_told_goes_with_it(garden: Garden, tmp_path: Path) -> None:
    """Asked for by its own id, it is all of that text which is meant."""
    summary = _summarised(garden)
    assert garden.scope("alice").forget(summary).archived == 3
    assert traces(tmp_path, ["4711-secret"]) == [] and garden.scopes() == {}


def test_a_memory_that_calls_itself_a_summary_does_no_harm(garden: Garden) -> None:
    """Whatever its metadata says, nothing of another scope comes back, and nothing raises."""
    _summarised(garden, "bob")
    (archive,) = garden.archives("bob")
    alice = garden.scope("alice")
    for n, told in enumerate([None, 7, "x", [["x"], None, {}], {"x": 1}]):
        alice.add("mine", id=f"s{n}", kind="summary", metadata={"originals": told, "archive": archive.name})
    alice.add("mine", id="t", kind="summary", metadata={"originals": ["x", "o1"], "archive": archive.name})
    alice.add("tea", id="x")
    assert alice.forget("x").memories == 2 and alice.count() == 5
    assert garden.archives("bob") == [archive] and garden.scope("bob").count() == 1


def test_a_filter_is_asked_about_archives_and_what_has_expired(garden: Garden, tmp_path: Path) -> None:
    """Of the scope, and of no other."""
    for name in ("alice", "bob"):
        scope = garden.scope(name)
        scope.add("archived secret", id="a", created_at=OLD, tags=["code"], metadata={"n": {"m": 3}})
        scope.add("archived tea", id="b", created_at=OLD, tags=["tea"])
        garden.apply(garden.plan(Retention()))
        scope.add("expired secret", id="c", tags=["code"], expires_at=utc_now() - timedelta(seconds=1))
    alice = garden.scope("alice")
    with pytest.raises(InvalidFilter):
        alice.forget(where={"$nonsense": 1})
    receipt = alice.forget(where={"tags": {"$contains": "code"}})
    assert (receipt.memories, receipt.archived) == (1, 1)
    assert [archive.count for archive in garden.archives("alice")] == [1]
    assert garden.scope("bob").forget(where={"n.m": {"$gte": 3}, "created_at": {"$lt": utc_now()}}).archived == 1
    garden.sweep()
    garden.scope("bob").forget("c")
    assert traces(tmp_path, ["archived secret", "expired secret"]) == []
