"""What one command stores, the next finds, in whatever process; people and programs can read what is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def test_what_one_process_adds_the_next_finds(spawn: Run) -> None:
    """An add is on disk when its process ends; the piped answer holds no escape sequences and no bar."""
    added = spawn("add", "I moved to Lisbon in May.", "--user", "alice", "--embedder", "hashing:64")
    assert (added.returncode, added.stderr) == (0, "")
    found = spawn("search", "Lisbon", "--user", "alice")
    assert (found.returncode, found.stderr) == (0, "")
    assert "I moved to Lisbon in May." in found.stdout
    assert added.stdout.strip() in found.stdout
    assert "\x1b" not in found.stdout


def test_every_field_given_to_add_is_kept(run: Run) -> None:
    """Id, tags, importance, kind, time and metadata come back as they were given; the time without a zone is UTC."""
    words = [
        "--id",
        "tea",
        "--tag",
        "drinks",
        "--tag",
        "home",
        "--importance",
        "high",
        "--kind",
        "fact",
        "--created-at",
        "2024-05-01T12:30",
    ]
    result = run(
        "add", "Tea at four.", "-u", "acme", "-u", "alice", "--metadata", '{"page": {"n": 3}}',
        "--embedder", "hashing:64", *words,
    )  # fmt: skip
    assert result.stdout == "tea\n"
    (memory,) = json.loads(run("show", "tea", "-u", "acme", "-u", "alice", "--json").stdout)
    assert memory.pop("stored_at").endswith("+00:00")
    assert memory == {
        "id": "tea",
        "text": "Tea at four.",
        "kind": "fact",
        "importance": "high",
        "tags": ["drinks", "home"],
        "metadata": {"page": {"n": 3}},
        "created_at": "2024-05-01T12:30:00+00:00",
        "expires_at": None,
    }


def test_a_dash_reads_standard_input(run: Run) -> None:
    """`add -` takes the text from standard input, without the newline that ends it."""
    run("add", "-", "-u", "alice", "--id", "two", "--embedder", "hashing:64", input="two\nlines\n")
    assert json.loads(run("show", "two", "-u", "alice", "--json").stdout)[0]["text"] == "two\nlines"


def test_json_is_all_that_json_prints(filled: Run) -> None:
    """`search --json` prints one JSON list: scores, legs, and the memory whole; a table has its relevance."""
    found = json.loads(filled("search", "cat", "-u", "alice", "-k", "1", "--json").stdout)
    assert [hit["memory"]["id"] for hit in found] == ["cat"]
    assert found[0]["text"] == "My cat is called Turing."
    assert {leg["leg"] for leg in found[0]["legs"]} == {"lexical", "dense", "cluster"}
    assert found[0]["score"] == pytest.approx(sum(leg["share"] for leg in found[0]["legs"]), abs=1e-5)
    table = filled("search", "cat", "-u", "alice", "-k", "1").stdout
    assert "relevance" in table and f"{found[0]['relevance']:.2f}" in table


def test_options_reach_the_search(filled: Run) -> None:
    """Mode, filter, times, least score and number do what they do in `Scope.search`."""

    def ids(*words: str) -> list[str]:
        found = json.loads(filled("search", "Lisbon cat", "-u", "alice", "--json", *words).stdout)
        return sorted(hit["memory"]["id"] for hit in found)

    assert ids() == ["cat", "lisbon"]
    assert ids("--where", '{"tags": "home"}') == ["lisbon"]
    assert ids("--until", "2024-05-02") == ["cat"]
    assert ids("--since", "2024-05-02") == ["lisbon"]
    assert len(ids("-k", "1", "--mode", "lexical", "--fusion", "rrf", "--alpha", "0.2")) == 1
    assert filled("search", "Lisbon", "-u", "alice", "--min-score", "1000", code=1).stdout == ""


def test_explain_says_what_each_leg_thought(filled: Run) -> None:
    """`--explain` shows each leg with its rank."""
    output = filled("search", "cat", "-u", "alice", "--explain").stdout
    assert "lexical" in output and "dense" in output and "rank   #1" in output
    assert "lexical" not in filled("search", "cat", "-u", "alice").stdout


def test_nobody_else_is_found(filled: Run) -> None:
    """A search sees the scope that was named and no other."""
    assert "Oslo" not in filled("search", "Oslo", "-u", "alice").stdout
    assert "Oslo" in filled("search", "Oslo", "-u", "bob").stdout


@pytest.mark.parametrize("words", [["--json"], []])
def test_nothing_found_is_exit_code_1(filled: Run, words: list[str]) -> None:
    """As with grep, nothing found is 1 and not an error; an empty scope is named, for it may be misspelt."""
    result = filled("search", "anything", "-u", "alcie", *words, code=1)
    assert result.stdout == ("[]\n" if words else "")
    assert "'alcie' holds no memories" in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["search", "x", "-u", "alice", "--where", "{tags"], "--where is not JSON"),
        (["search", "x", "-u", "alice", "--where", "[" * 100_000], "--where is not JSON"),
        (["search", "x", "-u", "alice", "--where", '{"tags": {"$nope": 1}}'], "$nope"),
        (["search", "x", "-u", "alice", "--where", "[1]"], "error:"),
        (["search", "x", "-u", "alice", "--mode", "magic"], "hybrid, lexical, dense"),
        (["search", "x", "-u", "alice", "--fusion", "magic"], "zscore"),
        (["search", "x", "-u", "alice", "-k", "0"], "k is a whole number"),
        (["search", "x", "-u", "alice", "--since", "yesterday"], "--since is no time"),
        (["search", "", "-u", "alice"], "the query is empty"),
        (["search", "x", "-u", ""], "label is empty"),
        (["search", "x"], "--user"),
        (["add", " ", "-u", "alice"], "the text of a memory is empty"),
        (["add", "x", "-u", "alice", "--importance", "huge"], "low, medium, high, critical"),
        (["add", "x", "-u", "alice", "--metadata", "[1]"], "metadata is a mapping"),
        (["add", "x", "-u", "alice", "--created-at", "soon"], "--created-at is no time"),
        (["add", "x", "-u", "alice", "--embedder", "hashing:32"], "hashing"),
        (["show", "-u", "alice", "--order", "size"], "created_at"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(filled: Run, words: list[str], said: str) -> None:
    """What cannot be done is said on standard error, without a traceback, and exits with 2."""
    result = filled(*words, code=2)
    assert said in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    if result.stderr.startswith("error:"):
        assert result.stderr.count("\n") == 1


def test_a_folder_that_cannot_be_a_garden_is_refused(filled: Run, tmp_path: Path) -> None:
    """A file in the garden's place is an error of one line, not a traceback."""
    (tmp_path / "file").write_text("not a garden")
    assert filled("add", "x", "-u", "a", "-g", str(tmp_path / "file"), code=2).stderr.startswith("error:")


def test_a_search_asks_in_other_words_and_heeds_times(run: Run) -> None:
    """`--expander`, as often as wanted, and times but for `--no-times`; the hits say so."""
    for text in ("I live in Lisbon.", "Rosa bakes."):
        run("add", text, "-u", "alice", "--embedder", "hashing:64")
    asked = (
        "search",
        "where do I live today?",
        "-u",
        "alice",
        "--expander",
        "templates",
        "--expander",
        "prf",
    )
    (first, *_) = json.loads(run(*asked, "--json").stdout)
    assert first["text"] == "I live in Lisbon." and first["phrasings"][:2] == ["where do I live today?", "I live today"]
    assert {leg["leg"] for leg in first["legs"]} >= {"lexical", "dense 2", "lexical 3", "time"}
    assert "2: I live today" in run(*asked, "--explain").stdout
    assert "time" not in {leg["leg"] for leg in json.loads(run(*asked, "--no-times", "--json").stdout)[0]["legs"]}
