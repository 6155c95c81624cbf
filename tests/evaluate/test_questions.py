"""Questions to a garden that is there say what answers them, by id or by words of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from memgarden import Garden, InvalidDataset
from memgarden.evaluate import evaluate, read_questions


@pytest.fixture
def lines(tmp_path: Path) -> Any:
    """Writes a file of questions."""

    def lines(*rows: object) -> Path:
        path = tmp_path / "questions.jsonl"
        path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
        return path

    return lines


@pytest.fixture
def alice(garden: Garden) -> Garden:
    """A garden in which alice alone has memories."""
    scope = garden.scope("alice")
    scope.add("I moved to  Lisbon\nin May.", id="lisbon")
    scope.add("Lisbon is hot in May.", id="hot")
    scope.add("My cat is called Turing.", id="cat")
    return garden


def test_words_and_ids_say_what_answers(alice: Garden, lines: Any) -> None:
    """Words find every memory that holds them, whatever the case and spacing; ids are taken as they are."""
    path = lines(
        {"question": "where does she live?", "expected": ["MOVED to lisbon in"], "category": "home"},
        {"question": "how is May?", "expected": "in may.", "ids": ["cat"], "id": "may"},
    )
    data = read_questions(path, alice)
    assert [(one.id, one.scope, set(one.relevant), one.category) for one in data.questions] == [
        ("1", ("alice",), {"lisbon"}, "home"),
        ("may", ("alice",), {"lisbon", "hot", "cat"}, None),
    ]
    assert not data.memories and not data.notes


def test_whose_memories_are_asked(alice: Garden, lines: Any) -> None:
    """A line's own scope counts, then the one given, then the garden's only one."""
    alice.scope("acme", "bob").add("I live in Oslo.", id="oslo")
    path = lines(
        {"question": "where?", "expected": "Oslo", "scope": ["acme", "bob"]}, {"question": "cat?", "ids": "cat"}
    )
    with pytest.raises(InvalidDataset, match=r"questions\.jsonl:2: whose memories are asked"):
        read_questions(path, alice)
    assert list(read_questions(path, alice, ["alice"]).asked) == [("acme", "bob"), ("alice",)]


def test_an_answer_that_no_memory_holds_counts_as_missed(alice: Garden, lines: Any) -> None:
    """It is said, and takes from the recall."""
    path = lines({"question": "the cat?", "expected": ["Turing", "a tortoise"]})
    data = read_questions(path, alice)
    assert data.notes == ("1 expected answers are in no memory and count as missed",)
    report = evaluate(data, garden=alice._parts.where)
    assert report.figures(report.outcomes[0])["R@10"].value == 0.5


def test_the_garden_is_only_read(alice: Garden, lines: Any) -> None:
    """An evaluation leaves no memory and no scope behind."""
    path = lines(
        {"question": "the cat?", "ids": "cat", "scope": "alice"}, {"question": "x", "ids": "y", "scope": "zoe"}
    )
    evaluate(read_questions(path, alice), garden=alice._parts.where)
    assert alice.scopes() == {("alice",): 3}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{oops", "1 is not JSON"),
        ("[" * 200_000, "1 is not JSON"),
        ({"question": " ", "ids": ["cat"]}, "1: `question` is what is asked"),
        ({"question": "where?"}, "1: nothing says what answers it"),
        ({"question": "where?", "expected": [3]}, "1: `expected` is a text or a list of texts"),
        ({"question": "where?", "expect": "x"}, "1: unknown key 'expect': a question has"),
        ({"question": "where?", "expected": "a tortoise"}, "no question of .* is answered by a memory"),
    ],
)
def test_bad_lines_are_named(alice: Garden, lines: Any, row: object, said: str) -> None:
    """With their number and what is due."""
    with pytest.raises(InvalidDataset, match=said):
        read_questions(lines(row), alice)


def test_a_file_that_is_not_there(alice: Garden, tmp_path: Path) -> None:
    """Is said to be missing."""
    with pytest.raises(InvalidDataset, match=r"none\.jsonl does not exist"):
        read_questions(tmp_path / "none.jsonl", alice)
