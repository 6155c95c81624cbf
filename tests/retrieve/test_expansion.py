"""A question asked in several ways: one list, explained, and errors that name who was wrong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from memgarden import ExpanderFailed, Garden, InvalidQuery, Memory, Scope, Shortlist

TEXTS = ["My garden has an olive.", "A fig tree stands there.", "We sell plum cake.", "The bakery opens at six."]


@pytest.fixture
def scope(garden: Garden) -> Scope:
    scope = garden.scope("alice")
    scope.add_many([Memory(text, id=str(n)) for n, text in enumerate(TEXTS)])
    return scope


def test_expansion_finds_what_the_question_alone_does_not(scope: Scope) -> None:
    """Its texts are asked too, and the question's own answers stay on top of theirs."""
    assert [hit.id for hit in scope.search("olive", mode="lexical")] == ["0"]
    found = scope.search("olive", mode="lexical", expander=lambda query: ["fig", "plum"])
    assert found[0].id == "0" and {hit.id for hit in found} == {"0", "1", "2"}


def test_feedback_finds_what_shares_words_with_the_best(scope: Scope) -> None:
    """`prf` asks the words of the best hits too."""
    scope.add("The olive oil press is in Evora.", id="oil")
    scope.add("Evora has a Roman temple.", id="temple")
    assert "temple" not in {hit.id for hit in scope.search("olive oil", mode="lexical")}
    found = scope.search("olive oil", mode="lexical", expander="prf")
    assert "temple" in {hit.id for hit in found}
    assert found[0].phrasings[1].startswith("olive oil ") and found[0].phrasings[1].count("olive") == 1


def test_hits_say_which_phrasing_found_them(scope: Scope) -> None:
    """Each has legs of its own, numbered from the second on; the shares of all sum to the score."""
    for fusion in ("zscore", "rrf", "weighted"):
        hit = scope.search("fig", expander=lambda query: ["tree there"], fusion=fusion)[0]
        assert [leg.leg for leg in hit.legs] == [
            *("lexical", "dense", "lexical 2", "dense 2"),
            *(() if fusion == "rrf" else ("cluster",)),
        ]
        assert hit.score == pytest.approx(sum(leg.share for leg in hit.legs), abs=1e-5)
        assert hit.phrasings == ("fig", "tree there")
        assert "  lexical 2 " in hit.explain() and hit.explain().endswith("  1: fig\n  2: tree there")
    assert scope.search("fig")[0].phrasings == () and "1: fig" not in scope.search("fig")[0].explain()


def test_an_expander_that_has_nothing_to_say_changes_nothing(scope: Scope) -> None:
    """Neither order nor scores; and a text that is the question again is none."""
    plain = scope.search("fig tree")
    for say in ([], ["fig tree"], [" FIG  tree "]):
        assert scope.search("fig tree", expander=lambda query, say=say: say) == plain
    assert scope.search("fig tree", expander=()) == plain


def test_the_question_keeps_half_of_the_weight(scope: Scope) -> None:
    """By reciprocal ranks one can see it: its legs' first ranks give as much as those of all other texts."""
    found = scope.search("fig", expander=lambda query: ["fig tree", "tree fig there"], fusion="rrf", k=1)[0]
    shares = {leg.leg: leg.share for leg in found.legs if leg.rank == 1}
    assert shares["lexical"] == pytest.approx(2 * shares["lexical 2"], rel=1e-5)
    assert shares["lexical 2"] == pytest.approx(shares["lexical 3"], rel=1e-5)


def test_alpha_is_the_weight_of_each_phrasings_dense_leg(scope: Scope) -> None:
    """As it is of one: the legs of the question and of its other texts stand in the same proportion."""
    found = scope.search("fig", expander=lambda query: ["fig tree"], fusion="rrf", alpha=0.8, k=1)[0]
    shares = {leg.leg: leg.share * (60 + (leg.rank or 0)) for leg in found.legs if leg.leg != "cluster"}
    assert shares == pytest.approx({"lexical": 0.1, "dense": 0.4, "lexical 2": 0.1, "dense 2": 0.4}, rel=1e-4)


def test_several_phrasings_have_one_answer(scope: Scope) -> None:
    """`multi_query`, in which each counts alike; of one phrasing it is a search."""
    assert scope.multi_query(["fig tree"]) == scope.search("fig tree")
    found = scope.multi_query(["olive", "plum"], mode="lexical")
    assert {hit.id for hit in found} == {"0", "2"} and found[0].phrasings == ("olive", "plum")
    assert len(scope.multi_query(["olive", "plum"], k=1)) == 1
    forth, back = scope.multi_query(["olive", "plum", "fig"]), scope.multi_query(["fig", "olive", "plum"])
    assert {hit.id: round(hit.score, 4) for hit in forth} == {hit.id: round(hit.score, 4) for hit in back}


def test_phrasings_take_vectors_of_their_own(garden: Garden, scope: Scope) -> None:
    """One a phrasing; and what an expander adds is embedded beside a vector that was given."""
    vectors = garden.embedder.embed(["olive", "plum"], query=True)
    given = scope.multi_query(["a", "b"], vectors=vectors, embedder=garden.embedder.name, mode="dense")
    assert [hit.id for hit in given] == [hit.id for hit in scope.multi_query(["olive", "plum"], mode="dense")]
    found = scope.search("x", vector=vectors[0], embedder=garden.embedder.name, expander=lambda query: ["plum"])
    assert {hit.id for hit in found[:2]} == {"0", "2"}
    assert scope.search("", vector=vectors[0], embedder=garden.embedder.name, expander="prf")


def test_rerankers_are_given_the_question(scope: Scope) -> None:
    """And not what was made of it."""
    seen: list[Shortlist] = []

    def look(shortlist: Shortlist) -> list[int]:
        seen.append(shortlist)
        return [0] * len(shortlist.hits)

    scope.search("olive", expander=lambda query: ["fig"], reranker=look)
    assert seen[0].query == seen[0].topic == "olive"


def test_relevance_is_that_to_the_best_phrasing(scope: Scope) -> None:
    """What an expansion found is not cut for being far from the question's words."""
    plain = {hit.id: hit.relevance for hit in scope.search("olive")}
    found = {hit.id: hit.relevance for hit in scope.search("olive", expander=lambda query: [TEXTS[2]])}
    assert found["2"] > plain["2"] + 0.3 and all(found[id] >= plain[id] for id in plain)


def test_an_expander_may_search_the_scope_itself(scope: Scope) -> None:
    """The index is not locked while expanders work."""
    found = scope.search("olive", expander=lambda query: [hit.text for hit in scope.search(query, k=1)])
    assert found[0].id == "0" and found[0].phrasings == ("olive", TEXTS[0])


def test_several_questions_are_expanded_one_by_one(scope: Scope) -> None:
    """Each answer is that of a search for it alone."""
    queries = ["where is the olive?", "fig"]
    found = scope.search_many(queries, expander=["templates", "prf"])
    for hits, query in zip(found, queries, strict=True):
        alone = scope.search(query, expander=["templates", "prf"])
        assert [hit.id for hit in hits] == [hit.id for hit in alone] and hits[0].phrasings == alone[0].phrasings
        assert np.allclose([hit.score for hit in hits], [hit.score for hit in alone], atol=1e-5)


def raises(query: str) -> list[str]:
    raise KeyError("no model")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (raises, "the expander 'raises' failed: KeyError: 'no model'"),
        (lambda query: query, r"gave one string, 'olive': give several"),
        (lambda query: [""], "gave '': give strings with something in them"),
        (lambda query: [3], "gave 3: give strings"),
        (lambda query: None, "failed: TypeError"),
        (lambda query: map(str, range(40)), "gave 40 phrasings, each of which is a search: give 31 at most"),
    ],
)
def test_an_expander_that_is_wrong_is_named_and_told_why(
    scope: Scope, wrong: Callable[[str], list[str]], said: str
) -> None:
    """And the next search goes on as if nothing had been."""
    with pytest.raises(ExpanderFailed, match=said):
        scope.search("olive", expander=wrong)
    assert scope.search("olive")


@pytest.mark.parametrize("wrong", ["olive", [], ["x"] * 33, [""], [3]])
def test_phrasings_that_are_none_are_refused(scope: Scope, wrong: object) -> None:
    """They are 1 to 32 texts."""
    with pytest.raises(InvalidQuery):
        scope.multi_query(wrong)  # type: ignore[arg-type]
