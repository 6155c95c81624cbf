"""Commands that only read change nothing, and make no garden where there is none."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.mark.parametrize(
    "words",
    [["search", "x", "-u", "a"], ["show", "-u", "a"], ["scopes"], ["health"], ["health", "--deep"], ["reindex"],
     ["reindex", "--wait"]],
)  # fmt: skip
@pytest.mark.parametrize("exists", [False, True])
def test_no_garden_is_made_by_asking(run: Run, place: Path, words: list[str], exists: bool) -> None:
    """Where there is no garden, commands that read say so, name the mend, and leave the place as it was."""
    if exists:
        place.mkdir()
    result = run(*words, code=2)
    assert "there is no garden in" in result.stderr and "MEMGARDEN_PATH" in result.stderr
    assert list(place.iterdir()) == [] if exists else not place.exists()


def test_show_lists_the_latest_first(filled: Run) -> None:
    """Without an id, `show` lists memories by time, as many as asked; the order can be turned."""

    def ids(*words: str) -> list[str]:
        return [memory["id"] for memory in json.loads(filled("show", "-u", "alice", "--json", *words).stdout)]

    assert ids() == ["lisbon", "cat"]
    assert ids("--order", "created_at") == ["cat", "lisbon"]
    assert ids("--limit", "1") == ["lisbon"]
    assert "2024-05-01 12:30" in filled("show", "-u", "alice").stdout


def test_show_prints_a_memory_whole(filled: Run) -> None:
    """With an id, `show` prints every field that holds something, and the text as it is, however long."""
    text = "one\n\n" + "word " * 400 + "end"
    filled("add", text, "-u", "alice", "--id", "long", "--metadata", '{"page": 3}')
    output = filled("show", "long", "-u", "alice").stdout
    assert text in output
    assert "page=3" in output and "expires_at" not in output


def test_show_of_what_is_not_there(filled: Run) -> None:
    """An id that the scope does not hold is exit code 1, and another's id is not there."""
    filled("add", "secret", "-u", "bob", "--id", "bobs")
    assert "no memory 'bobs'" in filled("show", "bobs", "-u", "alice", code=1).stderr


def test_scopes(filled: Run) -> None:
    """`scopes` counts each scope at and below a prefix; none is exit code 1."""
    filled("add", "x", "-u", "alice", "-u", "work")
    output = filled("scopes").stdout
    assert "alice / work" in output and "4 memories in 3 scopes" in output
    assert "bob" not in filled("scopes", "alice").stdout
    assert json.loads(filled("scopes", "nobody", "--json", code=1).stdout) == []


def test_health_of_a_sound_garden(filled: Run) -> None:
    """A sound garden exits with 0 and says what it holds, to people and to programs."""
    assert "3 memories" in filled("health", "--deep").stdout
    health = json.loads(filled("health", "--json").stdout)
    assert health["ok"] is True and health["rows"]["memories"] == 3 and health["problems"] == []


def test_health_of_a_damaged_garden(filled: Run, place: Path) -> None:
    """What the database's check finds is told, with the mend, and exits with 1; JSON stays JSON."""
    with closing(sqlite3.connect(place / "garden.db")) as database:
        found = database.execute("SELECT rootpage FROM sqlite_master WHERE type = 'index' AND tbl_name = 'memories'")
        page = found.fetchone()[0]
        size = database.execute("PRAGMA page_size").fetchone()[0]
    with (place / "garden.db").open("r+b") as file:
        file.seek(page * size - 1)  # the row number at the end of the index's first entry
        file.write(b"\x63")
    assert "problem" in filled("health", "--deep", code=1).stdout
    assert json.loads(filled("health", "--deep", "--json", code=1).stdout)["ok"] is False


def test_reindex_is_noted_and_then_done(filled: Run, spawn: Run, place: Path) -> None:
    """`reindex` fills the outbox and starts nothing; `reindex --wait` leaves Chroma with every chunk."""
    assert "--wait does it now" in filled("reindex").stdout
    assert json.loads(filled("health", "--json").stdout)["outbox"] == 4  # an empty collection, then three chunks
    assert not (place / "chroma").exists()
    done = spawn("reindex", "--wait")
    assert (done.returncode, done.stdout) == (0, "Chroma holds all of it: 3 chunks\n"), done.stderr
    assert json.loads(filled("health", "--json").stdout)["outbox"] == 0
