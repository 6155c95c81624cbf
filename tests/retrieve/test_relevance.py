"""A hit's relevance is from 0 to 1, means the same across queries, and can leave nothing where nothing is relevant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgarden import Garden, InvalidQuery, Scope
from memgarden.retrieve.relevance import relevance

measures = st.floats(-1, 1, allow_nan=False)


@given(cosine=st.none() | measures, coverage=st.none() | st.floats(0, 1), more=st.floats(0, 1))
def test_more_is_more(cosine: float | None, coverage: float | None, more: float) -> None:
    """Between 0 and 1, and never falling in either measure."""
    if cosine is None and coverage is None:
        return
    own = relevance(cosine, coverage)
    assert 0 < own < 1
    if cosine is not None:
        assert relevance(cosine + more, coverage) >= own
    if coverage is not None:
        assert relevance(cosine, coverage + more) >= own


@pytest.fixture(scope="module")
def alice(tmp_path_factory) -> Scope:
    with Garden.open(tmp_path_factory.mktemp("g"), chroma=None) as garden:
        scope = garden.scope("alice")
        scope.add_many(
            [
                "I moved from Berlin to Lisbon in May.",
                "My cat Mia only eats tuna.",
                "The dentist said I should floss more often.",
                "Our team ships the billing service every second Friday.",
            ]
        )
        yield scope


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_what_answers_is_more_relevant_than_what_does_not(alice: Scope, mode: str) -> None:
    """Across queries: the answer to one is above the best for another that nothing answers."""
    answered = alice.search("what does the cat eat?", k=1, mode=mode)[0].relevance
    stranger = alice.search("quantum chromodynamics on the lattice", k=1, mode=mode)
    assert [hit.relevance < answered / 2 for hit in stranger] == ([] if mode == "lexical" else [True])


def test_nothing_relevant_is_nothing_found(alice: Scope) -> None:
    """Above a least relevance a question that nothing answers has no hits, and one that is answered keeps its own."""
    assert alice.search("quantum chromodynamics on the lattice", min_relevance=0.1) == []
    assert [hit.text for hit in alice.search("which city did I move to?", min_relevance=0.1)][:1] == [
        "I moved from Berlin to Lisbon in May."
    ]


@pytest.mark.parametrize("wrong", [-0.1, 1.5, float("nan"), "high"])
def test_a_least_relevance_is_a_share(alice: Scope, wrong: object) -> None:
    """What is not from 0 to 1 is refused."""
    with pytest.raises(InvalidQuery, match="min_relevance"):
        alice.search("cat", min_relevance=wrong)  # type: ignore[arg-type]


words = st.lists(st.sampled_from(["fig", "mint", "rose", "the", "kayak"]), min_size=1, max_size=8).map(" ".join)


@given(texts=st.lists(words, min_size=1, max_size=6), query=words)
def test_no_score_is_above_the_ceiling(texts: list[str], query: str) -> None:
    """BM25 never gives a row more than what it says it could give."""
    import numpy as np

    from memgarden.lexical.analyzer import StandardAnalyzer
    from memgarden.lexical.bm25 import BM25
    from memgarden.protocols import LexicalRows

    analyzer, leg = StandardAnalyzer(), BM25()
    indexed = [analyzer.index(text) for text in texts]
    postings = np.concatenate([own for own, _ in indexed])
    lengths = np.array([length for _, length in indexed])
    leg.add(LexicalRows(postings, np.array([len(own) for own, _ in indexed]), lengths))
    ranking = leg.rank(analyzer.query(query), np.ones(len(texts), dtype=bool), 10)
    assert (ranking.score_of(np.arange(len(texts))) <= ranking.ceiling).all()
