"""What every expander must keep: it adds texts to a question, and can bring in nothing that a search may not find."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgarden import Garden, Hit, InvalidSetting, Memory, UnknownStrategy
from memgarden.expand import EXPANDERS
from memgarden.expand.choice import choose
from memgarden.lexical.analyzer import StandardAnalyzer
from memgarden.protocols import ExpanderTools
from memgarden.retrieve.expansion import expanded

ANALYZER = StandardAnalyzer()
SETTINGS = [*EXPANDERS, "prf:3"]
ODD = [
    "",
    "?!",
    "\x00",
    "\ud800 lone",
    "😀",
    "東京に住んでいます",
    "to be or not",
    "what is",
    "who?",
    "x" * 300,
    '"quoted"',
]
texts = st.one_of(st.sampled_from(ODD), st.text(max_size=30), st.sampled_from(["where is my olive tree?", "fig tree"]))


def hits(found: Sequence[tuple[str, float]]) -> list[Hit]:
    return [Hit(Memory(text, id=str(n)), 0.0, 0, len(text), (), relevance) for n, (text, relevance) in enumerate(found)]


@pytest.mark.parametrize("setting", SETTINGS)
@settings(max_examples=100)
@given(query=texts, found=st.lists(st.tuples(texts, st.floats(0, 1)), max_size=12))
def test_phrasings_are_the_question_and_others(setting: str, query: str, found: list[tuple[str, float]]) -> None:
    """The question first, no text twice, none empty, few; the same each time."""
    tools = ExpanderTools(ANALYZER, lambda count: hits(found[:count]))
    asked = expanded(query, choose(setting, tools))
    assert asked[0] == query and len(asked) <= 5
    assert all(text.strip() for text in asked[1:])
    assert len({" ".join(text.casefold().split()) for text in asked}) == len(asked)
    assert expanded(query, choose(setting, tools)) == asked


@pytest.mark.parametrize("setting", [*SETTINGS, lambda query: ["olive", "tree of bob", "old"]])
@settings(max_examples=12)
@given(query=st.sampled_from(["where is the olive tree?", "olive", 'who has "olive"?', "fig"]), data=st.data())
def test_what_a_search_may_not_find_no_expander_brings_in(
    setting: object, query: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Neither what has expired, nor what a filter or a phrase leaves out, nor what is another's; nor their words."""
    now = datetime.now(UTC)
    words = st.lists(st.sampled_from(["olive", "fig", "tree", "oil"]), min_size=1, max_size=4).map(" ".join)
    with Garden.open(tmp_path_factory.mktemp("g"), embedder="hashing:32", chroma=None) as garden:
        alice = garden.scope("alice")
        garden.scope("bob").add("olive tree of bob, bobword", id="bob")
        old = {"created_at": now - timedelta(days=2), "expires_at": now - timedelta(days=1)}
        alice.add("olive tree expiredword", id="expired", metadata={"topic": "tree"}, **old)  # type: ignore[arg-type]
        alice.add("olive tree filteredword", id="filtered", metadata={"topic": "other"})
        shown = data.draw(st.lists(words, min_size=1, max_size=12))
        alice.add_many([Memory(text, id=str(n), metadata={"topic": "tree"}) for n, text in enumerate(shown)])
        found = alice.search(query, k=50, where={"topic": "tree"}, expander=setting)  # type: ignore[arg-type]
        expected = {str(n) for n, text in enumerate(shown) if '"' not in query or "olive" in text.split()}
        assert {hit.id for hit in found} == expected
        for hit in found:
            asked = " ".join(hit.phrasings)
            assert not any(word in asked for word in ("bobword", "expiredword", "filteredword"))
            assert hit.score == pytest.approx(sum(leg.share for leg in hit.legs), abs=1e-4)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("mode", ["hybrid", "lexical", "dense"])
def test_an_empty_scope_and_a_tiny_one_are_no_errors(garden: Garden, setting: str, mode: str) -> None:
    """In any mode."""
    scope = garden.scope("alice")
    assert scope.search("where is the olive?", expander=setting, mode=mode) == []  # type: ignore[arg-type]
    scope.add("olive", id="0")
    for query in ("where is the olive?", "?!"):
        found = scope.search(query, expander=setting, mode=mode)  # type: ignore[arg-type]
        assert [hit.id for hit in found] == ([] if mode == "lexical" and query == "?!" else ["0"])


@pytest.mark.parametrize("setting", SETTINGS)
def test_threads_get_the_same_answers(garden: Garden, setting: str) -> None:
    """Eight at once."""
    scope = garden.scope("alice")
    scope.add_many([Memory(f"olive {n} and fig {n % 7}", id=str(n)) for n in range(30)])
    queries = ["where is olive 3?", "fig 5", "what has olive and fig", "7"] * 4

    def ask(query: str) -> list[str]:
        return [hit.id for hit in scope.search(query, expander=setting)]

    expected = [ask(query) for query in queries]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, queries)) == expected


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (3, "an expander is a name, a callable or several of them, not 3"),
        (["prf", 3], "not 3"),
        ("best", "unknown expander 'best': use one of prf, templates"),
        ("prf:0", "1 to 100, as in 'prf:20', not '0'"),
        ("prf:many", "as in 'prf:20'"),
        ("templates:x", "write expander='templates', not 'templates:x'"),
        (None, "not None"),
    ],
)
def test_expanders_that_there_are_not_are_refused(open_garden: Callable[..., Garden], wrong: object, said: str) -> None:
    """With what there is."""
    with pytest.raises(InvalidSetting, match=said) as refused:
        open_garden().scope("alice").search("olive", expander=wrong)  # type: ignore[arg-type]
    assert isinstance(refused.value, UnknownStrategy) == (wrong == "best")
