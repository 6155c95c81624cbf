"""`import` stores what people have, each memory in the scope that it belongs to, and says how much there was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgarden.cli.importing import grouped
from memgarden.demo import USERS
from memgarden.records import Memory

Run = Callable[..., Any]
Lines = Callable[..., str]
EMBEDDER = ["--embedder", "hashing:64"]


def count(run: Run) -> dict[str, int]:
    """Memories by scope."""
    return {"/".join(one["scope"]): one["memories"] for one in json.loads(run("scopes", "--json").stdout)}


def test_a_chat(run: Run) -> None:
    """Turns are recognised, stored with who spoke and when, and stored once however often they are imported."""
    path = next(user.path for user in USERS if user.kind == "chat")
    turns = len(path.read_text(encoding="utf-8").splitlines())
    for _ in range(2):
        assert f"{turns} memories stored in 1 scope in " in run("import", str(path), "-u", "maya", *EMBEDDER).stdout
    assert count(run) == {"maya": turns}
    (first,) = json.loads(run("show", "-u", "maya", "--order", "created_at", "--limit", "1", "--json").stdout)
    assert first["kind"] == "turn"
    assert first["metadata"]["speaker"] == "Maya"
    assert first["created_at"] == "2025-02-03T18:12:00+00:00"


def test_a_folder(run: Run, tmp_path: Path) -> None:
    """Text and Markdown files are stored under their paths; other files are not looked at, empty ones counted."""
    (tmp_path / "docs" / "deep").mkdir(parents=True)
    (tmp_path / "docs" / "a.md").write_text("# Tea\nAt four.")
    (tmp_path / "docs" / "deep" / "b.txt").write_text("Coffee at ten.")
    (tmp_path / "docs" / "empty.txt").write_text(" \n")
    (tmp_path / "docs" / "image.png").write_bytes(b"\x89PNG")
    output = run("import", "docs", "-u", "acme", "-u", "kitchen", *EMBEDDER).stdout
    assert "2 memories stored in 1 scope" in output
    assert "passed over: 1 without text" in output
    ids = {memory["id"] for memory in json.loads(run("show", "-u", "acme", "-u", "kitchen", "--json").stdout)}
    assert ids == {"a.md", "deep/b.txt"}


@pytest.mark.parametrize("words", [[], ["--as", "beir"]])
def test_beir_into_one_scope(run: Run, lines: Lines, words: list[str]) -> None:
    """Documents keep their ids; title and text are one text."""
    path = lines("corpus.jsonl", {"_id": "d1", "title": "Tea", "text": "At four."}, {"_id": "d2", "text": ""})
    output = run("import", path, "-u", "kitchen", *words, *EMBEDDER).stdout
    assert "1 memory stored" in output and "1 without text" in output
    assert json.loads(run("show", "d1", "-u", "kitchen", "--json").stdout)[0]["text"] == "Tea\nAt four."


def test_scope_by_makes_a_scope_of_each_value(run: Run, lines: Lines) -> None:
    """`--scope-by` reads the scope from the metadata, below the labels of `--user`; numbers count as text."""
    documents = [
        {"_id": f"d{n}", "text": f"text {n}", "metadata": {"user_id": user}}
        for n, user in enumerate(["ann", "bob", "ann", 7])
    ]
    path = lines("corpus.jsonl", *documents)
    assert "4 memories stored in 3 scopes" in run("import", path, "--scope-by", "user_id", *EMBEDDER).stdout
    assert count(run) == {"7": 1, "ann": 2, "bob": 1}
    run("import", path, "-u", "acme", "--scope-by", "user_id")
    assert count(run) == {"7": 1, "acme/7": 1, "acme/ann": 2, "acme/bob": 1, "ann": 2, "bob": 1}
    assert [one["scope"] for one in json.loads(run("scopes", "acme", "--json").stdout)] == [
        ["acme", "7"],
        ["acme", "ann"],
        ["acme", "bob"],
    ]


@pytest.mark.parametrize(
    ("objects", "words", "said"),
    [
        ([{"_id": "d1", "text": "x"}], [], "--user"),
        ([{"_id": "d1", "text": "x"}], ["--scope-by", "user_id"], "'user_id'"),
        ([{"_id": "d1", "text": "x", "metadata": {"user_id": True}}], ["--scope-by", "user_id"], "'user_id'"),
        ([{"_id": "d1", "text": "x", "metadata": {"user_id": ""}}], ["--scope-by", "user_id"], "label is empty"),
        ([{"neither": 1}], ["-u", "a"], "neither a chat"),
        ([{"content": "x"}, {"content": 3}], ["-u", "a"], ":2: a turn of a chat needs `content`"),
        ([{"content": "x"}], ["-u", "a", "--as", "novel"], "--as"),
    ],
)
def test_what_cannot_be_imported_is_said(
    run: Run, lines: Lines, objects: list[object], words: list[str], said: str
) -> None:
    """Wrong lines, missing owners and unknown kinds end with exit code 2 and a message that names them."""
    result = run("import", lines("file.jsonl", *objects), *words, *EMBEDDER, code=2)
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_file_that_is_not_there(run: Run, place: Path) -> None:
    """A missing file is refused before a garden is made for it."""
    run("import", "missing.jsonl", "-u", "a", code=2)
    assert not place.exists()


@given(
    items=st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9)), max_size=40),
    batch=st.integers(1, 5),
    most=st.integers(1, 7),
    characters=st.integers(1, 30),
)
def test_batches_hold_every_memory_once_and_in_order(
    items: list[tuple[str, int]], batch: int, most: int, characters: int
) -> None:
    """Cutting a stream by scope loses nothing, keeps each scope's order, and holds back no more than it may."""
    came = [Memory("x" * size, id=str(n), kind=owner) for n, (owner, size) in enumerate(items)]
    taken = 0

    def stream() -> Any:
        nonlocal taken
        for memory in came:
            taken += 1
            yield memory

    given_out: dict[str, list[str]] = {}
    out = 0
    for path, memories in grouped(
        stream(), lambda one: (one.kind,), batch=batch, most=most, most_characters=characters
    ):
        assert 1 <= len(memories) <= batch
        assert taken - out <= most
        assert sum(len(one.text) for one in came[:taken]) >= sum(len(one.text) for one in memories)
        out += len(memories)
        given_out.setdefault(path[0], []).extend(one.id for one in memories)
    expected: dict[str, list[str]] = {}
    for memory in came:
        expected.setdefault(memory.kind, []).append(memory.id)
    assert given_out == expected
