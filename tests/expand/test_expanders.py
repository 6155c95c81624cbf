"""What the expanders make of a question."""

from __future__ import annotations

import pytest

from memgarden import Hit, Memory
from memgarden.expand.prf import weigh
from memgarden.expand.templates import expand
from memgarden.lexical.analyzer import StandardAnalyzer


@pytest.mark.parametrize(
    ("question", "statements"),
    [
        ("Where does she live?", ["she live"]),
        ("what is my favourite colour?", ["my favourite colour is"]),
        ("Who was the speaker", ["the speaker was"]),
        ("What's your name?", ["your name is", "my name is"]),
        ("Where do you live?", ["you live", "I live"]),
        ("Are you vegetarian?", ["you vegetarian", "I vegetarian"]),
        ("How many children does Rosa have?", ["Rosa have children"]),
        ("What kind of car did Tim buy?", ["Tim buy car"]),
        ("Which book did Melanie read last year?", ["Melanie read last year book"]),
        ("Could you tell me when did the shop open?", ["the shop open"]),
        ("Do you remember who painted the door?", ["painted the door"]),
        ("Has Ann moved?", ["Ann moved"]),
        ("what?", []),
        ("I moved to Lisbon.", []),
        ("olive tree", []),
        ("", []),
    ],
)
def test_a_question_becomes_a_statement(question: str, statements: list[str]) -> None:
    """And what is no question stays alone."""
    assert list(expand(question)) == statements


def test_feedback_weighs_a_word_by_its_share_and_the_relevance_of_its_hits() -> None:
    """`P(w|R)` is the sum over hits of `count / words * relevance`; stop words, endings and case do not count."""
    found = [("Olives and the olive tree", 0.9), ("a tree of figs", 0.3)]
    hits = [Hit(Memory(text), 0.0, 0, len(text), (), relevance) for text, relevance in found]
    weights = {word: weight for weight, word in weigh(hits, StandardAnalyzer()).values()}
    expected = {"Olives": 0.9 * 2 / 3, "tree": 0.9 / 3 + 0.3 / 2, "figs": 0.3 / 2}
    assert weights == pytest.approx(expected)
