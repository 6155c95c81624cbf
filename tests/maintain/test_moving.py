"""Exports hold everything, imports bring it back, and neither leaves anything half done."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgarden import Garden, GardenBusy, InvalidMemory, InvalidSetting, Memory, Retention, SchemaTooNew, StorageError
from memgarden.errors import InvalidScope
from memgarden.store.read import Reader
from memgarden.store.write import Writer

OPEN = Callable[..., Garden]
GOLDEN = Path(__file__).parent / "golden"
START = datetime(2024, 5, 1, 12, 30, 0, 123456, tzinfo=UTC)


def fill(garden: Garden) -> None:
    alice = garden.scope("acme", "alice/x")
    alice.add(
        "Tea grows in Uji. " * 40,
        id="long",
        metadata={"a": {"deep": [1, None, "ü"]}, "title": "Tea"},
        tags=["tea", "Japan"],
        importance="critical",
        kind="document",
        created_at=START,
        expires_at=START + timedelta(36500),
    )
    alice.add_conversation(
        [{"name": "Ann", "content": "Where to?"}, {"name": "Ben", "content": "To Lisbon.", "timestamp": START}],
        session_id="s",
    )
    alice.add("kept", id="record", kind="record")
    alice.add("gone", expires_at=START)
    garden.scope("bob").add("given", id="v", vector=np.eye(64)[3], embedder=garden.embedder.name)


def everything(garden: Garden) -> dict[tuple[str, ...], list[Memory]]:
    return {path: garden.scope(*path).list(order="id", limit=1000) for path in garden.scopes()}


@pytest.mark.parametrize("name", ["all.jsonl", "all.jsonl.gz"])
@pytest.mark.parametrize("vectors", [True, False])
def test_what_is_exported_comes_back(open_garden: OPEN, tmp_path: Path, name: str, vectors: bool) -> None:
    """Every field, scope, chunk and time; with its vectors or embedded anew; what had expired is not."""
    garden = open_garden()
    fill(garden)
    assert garden.export(tmp_path / name, vectors=vectors) == 5
    with Garden.open(tmp_path / "other", embedder="hashing:64", chroma=None) as other:
        done = other.import_(tmp_path / name)
        assert (done.stored, done.refused, done.kept_vectors) == (5, {}, True)
        assert everything(other) == everything(garden)
        for path in garden.scopes():
            for memory in garden.scope(*path).list():
                assert other.scope(*path).chunks(memory.id) == garden.scope(*path).chunks(memory.id)
        asked = {"mode": "dense", "vector": np.eye(64)[3], "embedder": garden.embedder.name}
        score = other.scope("bob").search("", **asked)[0].score  # type: ignore[arg-type]
        assert (score == pytest.approx(1)) is vectors
        for query in ("Lisbon Ben", "tea in Uji", "kept"):
            ours, theirs = (one.scope("acme", "alice/x").search(query, k=9) for one in (garden, other))
            assert [hit.id for hit in ours] == [hit.id for hit in theirs]
            assert [hit.score for hit in ours] == pytest.approx([hit.score for hit in theirs], abs=1e-5)
        assert other.import_(tmp_path / name).stored == 5
        assert everything(other) == everything(garden)


def test_a_prefix_is_exported_alone(garden: Garden, tmp_path: Path) -> None:
    """And may be imported into another scope."""
    fill(garden)
    assert garden.export(tmp_path / "a.jsonl", "acme") == 4
    assert garden.import_(tmp_path / "a.jsonl", scope="carol").stored == 4
    assert garden.scope("carol").count() == 4 and garden.scope("bob").count() == 1
    assert garden.export(tmp_path / "none.jsonl", "nobody") == 0
    assert garden.import_(tmp_path / "none.jsonl").stored == 0


def test_vectors_of_another_embedder_are_not_taken(garden: Garden, tmp_path: Path) -> None:
    """The texts are embedded anew, and the result says so."""
    fill(garden)
    garden.export(tmp_path / "a.jsonl")
    with Garden.open(tmp_path / "other", embedder="hashing:32", chroma=None) as other:
        done = other.import_(tmp_path / "a.jsonl")
        assert (done.stored, done.kept_vectors) == (5, False)
        assert other.scope("acme", "alice/x").search("Lisbon", k=1)[0].text == "To Lisbon."


def test_bad_lines_are_named_and_the_rest_is_stored(garden: Garden, tmp_path: Path) -> None:
    """By their numbers: no JSON, no scope, no text, chunks that are none, a time that is none, vectors cut off."""
    fill(garden)
    garden.export(tmp_path / "a.jsonl", "bob")
    head, good = (tmp_path / "a.jsonl").read_text().splitlines()
    fields = json.loads(good)
    bad = [
        good[:-20],
        "[]",
        json.dumps(fields | {"scope": "bob"}),
        json.dumps(fields | {"scope": [""]}),
        json.dumps(fields | {"text": " "}),
        json.dumps(fields | {"created_at": "yesterday"}),
        json.dumps(fields | {"unknown": 1}),
        json.dumps(fields | {"chunks": [[0, 99, fields["chunks"][0][2]]]}),
        json.dumps(fields | {"chunks": [[0, 3, "AAAA"]]}),
        json.dumps(fields | {"chunks": 5}),
    ]
    (tmp_path / "b.jsonl").write_text("\n".join([head, *bad, json.dumps(fields | {"id": "last"})]) + "\n")
    done = garden.import_(tmp_path / "b.jsonl")
    assert done.stored == 1 and sorted(done.refused) == list(range(2, 12))
    assert garden.scope("bob").get("last") is not None


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 0.0])
def test_a_vector_without_a_direction_is_refused_by_its_line(garden: Garden, tmp_path: Path, number: float) -> None:
    """So is a line that is nested too deep to be read; what stands around them is stored."""
    garden.scope("a").add("before", id="1")
    garden.scope("a").add("bad", id="2")
    garden.scope("a").add("after", id="3")
    garden.export(tmp_path / "all")
    head, first, bad, last = (tmp_path / "all").read_text("utf-8").splitlines()
    fields = json.loads(bad)
    blob = np.full(garden.embedder.dimension, number, "<f4").tobytes()
    fields["chunks"][0][2] = base64.b64encode(blob).decode()
    deep = "[" * 200_000
    (tmp_path / "edited").write_text("\n".join([head, first, json.dumps(fields), deep, last]), "utf-8")
    done = garden.import_(tmp_path / "edited", scope="b")
    assert sorted(done.refused) == [3, 4]
    assert "zero or holds NaN or infinity" in done.refused[3]
    assert [memory.id for memory in garden.scope("b").list(order="id")] == ["1", "3"]


@pytest.mark.parametrize("head", ["[" * 200_000, "5", '{"memgarden": 1, "dimension": "x"}'])
def test_a_head_that_is_none_is_refused(garden: Garden, tmp_path: Path, head: str) -> None:
    """Whatever it is instead."""
    (tmp_path / "odd").write_text(head + "\n", "utf-8")
    with pytest.raises(InvalidMemory, match="this is no export"):
        garden.import_(tmp_path / "odd")


def test_the_gardens_own_files_are_not_exported_over(garden: Garden, tmp_path: Path) -> None:
    """An export that lies among them may be, and one elsewhere."""
    fill(garden)
    own = Path(garden.where) / "garden.db"
    with pytest.raises(InvalidSetting, match="a file of the garden itself"):
        garden.export(own)
    assert garden.export(own.with_name("a.jsonl.gz")) == garden.export(own.with_name("a.jsonl.gz")) > 0
    (tmp_path / "other").write_text("anything")
    assert garden.export(tmp_path / "other") > 0
    garden.apply(garden.plan(Retention(older_than=0, importance="critical", unused_for=None)))
    archived = Path(garden.where) / "archives" / garden.archives()[0].data
    with pytest.raises(InvalidSetting, match="a file of the garden itself"):
        garden.export(archived)  # which begins as an export does
    assert garden.restore(garden.archives()[0]).restored > 0
    assert garden.health(deep=True).problems == []


def test_what_is_no_export_is_refused(garden: Garden, tmp_path: Path) -> None:
    """A later form, something else, nothing at all, a file that is not there; nothing is stored."""
    for text, error in (
        ('{"memgarden": 2}', SchemaTooNew),
        ('{"other": 1}', InvalidMemory),
        ("text", InvalidMemory),
        ("", InvalidMemory),
    ):
        (tmp_path / "x").write_text(text)
        with pytest.raises(error):
            garden.import_(tmp_path / "x")
    with pytest.raises(StorageError, match="cannot be read"):
        garden.import_(tmp_path / "nowhere")
    with pytest.raises(InvalidScope):
        garden.import_(tmp_path / "x", scope="")
    assert garden.scopes() == {}


def test_a_zipped_file_that_was_cut_off_says_so(garden: Garden, tmp_path: Path) -> None:
    """And how much of it is stored; run again with the whole file, nothing is doubled."""
    garden.scope("alice").add_many([f"text number {n}" for n in range(2000)])
    garden.export(tmp_path / "a.gz")
    whole = (tmp_path / "a.gz").read_bytes()
    (tmp_path / "cut.gz").write_bytes(whole[: len(whole) // 2])
    with Garden.open(tmp_path / "other", embedder="hashing:64", chroma=None) as other:
        with pytest.raises(StorageError, match="memories were stored"):
            other.import_(tmp_path / "cut.gz")
        assert 0 < other.scope("alice").count() < 2000
        assert other.import_(tmp_path / "a.gz").stored == 2000
        assert other.scope("alice").count() == 2000


def test_an_export_is_whole_or_not_there(garden: Garden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was there before stays until the new one is; a place that cannot be written is an error."""
    fill(garden)
    garden.export(tmp_path / "a.jsonl")
    before = (tmp_path / "a.jsonl").read_bytes()
    monkeypatch.setattr(os, "fsync", lambda descriptor: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(StorageError, match="No space left"):
        garden.export(tmp_path / "a.jsonl")
    assert (tmp_path / "a.jsonl").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if "unfinished" in path.name] == []
    monkeypatch.undo()
    with pytest.raises(StorageError, match="choose another place"):
        garden.export(tmp_path / "no" / "folder.jsonl")


def test_an_import_that_is_cut_off_goes_on(garden: Garden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole batches are stored, and a second run stores the rest and doubles nothing."""
    garden.scope("alice").add_many([f"text number {n}" for n in range(1200)])
    garden.export(tmp_path / "a.jsonl")
    with Garden.open(tmp_path / "other", embedder="hashing:64", chroma=None) as other:
        put, puts = Writer.put, []

        def failing(*arguments: object, **options: object) -> object:
            puts.append(1)
            if len(puts) == 2:
                raise KeyboardInterrupt
            return put(*arguments, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(Writer, "put", failing)
        with pytest.raises(KeyboardInterrupt):
            other.import_(tmp_path / "a.jsonl")
        assert other.scope("alice").count() == 500
        told: list[int] = []
        assert other.import_(tmp_path / "a.jsonl", progress=told.append).stored == 1200
        assert other.scope("alice").count() == 1200 and told == [500, 1000, 1200]


TEXT = st.characters(codec="utf-8", exclude_characters="\0")
VALUES = st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text('x"\n', max_size=3)


@given(
    text=st.text(TEXT, min_size=1).filter(str.strip),
    label=st.text(TEXT, min_size=1, max_size=20).filter(str.strip),
    metadata=st.dictionaries(st.text("abé", max_size=3), VALUES, max_size=3),
)
def test_any_text_survives(garden: Garden, tmp_path: Path, text: str, label: str, metadata: dict[str, object]) -> None:
    """Newlines, quotes, separators and emoji in texts, labels and metadata."""
    shutil.rmtree(tmp_path / "other", ignore_errors=True)
    for path, memories in everything(garden).items():
        garden.scope(*path).delete([memory.id for memory in memories])
    garden.scope(label).add(text, id="x", metadata=metadata)
    garden.export(tmp_path / "a.jsonl")
    with Garden.open(tmp_path / "other", embedder="hashing:64", chroma=None) as other:
        assert other.import_(tmp_path / "a.jsonl").refused == {}
        assert everything(other) == everything(garden)


def test_exports_of_earlier_versions_are_read(garden: Garden) -> None:
    """A file that version 0.1 wrote, kept as it is."""
    done = garden.import_(GOLDEN / "export-1.jsonl")
    assert (done.stored, done.refused, done.kept_vectors) == (3, {}, True)
    memory = garden.scope("acme", "alice/x").get("tea")
    assert memory is not None and memory.importance.label == "critical" and memory.created_at == START
    assert garden.scope("acme", "alice/x").search("Lisbon", k=1)[0].memory.metadata["speaker"] == "Ben"


def test_a_busy_garden_is_not_called_a_bad_file(
    garden: Garden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own error comes through, of an export as of an import, and no half of a file is left."""
    garden.scope("alice").add("tea")
    garden.export(tmp_path / "a.jsonl")

    def busy(*arguments: object, **options: object) -> object:
        raise GardenBusy("another process")

    monkeypatch.setattr(Writer, "put", busy)
    with pytest.raises(GardenBusy):
        garden.import_(tmp_path / "a.jsonl")
    monkeypatch.setattr(Reader, "entries", busy)
    with pytest.raises(GardenBusy):
        garden.export(tmp_path / "b.jsonl")
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith("b.jsonl")]


@pytest.mark.parametrize("damage", ["zipped", "text"])
def test_a_damaged_file_says_so(garden: Garden, tmp_path: Path, damage: str) -> None:
    """In the middle of its zipped bytes, or of its text."""
    garden.scope("alice").add_many([f"text number {n}" for n in range(300)])
    name = tmp_path / ("a.gz" if damage == "zipped" else "a.jsonl")
    garden.export(name)
    whole = bytearray(name.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 40] = b"\xff" * 40
    name.write_bytes(bytes(whole))
    with pytest.raises(StorageError, match="cannot be read"):
        garden.import_(name)
