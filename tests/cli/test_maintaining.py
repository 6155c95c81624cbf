"""Maintenance from the command line: said first, done with --apply, and undone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EMBEDDER = ["--embedder", "hashing:64"]

Run = Callable[..., Any]


@pytest.fixture
def aged(run: Run) -> Run:
    """A garden with an old memory, an old duplicate of it, and a new one."""
    for id, text, at in (
        ("old", "The lighthouse was painted red by my uncle.", "2020-05-01"),
        ("twin", "The lighthouse was painted red by my uncle.", "2020-05-02"),
        ("new", "I had porridge this morning.", None),
    ):
        run("add", text, *EMBEDDER, "--user", "alice", "--id", id, *(["--created-at", at] if at else []))
    return run


def test_maintain_says_what_it_would_do_and_why_and_does_it_with_apply(aged: Run, tmp_path: Path) -> None:
    """A table and counts, or JSON; nothing is changed before."""
    said = aged("maintain")
    assert "merge" in said.output and "equal text" in said.output and "nothing was changed" in said.output
    steps = json.loads(aged("maintain", "--json").output)
    assert [(step["action"], step["goes"], step["stays"]) for step in steps] == [("merge", ["old"], "twin")]
    assert len(json.loads(aged("show", "--user", "alice", "--json").output)) == 3
    done = aged("maintain", "--apply")
    assert "merged: 1" in done.output and "memgarden restore" in done.output
    assert json.loads(aged("maintain", "--apply", "--json").output)["done"] == {"archive": 1}
    assert "nothing to do" in aged("maintain").output


def test_archive_archives_and_restore(aged: Run) -> None:
    """What is old goes, is listed and found, and comes back by id or whole."""
    assert "to archive: 2" in aged("archive", "--user", "alice").output
    aged("archive", "--apply")
    (listed,) = json.loads(aged("archives", "--json").output)
    assert listed["count"] == 2 and listed["scope"] == ["alice"]
    assert "alice" in aged("archives", "--user", "alice").output
    assert "lighthouse" in aged("archives", "--user", "alice", "--search", "lighthouse").output
    assert "1 memories are back" in aged("restore", listed["name"], "old").output
    assert "not in this archive" in aged("restore", listed["name"], "old", code=1).stderr
    assert "1 memories are back" in aged("restore", listed["name"]).output
    aged("archives", code=1)
    aged("restore", "nothing", code=2)
    said = aged("history", "old", "--user", "alice").output
    assert said.index("added") < said.index("archived") < said.index("restored")
    aged("history", "nobody", "--user", "alice", code=1)


def test_dedup_and_summarise(aged: Run) -> None:
    """Each for itself, with its own options."""
    assert "to merge: 1" in aged("dedup", "--threshold", "0.99", "--keep", "longest").output
    assert "merged: 1" in aged("dedup", "--apply").output
    for n in range(3):
        aged(
            "add",
            f"The vineyard near Porto had grapes, part {n}.",
            "--user",
            "alice",
            "--created-at",
            f"2020-06-0{n + 1}",
        )
    assert "to summarise: 3" in aged("summarise", "--similarity", "0.3").output
    assert "summarised: 3" in aged("summarise", "--similarity", "0.3", "--apply").output
    aged("dedup", "--threshold", "7", code=2)
    assert "holds no memories" in aged("dedup", "--user", "alic", code=1).stderr


def test_a_policy_file_says_what_is_wanted(aged: Run, tmp_path: Path) -> None:
    """What is wrong in it is named."""
    file = tmp_path / "policy.toml"
    file.write_text("[archive]\nolder_than = 90\n")
    assert "to archive: 2" in aged("maintain", "--policy", str(file)).output
    file.write_text("[archive]\nolder = 90\n")
    assert "older_than" in aged("maintain", "--policy", str(file), code=2).stderr


def test_a_backup_is_restored_where_no_garden_is(aged: Run, run: Run, tmp_path: Path) -> None:
    """Archives and all; a garden that is there is not overwritten."""
    aged("archive", "--apply")
    aged("backup", str(tmp_path / "backup"))
    other = ["--garden", str(tmp_path / "other")]
    run("restore", str(tmp_path / "backup"), *other)
    assert run("scopes", *other).output == aged("scopes").output and "alice" in run("archives", *other).output
    run("restore", str(tmp_path / "backup"), *other, code=2)
