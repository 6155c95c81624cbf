"""Forgotten is forgotten: no file of the garden holds a word of it, and nobody else's memories are touched."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from memgarden import Garden, GardenBusy, InvalidFilter, InvalidQuery
from memgarden.erasure import Copies, Task
from memgarden.forgetting import finish_forgetting
from memgarden.records import ScopePath
from memgarden.store.forget import fingerprint
from memgarden.vector.process import DrainProcess
from tests.forget.conftest import traces
from tests.survival.mirror import same_as_record

OPEN = Callable[..., Garden]

OTHER = """
import sys
from memgarden import Garden
with Garden.open(sys.argv[1], embedder="hashing:64", chroma=None) as garden:
    scope = garden.scope(sys.argv[2])
    print(len(scope.search("word", k=50)), flush=True)
    for line in sys.stdin:
        print(len(scope.search("word", k=50)), flush=True)
"""


def _words() -> dict[str, str]:
    return {name: f"{name}{uuid4().hex}" for name in ("label", "text", "old", "gone", "id", "said", "tag")}


def _live(garden: Garden, w: dict[str, str]) -> None:
    """A life in the scope: conversations, versions that were replaced and deleted, searches; and others beside it."""
    scope = garden.scope(w["label"])
    scope.add_many([{"text": f"{w['text']} word {n}", "id": f"{w['id']}-{n}", "tags": [w["tag"]]} for n in range(30)])
    scope.add(f"{w['old']} word", id=f"{w['id']}-old", metadata={"of": w["tag"]})
    scope.update(f"{w['id']}-old", text=f"{w['text']} again")
    scope.add(f"{w['gone']} word", id=f"{w['id']}-gone")
    scope.delete(f"{w['id']}-gone")
    turns = [
        {"role": "user", "name": w["tag"], "content": f"{w['said']} {n}", "id": f"{w['id']}t{n}"} for n in range(9)
    ]
    scope.add_conversation(turns, session_id=w["id"])
    garden.scope(w["label"], "below").add(f"{w['text']} below", id=f"{w['id']}-below")
    scope.search(w["text"])


def _others(garden: Garden) -> dict[ScopePath, set[str]]:
    return {path: {memory.text for memory in garden.scope(*path).list(limit=10_000)} for path in garden.scopes()}


def test_no_file_holds_a_word_of_it(open_garden: OPEN, tmp_path: Path) -> None:
    """With Chroma, conversations, old versions, a log, cached embeddings, and another process that has it open."""
    w = _words()
    with open_garden(chroma="auto", exact_limit=20) as garden:
        garden.scope("bob").add_many([f"bob word {n}" for n in range(40)])
        garden.scope("carol").add_many(["carol word", "carol tea"])
        before = _others(garden)
        _live(garden, w)
        garden.flush()
        assert len({trace.split(":")[0] for trace in traces(tmp_path, list(w.values()))}) >= 2
        command = [sys.executable, "-c", OTHER, str(tmp_path / "garden"), w["label"]]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdin is not None and other.stdout is not None
            assert int(other.stdout.readline()) > 30
            receipt = garden.forget(w["label"])
            assert traces(tmp_path, list(w.values())) == []
            other.stdin.write("\n")
            other.stdin.flush()
            assert other.stdout.readline() == "0\n"
            scope = garden.scope(w["label"])
            assert scope.count() == 0 and scope.search("word") == []
            # A scope of the same name is a new one, for those as well who had the old one loaded.
            scope.add("a new word", id="new")
            other.stdin.write("\n")
            other.stdin.flush()
            assert other.stdout.readline() == "1\n"
            other.stdin.close()
        assert (receipt.memories, receipt.chroma) == (30 + 1 + 9 + 1, "erased") and receipt.chunks >= 41
        assert receipt.history >= 2 and not traces_of(receipt, w)
        scope.delete("new")
        assert garden.health(deep=True).problems == []
        garden.flush()
        assert garden.health(deep=True).problems == []
        assert _others(garden) == before
        assert garden.scope("bob").search("bob word 7", k=1)[0].text == "bob word 7"
    assert same_as_record(garden) == 42


def traces_of(receipt: object, w: dict[str, str]) -> list[str]:
    """The words that a receipt tells."""
    told = json.dumps(receipt.to_json())  # type: ignore[attr-defined]
    return [word for word in w.values() if word in told]


@pytest.mark.parametrize("chroma", [None, "auto"])
def test_single_memories_are_forgotten_and_the_rest_stays(
    open_garden: OPEN, tmp_path: Path, chroma: str | None
) -> None:
    """By id, whether they are still there or were replaced or deleted; their versions and history go along."""
    w = _words()
    garden, other = open_garden(chroma=chroma), open_garden()
    scope = garden.scope("alice")
    scope.add_many([f"kept word {n}" for n in range(20)])
    scope.add(f"{w['old']} word", id=w["id"])
    scope.update(w["id"], text=f"{w['text']} word", metadata={"tag": w["tag"]})
    scope.add(f"{w['gone']} word", id=w["said"])
    scope.delete(w["said"])
    if chroma:
        garden.flush()
    assert len(other.scope("alice").search("word", k=50)) == 21
    receipt = scope.forget([w["id"], w["said"]])
    assert traces(tmp_path, list(w.values())) == []
    assert (receipt.memories, receipt.chunks, receipt.history) == (1, 1, 2)
    assert receipt.chroma == ("erased" if chroma else "none")
    assert scope.count() == 20 and len(scope.search("word", k=50)) == 20
    assert len(other.scope("alice").search("word", k=50)) == 20
    if chroma:
        garden.flush()
        assert garden.health(deep=True).problems == []


def test_a_filter_chooses_what_is_forgotten(garden: Garden, tmp_path: Path) -> None:
    """As it does in a search; ids and a filter together are refused, and neither as well."""
    scope = garden.scope("alice")
    scope.add("the code is 7391-secret", tags=["secret"])
    scope.add("tea", tags=["plain"])
    for wrong in ({}, {"ids": "x", "where": {"tags": "secret"}}, {"where": {}}, {"ids": 7}):
        with pytest.raises(InvalidQuery):
            scope.forget(**wrong)  # type: ignore[arg-type]
    assert scope.forget(where={"tags": {"$contains": "secret"}}).memories == 1
    assert [memory.text for memory in scope.list()] == ["tea"] and traces(tmp_path, ["7391-secret"]) == []


@pytest.mark.parametrize("where", [["1"], "1", ("1",), [], 0])
def test_what_is_no_filter_is_refused_and_forgets_nothing(garden: Garden, where: Any) -> None:
    """Ids that are given as the filter are not taken for ids."""
    garden.scope("alice").add("a tern", id="1")
    with pytest.raises(InvalidFilter):
        garden.scope("alice").forget(where=where)
    assert garden.scope("alice").get("1") is not None


def test_the_receipt_proves_what_it_is_about(garden: Garden) -> None:
    """With a copy of the memories its digest can be made again; without, it tells nothing."""
    import hashlib

    garden.scope("alice").add_many([{"text": f"note {n}", "id": f"{n}"} for n in range(450)])
    receipt = garden.forget("alice")
    prints = sorted(fingerprint(receipt.salt, ("alice",), f"{n}", f"note {n}") for n in range(450))
    assert garden.health().rows["embeddings"] == 0
    assert receipt.digest == hashlib.sha256(b"".join(prints)).hexdigest()
    assert json.loads(json.dumps(receipt.to_json()))["memories"] == 450


def test_a_reader_in_the_way_is_named_and_a_second_call_finishes(open_garden: OPEN, tmp_path: Path) -> None:
    """What is left to do is the wiping of free pages, which `health` says too."""
    w = _words()
    garden = open_garden(lock_timeout=0.3)
    garden.scope("alice").add(w["text"])
    with closing(sqlite3.connect(tmp_path / "garden" / "garden.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM memories").fetchall()
        with pytest.raises(GardenBusy, match="free pages"):
            garden.forget("alice")
        assert garden.scope("alice").count() == 0
        assert "free pages" in garden.health().problems[0]
        reader.execute("COMMIT")
    assert finish_forgetting(garden._parts) == []
    assert garden.health().problems == [] and traces(tmp_path, [w["text"]]) == []


def test_without_its_chroma_the_garden_erases_what_nobody_owns(open_garden: OPEN, tmp_path: Path) -> None:
    """The folder is its own; the next process with Chroma fills it anew."""
    w = _words()
    with open_garden(chroma="auto") as garden:
        garden.scope("bob").add_many(["tea", "coffee"])
        _live(garden, w)
        garden.flush()
    with open_garden() as garden:
        assert garden.forget(w["label"]).chroma == "erased"
    assert traces(tmp_path, list(w.values())) == []
    with open_garden(chroma="auto") as garden:
        garden.flush()
        assert garden.health(deep=True).problems == []
    assert same_as_record(garden) == 2


def test_what_lies_aside_is_erased_as_well(open_garden: OPEN, tmp_path: Path) -> None:
    """A folder that was broken and set aside, and what is not Chroma's stays."""
    w = _words()
    with open_garden(chroma="auto") as garden:
        _live(garden, w)
        garden.flush()
    (tmp_path / "garden" / "chroma").rename(tmp_path / "garden" / "chroma.broken")
    with open_garden(chroma="auto") as garden:
        garden.scope("bob").add("tea")
        garden.flush()
        (tmp_path / "garden" / "chroma" / "notes.txt").write_text("mine")
        garden.forget(w["label"])
        assert traces(tmp_path, list(w.values())) == []
        assert not (tmp_path / "garden" / "chroma.broken").exists()
        assert (tmp_path / "garden" / "chroma" / "notes.txt").read_text() == "mine"


def test_copies_that_others_keep_are_asked_for(garden: Garden) -> None:
    """Before the journal is struck off: which memories is said by scope and id."""
    asked: list[Task] = []

    def archives(task: Task) -> Copies:
        asked.append(task)
        assert garden._parts.eraser.unfinished()
        return Copies(3)

    garden._parts = replace(garden._parts, erase_archived=archives)
    garden.scope("alice").add("tea", id="x")
    assert garden.forget(garden.scope("alice")).archived == 3
    scope = asked[0].covers()
    assert scope(("alice", "work"), "y") and not scope(("alicex",), "x") and not scope(("bob",), "x")
    garden.scope("alice").forget("x")
    one = asked[1].covers()
    assert one(("alice",), "x") and not one(("alice",), "y") and not one(("alice", "work"), "x")


def test_summaries_that_name_it_are_counted_and_history_forgets_it(garden: Garden, tmp_path: Path) -> None:
    """What became of other memories stays told."""
    from memgarden.upkeep import Cause

    id = f"id{uuid4().hex}"
    scope = garden.scope("alice")
    scope.add("tea", id=id)
    back = scope.add("green tea", id="a")
    scope.add("all of it", id="s", metadata={"summary_of": [id, "a"]})
    garden._parts.sink.delete(("alice",), ["a"], cause=Cause("merged", {"into": id}))
    entries = garden._parts.preparer.entries([back], lambda *_: None)
    garden._parts.sink.put(("alice",), entries, cause=Cause("restored", {"archive": "x"}))
    receipt = scope.forget(id)
    assert "1 memories that stay name forgotten ids" in receipt.notes[0] and id not in str(receipt.to_json())
    scope.update("s", metadata={})
    scope.forget("s")
    assert traces(tmp_path, [id]) == []
    with closing(sqlite3.connect(tmp_path / "garden" / "garden.db")) as record:
        assert record.execute("SELECT id, event, detail FROM history").fetchall() == [
            ("a", "merged", '{"into": null}'),
            ("a", "restored", '{"archive": "x"}'),
        ]


def test_an_older_database_gives_its_free_pages_back(open_garden: OPEN, tmp_path: Path) -> None:
    """It is turned to incremental vacuum on the way."""
    with open_garden() as garden:
        garden.scope("alice").add("tea")
    with closing(sqlite3.connect(tmp_path / "garden" / "garden.db", isolation_level=None)) as record:
        record.execute("PRAGMA auto_vacuum = NONE")
        record.execute("VACUUM")
        assert record.execute("PRAGMA auto_vacuum").fetchone() == (0,)
    with open_garden() as garden:
        garden.forget("alice")
    with closing(sqlite3.connect(tmp_path / "garden" / "garden.db", isolation_level=None)) as record:
        assert record.execute("PRAGMA auto_vacuum").fetchone() == (2,)


def test_writers_go_on_meanwhile(open_garden: OPEN) -> None:
    """Into other scopes, by another garden on the same folder; nothing of theirs is lost."""
    import threading

    garden, other = open_garden(), open_garden()
    garden.scope("alice").add_many([f"note {n}" for n in range(1500)])
    stop, count = threading.Event(), 0

    def write() -> None:
        nonlocal count
        while not stop.is_set():
            other.scope("bob").add(f"bob {count}")
            count += 1

    thread = threading.Thread(target=write)
    thread.start()
    time.sleep(0.2)
    garden.forget("alice")
    stop.set()
    thread.join()
    assert garden.scopes() == {("bob",): count} and count > 5


def _memory(pid: int) -> bytes:
    """All that a process has in memory and may write."""
    found = []
    place = Path(f"/proc/{pid}")
    with (place / "maps").open() as maps, (place / "mem").open("rb", buffering=0) as memory:
        for line in maps:
            span, rights, *_ = line.split()
            if "w" in rights:
                first, last = (int(end, 16) for end in span.split("-"))
                memory.seek(first)
                with suppress(OSError):
                    found.append(memory.read(last - first))
    return b"".join(found)


def test_the_process_that_fills_chroma_again_does_not_know_it(open_garden: OPEN) -> None:
    """Chroma's native code writes memory that it did not clear: so it is that of a process which never had the text."""
    w = _words()
    with open_garden(chroma="auto") as garden:
        garden.scope("bob").add_many([f"bob word {n}" for n in range(40)])
        _live(garden, w)
        garden.flush()
        mirror = garden._parts.mirror
        assert isinstance(mirror, DrainProcess) and mirror._child is not None
        pid = mirror._child.pid
        assert w["text"].encode() in _memory(pid)
        garden.forget(w["label"])
        garden.flush()
        assert mirror._child is not None and mirror._child.pid == pid and mirror.status().error is None
        assert not [word for word in w.values() if word.encode() in _memory(pid)]
        assert same_as_record(garden) == 40
