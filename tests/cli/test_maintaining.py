"""Maintenance from the command line: said first, done with --apply, and undone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memgarden.cli.display import counted

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
    found = aged("archives", "--user", "alice", "--search", "lighthouse").output
    assert "lighthouse" in found and found.splitlines()[0].split()[:3] == ["#", "score", "relevance"]
    (hit, *_) = json.loads(aged("archives", "--user", "alice", "--search", "lighthouse", "--json").output)
    assert f"{hit['relevance']:.2f}" in found and 0 < hit["relevance"] < 1
    assert json.loads(aged("archives", "--user", "bob", "--search", "red", "--json", code=1).stdout) == []
    assert "brought back: 1 memory\n" in aged("restore", listed["name"], "old").output
    assert "not in this archive" in aged("restore", listed["name"], "old", code=1).stderr
    assert "brought back: 1 memory\n" in aged("restore", listed["name"]).output
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


def test_what_is_nearly_one_is_told_of_and_marked_where_a_second_threshold_says_so(run: Run) -> None:
    """With --apply, in the history; without --similar nothing is."""
    for n, word in enumerate(("red", "blue")):
        text = f"The lighthouse on the hill was painted {word} by my uncle in spring."
        run("add", text, *EMBEDDER, "-u", "alice", "--id", word, "--created-at", f"2020-05-0{n + 1}")
    said = run("dedup").output
    assert "similar  alice  red and blue" in said and "only look alike, and stay as they are: 1 pair" in said
    assert "nothing to do" in said and "mark" not in said
    assert "nothing to do" in run("dedup", "--apply").output
    said = run("dedup", "--similar", "0.9").output
    assert "to mark as similar, unless they are: 1; nothing was changed" in said
    (step,) = json.loads(run("dedup", "--similar", "0.9", "--json").output)
    assert (step["action"], step["alike"], step["stays"], step["marks"]) == ("similar", ["red"], "blue", True)
    assert "similar: 1" in run("dedup", "--similar", "0.9", "--apply").output
    assert "nothing to do" in run("dedup", "--similar", "0.9", "--apply").output
    assert run("history", "red", "-u", "alice").output.splitlines()[-1].endswith("similar     to blue")


def test_one_memory_is_not_called_memories(run: Run, tmp_path: Path) -> None:
    """Nor one archive, chunk or scope, whatever the command; none and two are."""
    run("add", "tea", *EMBEDDER, "-u", "alice", "--created-at", "2020-05-01T12:30:00Z")
    (tmp_path / "chat.jsonl").write_text(json.dumps({"content": "tea", "speaker": "Ann"}) + "\n")
    said = [run("import", str(tmp_path / "chat.jsonl"), "-u", "carol").output]
    said.append(run("forget", "-u", "carol", input="y\n").output)
    said += [run(*words).output for words in (["scopes"], ["health"], ["archive", "--apply"], ["archives"])]
    (archive,) = json.loads(run("archives", "--json").output)
    said.append(run("restore", archive["name"]).output)
    said.append(run("export", str(tmp_path / "all.jsonl")).output)
    said.append(run("import", str(tmp_path / "all.jsonl"), "-u", "bob").output)
    said.append(run("forget", "-u", "bob", input="y\n").output)
    said.append(run("compact").output)
    told = "\n".join(said)
    assert not re.search(r"\b1 (memories|archives|scopes|chunks|pairs|changes|\w+ (embeddings|events))\b", told)
    assert told.count("1 memory") >= 7 and "1 scope" in told and "Forget 1 memory of bob?" in told


@pytest.mark.parametrize(("count", "told"), [(0, "0 memories"), (1, "1 memory"), (2, "2 memories"), (1000, "1,000")])
def test_a_count_is_told_with_its_noun(count: int, told: str) -> None:
    """In the singular or the plural, with thousands apart."""
    assert counted(count, "memory").startswith(told)
    assert counted(count, "cached embedding") == f"{count:,} cached embedding" + "s" * (count != 1)


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
