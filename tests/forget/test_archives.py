"""Archives are forgotten too: whole, in part, and in spite of what is damaged beside them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from memgarden import Garden, Retention
from memgarden.erasure import Task
from memgarden.maintain.archive import damaged_manifests, remove_leftovers, settle_archive
from memgarden.maintain.archives import erase_archived
from memgarden.records import utc_now

OPEN = Callable[..., Garden]
OLD = utc_now() - timedelta(days=400)


def _archived(garden: Garden, *names: str) -> None:
    for name in names:
        garden.scope(name).add_many(
            [{"text": f"{name} {n}", "id": f"{name[0]}{n}", "created_at": OLD} for n in range(3)]
        )
    garden.apply(garden.plan(Retention()))


def test_a_damaged_manifest_keeps_nobody_from_forgetting(garden: Garden, tmp_path: Path) -> None:
    """It is skipped, named by maintenance and in the receipt of whom it may concern; its data stays for its mending."""
    _archived(garden, "alice", "bob", "carol")
    folder = tmp_path / "garden" / "archives"
    (bobs,) = garden.archives("bob")
    for text in ("no manifest", "7", '{"memgarden_archive": 99}'):
        (folder / f"{bobs.name}.json").write_text(text)
        assert list(damaged_manifests(folder)) == [bobs.name] and len(garden.archives()) == 2
        assert bobs.name in garden.maintain().failed
    assert garden.scope("alice").forget("a0").notes == ()
    assert bobs.name in garden.scope("bob").forget("b0").notes[0]
    garden.backup(tmp_path / "copy")
    assert (tmp_path / "copy" / "archives" / bobs.data).exists()
    assert list(damaged_manifests(tmp_path / "copy" / "archives")) == [bobs.name]
    receipt = garden.forget("alice")
    assert receipt.archived == 2 and bobs.name in receipt.notes[0]
    assert garden.scope("carol").forget("c0").archived == 1
    assert (folder / bobs.data).exists() and len(garden.archives()) == 1
    assert garden.health().problems == []


def test_damaged_data_is_dropped_with_its_scope_and_named_where_it_stays(garden: Garden, tmp_path: Path) -> None:
    """An archive that is covered whole is not read; others' are not even looked at."""
    _archived(garden, "alice", "bob")
    folder = tmp_path / "garden" / "archives"
    for archive in garden.archives():
        (folder / archive.data).write_bytes(b"broken")
    receipt = garden.scope("alice").forget("a0")
    assert receipt.archived == 0 and "could not be rewritten" in receipt.notes[0] and len(receipt.notes) == 1
    receipt = garden.forget("alice")
    assert (receipt.archived, receipt.notes) == (3, ())
    assert [archive.scope for archive in garden.archives()] == [("bob",)]


def test_no_leftover_keeps_what_was_forgotten(garden: Garden, tmp_path: Path) -> None:
    """Files of a run that was cut off go at once, young as they are; without the shift the young ones stay."""
    _archived(garden, "alice", "bob")
    folder = tmp_path / "garden" / "archives"
    (archive,) = garden.archives("alice")
    held = (folder / archive.data).read_bytes()
    left = [folder / f"{archive.name}-{end}" for end in ("ab.jsonl.gz", "ab.jsonl.gz.unfinished")]
    for file in left:
        file.write_bytes(held)
    assert remove_leftovers(folder) == 0
    garden.scope("alice").forget("a0")
    assert not any(file.exists() for file in left) and len(garden.archives()) == 2


def test_an_archive_stays_as_settled_as_it_was(garden: Garden, tmp_path: Path) -> None:
    """What is not yet told apart from the garden is told apart later; nothing is written where nothing changes."""
    _archived(garden, "alice")
    folder = tmp_path / "garden" / "archives"
    (archive,) = garden.archives()
    before = (folder / f"{archive.name}.json").stat().st_mtime_ns
    garden.scope("alice").forget("other")
    assert (folder / f"{archive.name}.json").stat().st_mtime_ns == before
    settle_archive(folder, archive, settled=False)
    garden.scope("alice").forget("a0")
    assert [(one.count, one.settled) for one in garden.archives()] == [(2, False)]
    garden.maintain()
    assert [(one.count, one.settled) for one in garden.archives()] == [(2, True)]


def test_archives_out_of_reach_are_named(open_garden: OPEN, tmp_path: Path) -> None:
    """By who forgets with another folder than that in which others wrote; a garden that was moved has its own."""
    with open_garden(archives=tmp_path / "elsewhere") as garden:
        _archived(garden, "alice", "bob")
        assert garden.forget("bob").notes == ()
    with open_garden() as garden:
        (note,) = garden.forget("alice").notes
        assert str(tmp_path / "elsewhere") in note
        _archived(garden, "carol")
    with open_garden(archives=tmp_path / "elsewhere") as garden:
        receipt = garden.forget("alice")
        assert receipt.archived == 3 and len(receipt.notes) == 1 and "'archives'" in receipt.notes[0]
    (tmp_path / "moved").mkdir()
    (tmp_path / "garden").rename(tmp_path / "moved" / "garden")
    with Garden.open(tmp_path / "moved" / "garden", embedder="hashing:64", chroma=None) as garden:
        receipt = garden.forget("carol")
        assert receipt.archived == 3 and not [note for note in receipt.notes if "'archives'" in note]
    with Garden.open(tmp_path / "moved" / "garden", embedder="hashing:64", chroma=None) as garden:
        assert _note_without_a_folder(garden) == 2


def _note_without_a_folder(garden: Garden) -> int:
    """As of a garden in a server that was opened without `archives`."""
    from memgarden.build import _elsewhere

    database = garden._parts.eraser._database  # type: ignore[attr-defined]
    return len(erase_archived(None, Task(("x",), None, "k", "s"), _elsewhere(database, "x://", None)).notes)


def test_the_database_is_written_anew_on_disk(garden: Garden) -> None:
    """A large one would not fit into memory."""
    said: list[str] = []
    database = garden._parts.eraser._database  # type: ignore[attr-defined]
    database.engine.dispose()
    sa.event.listen(database.engine, "connect", lambda connection, _: connection.set_trace_callback(said.append))
    garden._parts.eraser.wipe()
    stores = [line for line in said[: said.index("VACUUM")] if "temp_store" in line]
    assert stores[-1] == "PRAGMA temp_store = FILE"
