"""Every configuration answers the same questions, each from its own scope, and what differs is set side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from memgarden import Garden, InvalidSetting
from memgarden.embed.hashing import HashingEmbedder
from memgarden.evaluate import Configuration, evaluate, read_beir

Beir = Callable[..., Path]
HASHING = {"embedder": "hashing:64"}


class Counting:
    """An embedder that notes the texts it was given."""

    def __init__(self) -> None:
        self._inner = HashingEmbedder(64)
        self.name, self.dimension, self.window = "counting", 64, self._inner.window
        self.stored: list[str] = []

    def embed(self, texts: Sequence[str], *, query: bool = False) -> object:
        """As the hashing one does."""
        self.stored += [] if query else texts
        return self._inner.embed(texts, query=query)


def test_a_question_finds_what_its_own_user_has(beir: Beir) -> None:
    """And never what another has, however well it fits."""
    report = evaluate(read_beir(beir()), [Configuration("one", HASHING)])
    (outcome,) = report.outcomes
    assert [set(found) for found in outcome.rankings] == [{"a1", "a2"}, {"b1", "b2"}, {"b1", "b2"}]
    assert [found[0] for found in outcome.rankings] == ["a1", "b1", "b2"]
    assert {name: figure.value for name, figure in report.figures(outcome).items()} == {
        "nDCG@10": 1,
        "R@5": 1,
        "R@10": 1,
        "MRR": 1,
    }


def test_figures_are_those_of_a_garden_asked_by_hand(beir: Beir, garden: Garden) -> None:
    """The rankings are what `Scope.search` gives with the same settings."""
    data = read_beir(beir())
    report = evaluate(data, [Configuration("one", HASHING | {"mode": "dense"})])
    for path, memories in data.memories.items():
        garden.scope(*path).add_many(memories)
    by_hand = [
        tuple(hit.id for hit in garden.scope(*one.scope).search(one.text, k=100, mode="dense"))
        for one in data.questions
    ]
    assert list(report.outcomes[0].rankings) == by_hand


def test_rankings_are_as_deep_as_mrr_looks(beir: Beir) -> None:
    """All of a scope of fewer than a hundred memories is ranked."""
    documents = [{"_id": f"d{n}", "text": f"olive tree {n}"} for n in range(40)]
    data = read_beir(beir(documents, [{"_id": "q1", "text": "olive"}], ["q1\td1\t1"]))
    (outcome,) = evaluate(data, [Configuration("one", HASHING)]).outcomes
    assert set(outcome.rankings[0]) == {f"d{n}" for n in range(40)}


def test_settings_of_a_search_embed_nothing_anew(beir: Beir) -> None:
    """Configurations that store alike share a garden; another chunk size has its own."""
    embedder = Counting()
    configurations = [
        Configuration("a", {"embedder": embedder}),
        Configuration("b", {"embedder": embedder, "fusion": "rrf", "threads": 1}),
    ]
    evaluate(read_beir(beir()), configurations)
    assert len(embedder.stored) == 4
    evaluate(read_beir(beir()), [*configurations, Configuration("c", {"embedder": embedder, "chunk_size": 32})])
    assert len(embedder.stored) == 12


def test_every_question_is_timed(beir: Beir) -> None:
    """The percentiles are of the questions' own seconds."""
    (outcome,) = evaluate(read_beir(beir()), [Configuration("one", HASHING)]).outcomes
    assert len(outcome.seconds) == 3 and min(outcome.seconds) > 0
    assert outcome.latency(0) == min(outcome.seconds) <= outcome.latency(50) <= outcome.latency(100)


def test_progress_ends_with_everything_done(beir: Beir) -> None:
    """Of the storing and of each configuration's asking."""
    told: dict[str, tuple[int, int]] = {}
    evaluate(read_beir(beir()), [Configuration("one", HASHING)], told=lambda what, *counts: told.update({what: counts}))
    assert told == {"storing": (4, 4), "asking, one": (3, 3)}


def test_names_are_needed_once(beir: Beir) -> None:
    """Two of one name could not be told apart, and none measures nothing."""
    data = read_beir(beir())
    for configurations in ([Configuration()] * 2, []):
        with pytest.raises(InvalidSetting, match="each with a name of its own"):
            evaluate(data, configurations)


def test_the_memories_have_one_place(beir: Beir, garden: Garden) -> None:
    """A data set with memories of its own is never stored in a garden of somebody's."""
    with pytest.raises(InvalidSetting, match="brings its own memories"):
        evaluate(read_beir(beir()), garden=garden._parts.where)
    assert garden.scopes() == {}
