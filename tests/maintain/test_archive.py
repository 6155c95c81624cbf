"""What goes to the archive by a policy, is found there, and comes back as it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from memgarden import (
    Archive,
    Garden,
    GardenBusy,
    InvalidScope,
    InvalidSetting,
    Memory,
    Plan,
    Policy,
    Retention,
    StorageError,
    Summarisation,
    read_policy,
)
from memgarden.maintain.archive import settle_archive
from memgarden.records import utc_now
from memgarden.store.write import Writer

OPEN = Callable[..., Garden]
GOLDEN = Path(__file__).parent / "golden"
OLD = utc_now() - timedelta(days=400)


def fill(garden: Garden) -> None:
    alice = garden.scope("alice")
    alice.add("The lighthouse was painted red.", id="old", created_at=OLD, tags=["coast"], metadata={"page": 3})
    alice.add("My blood group is 0 negative.", id="vital", created_at=OLD, importance="critical")
    alice.add("A framework's own state.", id="state", created_at=OLD, kind="record")
    alice.add("I had porridge this morning.", id="new")
    alice.add_conversation(
        [{"name": "Ann", "content": "Shall we sail to the lighthouse?", "timestamp": OLD, "id": "t1"}], session_id="s"
    )
    garden.scope("bob").add("Bob's lighthouse is white.", id="old", created_at=OLD)


def test_a_plan_changes_nothing_and_gives_its_reasons(garden: Garden) -> None:
    """What is old and not critical is named, each with a reason; the memories stay as they were."""
    fill(garden)
    plan = garden.plan(Retention(), "alice")
    assert {(step.action, step.goes[0].id) for step in plan} == {("archive", "old"), ("archive", "t1")}
    assert all("400 days ago" in step.reason for step in plan) and plan.counts() == {"archive": 2}
    assert garden.scopes() == {("alice",): 5, ("bob",): 1} and garden.archives() == []


def test_what_goes_is_in_the_archive_and_comes_back_as_it_was(garden: Garden) -> None:
    """Applied, the memory is found by no search of the garden; restored, everything about it is as before."""
    fill(garden)
    alice = garden.scope("alice")
    before = {memory.id: memory for memory in alice.list()}
    question = "the red lighthouse"
    found = alice.search(question, k=1)[0]
    done = garden.apply(garden.plan(Retention()))
    assert done.done == {"archive": 3} and (done.changed, done.failed) == (0, {})
    assert {memory.id for memory in alice.list()} == {"vital", "state", "new"} and alice.get("old") is None
    assert [(one.scope, one.count, one.cause, one.settled) for one in garden.archives("alice")] == [
        (("alice",), 2, "archived", True)
    ]
    for archive in garden.archives():
        assert garden.restore(archive).refused == {}
    assert garden.archives() == [] and {memory.id: memory for memory in alice.list()} == before
    again = alice.search(question, k=1)[0]
    assert (again.id, again.score) == (found.id, pytest.approx(found.score))
    assert [memory.id for memory in alice.session("s")] == ["t1"]


def test_what_came_back_is_not_sent_away_again(garden: Garden) -> None:
    """A restored memory stays for as long as a new one would."""
    fill(garden)
    garden.apply(garden.plan(Retention()))
    garden.restore(garden.archives("alice")[0], ["old"])
    assert len(garden.plan(Retention())) == 0
    assert garden.scope("alice").get("t1") is None and garden.archives("alice")[0].count == 1


def test_the_archives_are_searched_on_request_scope_by_scope(garden: Garden) -> None:
    """A search of a scope's archives finds what is in them and nothing of another's."""
    fill(garden)
    garden.apply(garden.plan(Retention()))
    hits = garden.scope("alice").search_archives("lighthouse", k=5)
    assert {hit.id for hit in hits} == {"old", "t1"} and "Bob" not in " ".join(hit.text for hit in hits)
    assert [hit.id for hit in garden.scope("alice").search_archives("lighthouse", where={"tags": "coast"})] == ["old"]
    assert garden.scope("bob").search_archives("lighthouse")[0].text == "Bob's lighthouse is white."
    assert garden.scope("carol").search_archives("lighthouse") == []
    assert garden.scope("alice", "below").search_archives("lighthouse") == []


@pytest.mark.parametrize(
    ("policy", "gone"),
    [
        (Retention(older_than=500), set()),
        (Retention(importance="critical"), {"old", "vital", "t1"}),
        (Retention(importance="low"), set()),
        (Retention(kinds=("turn",)), {"t1"}),
        (Retention(tags=("coast", "x")), {"old"}),
        (Retention(older_than=0, kinds=("note",)), {"old", "new"}),
    ],
)
def test_a_policy_says_by_age_importance_kind_and_tags_what_goes(
    garden: Garden, policy: Retention, gone: set[str]
) -> None:
    """All that it names must hold; records never go."""
    fill(garden)
    assert {step.goes[0].id for step in garden.plan(policy, "alice")} == gone


def test_what_a_search_found_of_late_is_in_use(open_garden: OPEN) -> None:
    """By `unused_for` goes what no search found for that long: a search of another process counts too."""
    garden = open_garden()
    fill(garden)
    past = Retention(unused_for=30)
    assert len(garden.plan(past, "alice")) == 0  # stored today
    with open_garden() as other:
        assert other.scope("alice").search("lighthouse painted red", k=1)[0].id == "old"
    now = Retention(unused_for=0)
    after = {step.goes[0].id for step in garden.plan(now, "alice")}
    assert after == {"old", "t1"}
    profiles = garden._parts.upkeep.profiles(("alice",), 0, 10, utc_now())
    assert [profile.id for profile in profiles if profile.retrieved_at is not None] == ["old"]


def test_a_memory_that_changed_after_the_plan_stays(garden: Garden) -> None:
    """It is counted as changed, and no archive keeps a copy of what did not go."""
    fill(garden)
    plan = garden.plan(Retention(), "alice")
    garden.scope("alice").update("old", text="The lighthouse was painted blue.")
    garden.scope("alice").delete("t1")
    done = garden.apply(plan)
    assert (done.done, done.changed, done.archives) == ({"archive": 0}, 2, [])
    assert garden.archives() == [] and garden.scope("alice").get("old").text.endswith("blue.")  # type: ignore[union-attr]


def test_a_memory_of_the_same_id_is_not_overwritten_by_the_one_that_comes_back(garden: Garden) -> None:
    """The newer stays, the older stays in the archive, and the report says so."""
    fill(garden)
    garden.apply(garden.plan(Retention()))
    garden.scope("alice").add("Another one of that id.", id="old")
    done = garden.restore(garden.archives("alice")[0])
    assert done.restored == 1 and "another memory of this id" in done.refused["old"]
    assert garden.scope("alice").get("old").text == "Another one of that id."  # type: ignore[union-attr]
    assert garden.scope("alice").search_archives("lighthouse")[0].text == "The lighthouse was painted red."


@pytest.mark.parametrize("data", ["../../victim.jsonl.gz", "../garden.db", 5])
def test_a_manifest_that_names_somebody_elses_file_is_damaged(garden: Garden, tmp_path: Path, data: object) -> None:
    """It is named as such, and neither forgetting nor sweeping deletes what it names."""
    fill(garden)
    garden.apply(garden.plan(Retention()))
    folder = tmp_path / "garden" / "archives"
    archive = garden.archives("alice")[0]
    manifest = folder / f"{archive.name}.json"
    victim = folder / str(data)
    if not victim.exists():
        victim.write_bytes(b"somebody else's")
    manifest.write_text(json.dumps(json.loads(manifest.read_text("utf-8")) | {"data": data}), "utf-8")
    assert garden.archives("alice") == []
    assert "no manifest" in garden.maintain().failed[archive.name]
    garden.forget("alice")
    assert victim.exists()


def test_a_manifest_that_names_another_archives_file_takes_nothing_from_it(garden: Garden, tmp_path: Path) -> None:
    """It is damaged; the other one is listed and comes back whole."""
    alice = garden.scope("alice")
    for text in ("The lighthouse was painted red.", "The harbour froze over."):
        alice.add(text, created_at=utc_now() - timedelta(400))
        garden.apply(garden.plan(Retention()))
    first, second = garden.archives("alice")
    manifest = tmp_path / "garden" / "archives" / f"{first.name}.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text("utf-8")) | {"data": second.data}), "utf-8")
    assert garden.archives("alice") == [second]
    assert set(garden.maintain(Policy(deduplicate=None, archive=None)).failed) == {first.name}
    assert garden.restore(second).restored == 1 and alice.list()[0].text == "The harbour froze over."


def test_a_damaged_archive_says_so_and_nothing_is_made_of_it(garden: Garden, tmp_path: Path) -> None:
    """One byte that changed is noticed before anything comes back."""
    fill(garden)
    garden.apply(garden.plan(Retention()))
    archive = garden.archives("alice")[0]
    data = tmp_path / "garden" / "archives" / archive.data
    held = bytearray(data.read_bytes())
    held[len(held) // 2] ^= 1
    data.write_bytes(held)
    with pytest.raises(StorageError, match="damaged"):
        garden.restore(archive)
    assert garden.scope("alice").get("old") is None
    settle_archive(tmp_path / "garden" / "archives", archive, settled=False)
    assert "damaged" in garden.maintain().failed[archive.name]  # and everything else is done all the same
    with pytest.raises(StorageError, match="no archive 'nowhere'"):
        garden.restore("nowhere")


def test_what_expires_does_so_in_archives_too(garden: Garden) -> None:
    """A sweep deletes it there, and a search of the archives finds it no more before that."""
    alice = garden.scope("alice")
    alice.add("The door code is 4711.", id="code", created_at=OLD, expires_at=utc_now() + timedelta(seconds=1.5))
    alice.add("The door is green.", id="door", created_at=OLD)
    garden.apply(garden.plan(Retention()))
    assert {hit.id for hit in alice.search_archives("door")} == {"code", "door"}
    import time

    time.sleep(1.6)
    assert {hit.id for hit in alice.search_archives("door")} == {"door"}
    assert garden.sweep(apply=False) == 1 and garden.archives()[0].count == 2
    assert garden.sweep() == 1 and garden.archives()[0].count == 1 and garden.sweep(apply=False) == 0


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"scopes": {("acme",): None}}, r"\('acme',\) None, which is no Policy"),
        ({"scopes": {("acme",): Retention()}}, "which is no Policy"),
        ({"scopes": {"acme": None}}, "tuple of its labels, as in .*, not 'acme'"),
        ({"scopes": {"acme": Policy()}}, "tuple of its labels"),
        ({"scopes": [Policy()]}, "scopes gives a Policy to scopes"),
        ({"scopes": {(): Policy()}}, "scope"),
        ({"archive": 90}, "archive is a Retention, or None for not at all, not 90"),
        ({"deduplicate": False}, "deduplicate is a Deduplication, or None"),
        ({"deduplicate": Retention()}, "deduplicate is a Deduplication, or None"),
        ({"summarise": Summarisation}, "summarise is a Summarisation, or None"),
    ],
)
def test_a_policy_of_anything_else_is_refused_when_it_is_made(fields: dict[str, Any], named: str) -> None:
    """With what it may be, and not in the middle of a night's maintenance."""
    with pytest.raises((InvalidSetting, InvalidScope), match=named):
        Policy(**fields)


def test_names_of_users_are_no_names_of_files(garden: Garden, tmp_path: Path) -> None:
    """Whatever a label holds, archives lie below the folder of archives, and in none of their names is a label."""
    for label in ("../../etc", "a/b", "Zoë", "x" * 500):
        garden.scope(label).add("old", created_at=OLD)
    garden.apply(garden.plan(Retention()))
    names = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")]
    assert not [name for name in names if "etc" in name or "Zo" in name or "xxx" in name]
    assert len(garden.archives()) == 4 and garden.archives("../../etc")[0].count == 1


def test_one_process_maintains_a_garden_at_a_time(open_garden: OPEN) -> None:
    """Another is told who does; a process that died holds nobody up."""
    garden, other = open_garden(), open_garden()
    fill(garden)
    with garden._parts.shift.during(), pytest.raises(GardenBusy, match="maintains this garden"):
        other.maintain()
    assert other.maintain().done["archive"] == 3


def test_the_lease_of_a_process_that_died_is_free_at_once(open_garden: OPEN) -> None:
    """Nobody waits for the dead."""
    import subprocess
    import sys

    garden = open_garden()
    where = garden.where
    code = f"from memgarden import Garden; Garden.open({where!r}, chroma=None)._parts.shift.during().__enter__()"
    subprocess.run([sys.executable, "-c", code], check=True)
    garden.maintain()


def test_a_policy_is_read_from_a_file_and_named_for_scopes(garden: Garden, tmp_path: Path) -> None:
    """What a file names is done and nothing else; the nearest scope's word counts; a misspelt name is an error."""
    fill(garden)
    file = tmp_path / "policy.toml"
    file.write_text('[archive]\nolder_than = 90\n[[scopes]]\nscope = ["bob"]\n')
    policy = read_policy(file)
    assert policy.deduplicate is None and policy.of(("alice", "x")).archive == Retention(older_than=90)
    assert {step.path for step in garden.plan(policy)} == {("alice",)}
    for wrong in (
        "[archive]\nolder_then = 90",
        "[archiv]",
        "archive = 3",
        "[[scopes]]\n",
        "[archive]\nolder_than = -1",
    ):
        file.write_text(wrong)
        with pytest.raises(InvalidSetting, match=r"policy\.toml"):
            read_policy(file)


def test_a_garden_without_a_folder_for_archives_says_so(open_garden: OPEN, tmp_path: Path) -> None:
    """They are where the setting says; what has no place to go stays."""
    garden = open_garden(archives=tmp_path / "elsewhere")
    fill(garden)
    garden.apply(garden.plan(Retention()))
    assert (tmp_path / "elsewhere").is_dir() and not (tmp_path / "garden" / "archives").exists()


def test_archives_of_the_first_form_are_read(open_garden: OPEN, tmp_path: Path) -> None:
    """A golden archive, written by the first version that had them, is listed, searched and restored."""
    shutil.copytree(GOLDEN / "archives-1", tmp_path / "garden" / "archives")
    garden = open_garden()
    (archive,) = garden.archives()
    assert isinstance(archive, Archive) and (archive.count, archive.scope) == (2, ("acme", "alice/x"))
    scope = garden.scope("acme", "alice/x")
    assert scope.search_archives("lighthouse", k=1)[0].id == "old"
    assert garden.restore(archive).restored == 2
    old = scope.get("old")
    assert old == Memory(
        "The lighthouse was painted red.",
        id="old",
        metadata={"page": 3},
        tags=("coast",),
        importance=old.importance,  # type: ignore[union-attr]
        created_at=datetime(2024, 5, 1, 12, 30, tzinfo=UTC),
        stored_at=datetime(2024, 5, 2, 12, 30, tzinfo=UTC),
    )


def test_an_empty_plan_does_nothing(garden: Garden) -> None:
    """Nothing to do is no error, and leaves no archive."""
    assert garden.apply(Plan()).done == {} and garden.archives() == []
    assert garden.maintain(Policy()).done == {}


def test_a_backup_has_the_archives_too(garden: Garden, tmp_path: Path) -> None:
    """What was archived before a backup comes back from it."""
    fill(garden)
    garden.apply(garden.plan(Retention()))
    garden.backup(tmp_path / "copy")
    with Garden.open(tmp_path / "copy", embedder="hashing:64", chroma=None) as copy:
        assert copy.restore(copy.archives("alice")[0]).restored == 2


def test_a_manifest_is_json_that_says_what_the_archive_holds(garden: Garden, tmp_path: Path) -> None:
    """Count, sha256, schema and embedder, for whoever reads it without memgarden."""
    fill(garden)
    garden.apply(garden.plan(Retention(), "alice"))
    (archive,) = garden.archives()
    manifest = json.loads((tmp_path / "garden" / "archives" / f"{archive.name}.json").read_text())
    assert manifest["memgarden_archive"] == 1 and manifest["count"] == 2 and manifest["embedder"] == "hashing-64"
    import hashlib

    data = tmp_path / "garden" / "archives" / manifest["data"]
    assert manifest["sha256"] == hashlib.sha256(data.read_bytes()).hexdigest()


def test_a_run_that_took_too_long_does_nothing_more(open_garden: OPEN, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its archive was put right by another process meanwhile: what it would remove now would be in no archive."""
    garden, other = open_garden(), open_garden()
    fill(garden)
    plan = garden.plan(Retention(), "alice")
    monkeypatch.setattr("memgarden.store.shift._is_dead", lambda held: True)  # as if its lease had run out
    delete = Writer.delete

    def late(self: Any, *arguments: Any, **options: Any) -> int:
        if options.get("versions"):
            other.maintain(Policy(deduplicate=None, archive=None))
        return delete(self, *arguments, **options)

    monkeypatch.setattr(Writer, "delete", late)
    with pytest.raises(GardenBusy, match="another process may maintain"):
        garden.apply(plan)
    assert garden.scopes() == {("alice",): 5, ("bob",): 1} and garden.archives() == []


def test_sweeping_and_maintaining_one_scope_leaves_others(garden: Garden) -> None:
    """Of those that are below it and named, and no more."""
    past = utc_now() - timedelta(seconds=1)
    for user in ("alice", "bob"):
        garden.scope(user).add("gone", id="x", expires_at=past)
        garden.scope(user).add("old", id="y", created_at=OLD)
    assert (done := garden.maintain(None, "alice")).swept == 1 and done.done == {"archive": 1}
    assert garden.scopes() == {("bob",): 1} and garden.sweep() == 1


def test_a_conversation_that_is_ingested_again_stays_in_the_archive(garden: Garden) -> None:
    """What left the garden does not come back by the stream; what is new of it is stored."""
    said = [{"role": "user", "name": "Ann", "content": f"Thing {n}.", "timestamp": OLD} for n in range(6)]
    chat = {"scope": "alice", "session_id": "s", "messages": said}
    assert garden.ingest([chat]).stored == 6
    garden.apply(garden.plan(Retention()))
    again = garden.ingest([{**chat, "messages": [*said, {"role": "user", "name": "Ann", "content": "More."}]}])
    assert (again.stored, again.skipped, len(again.failed)) == (1, 6, 0)
    assert [archive.count for archive in garden.archives()] == [6] and garden.scope("alice").count() == 1
