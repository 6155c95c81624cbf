"""What a query quotes, the text of every hit holds; and all that hold it are found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from memgarden import Garden, InvalidQuery, Memory, Scope
from memgarden.lexical.analyzer import StandardAnalyzer
from memgarden.retrieve.phrases import Phrase, quoted


@pytest.fixture
def scope(garden: Garden) -> Scope:
    scope = garden.scope("alice")
    texts = ["She painted the Blue  Door.", "The door was blue.", "the blue doors", "A blue house with the door", "sky"]
    scope.add_many([Memory(text, id=str(n)) for n, text in enumerate(texts)])
    return scope


def ids(scope: Scope, query: str, **options: Any) -> set[str]:
    return {hit.id for hit in scope.search(query, **options)}


@pytest.mark.parametrize("mode", ["hybrid", "lexical", "dense"])
@pytest.mark.parametrize("quotes", ['"{}"', "“{}”", "”{}“", "”{}”"])
def test_every_hit_holds_the_phrase(scope: Scope, mode: str, quotes: str) -> None:
    """In every mode, in straight quotes and curly ones, whatever the case and the width of spaces."""
    assert ids(scope, f"who painted {quotes.format('the blue door')}?", mode=mode) == {"0"}
    assert ids(scope, quotes.format("THE   DOOR"), mode=mode) == {"1", "3"}


@pytest.mark.parametrize("mode", ["hybrid", "lexical", "dense"])
def test_a_phrase_that_nothing_holds_finds_nothing(scope: Scope, mode: str) -> None:
    """However similar the rest is."""
    assert ids(scope, 'sky "door blue"', mode=mode) == set()


def test_all_phrases_hold(scope: Scope) -> None:
    """Two are two conditions."""
    assert ids(scope, '"the door" and "blue house"') == {"3"}
    assert ids(scope, '"the door" and "the blue"') == set()


def test_phrases_can_be_switched_off(scope: Scope) -> None:
    """Then quotes are punctuation."""
    assert ids(scope, 'sky "door blue"', phrases=False) == set("01234")
    with pytest.raises(InvalidQuery, match="phrases is True or False, not 'no'"):
        scope.search("sky", phrases="no")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('the "blue door', []),  # without an end
        ('blue door"', []),
        ('a 27" screen and a 32" one', []),  # inches
        ("the 'blue door'", []),
        ("it's Ann's door", []),
        ('""', []),
        ('" "', []),
        ('"a" and "b" and "A"', ["a", "b"]),
        ('say "yes". Or "no", please', ["yes", "no"]),
        ("“a b” „c“", ["a b"]),
        ('"?!"', ["?!"]),
    ],
)
def test_what_is_a_phrase(query: str, expected: list[str]) -> None:
    """What stands between two double quotes and is not empty; inches, apostrophes and lone quotes make none."""
    assert [phrase.text for phrase in quoted(query)] == expected


def test_a_phrase_without_a_word_is_looked_for_in_every_text(garden: Garden) -> None:
    """There is nothing to narrow the search by, and the condition holds all the same."""
    scope = garden.scope("alice")
    scope.add_many([Memory(text, id=text) for text in ["what?!", "what? !", "to be or not", "C++ rocks", "C rocks"]])
    assert ids(scope, 'say "?!"') == {"what?!"}
    assert ids(scope, 'say "to be or"') == {"to be or not"}
    assert ids(scope, '"c++" x') == {"C++ rocks"}


@pytest.mark.parametrize(
    ("phrase", "text", "expected"),
    [
        ("the art", "the art.", True),
        ("the art", "the artist", False),
        ("art", "smart", False),
        ("art", "state_of_art", False),
        ("Mia", "Mia's tuna", True),
        ("won", "They won't", False),
        ("don’t", "don't", True),
        ("homme", "l'homme", True),
        ("cafe\u0301", "CAF\u00c9", True),
        ("strasse", "Straße", True),
        ("state of the art", "state-of-the-art", False),
        ("a\nb", "a   b", True),
        ("東京", "私は東京に住む", True),
        ("Python", "私はPythonが好き", True),
        ("東京", "東 京", False),
        ("WiFi", "wifi", True),
        (".", "end.", True),
        ("3.5", "13.5", False),
    ],
)
def test_when_a_text_holds_a_phrase(phrase: str, text: str, expected: bool, garden: Garden) -> None:
    """It begins and ends where words do; case and forms of one letter make no difference, punctuation does."""
    assert Phrase(phrase).is_in(text) is expected
    garden.scope("alice").add(text)
    assert bool(garden.scope("alice").search(f'"{phrase}"', mode="dense")) is expected


def test_k_hits_are_found_however_many_others_rank_higher(garden: Garden) -> None:
    """The condition comes before the ranking: it is no filter on the best."""
    scope = garden.scope("alice")
    scope.add_many([Memory("door door blue", id=f"x{n}") for n in range(400)])
    scope.add_many([Memory(f"something else, a blue door and {'more ' * 40} {n}", id=str(n)) for n in range(7)])
    assert ids(scope, 'door door blue "blue door"', k=7) == set("0123456")
    assert len(scope.search('"door" door', k=200)) == 200


def test_a_long_memory_is_found_wherever_it_holds_the_phrase(open_garden: Callable[..., Garden]) -> None:
    """The hit is a chunk that holds it; where it lies across the end of a chunk the memory is found all the same."""
    scope = open_garden(chunk_size=16, chunk_overlap=0).scope("alice")
    words = [f"word{chr(97 + n // 26)}{chr(97 + n % 26)}x" for n in range(200)]
    scope.add(" ".join(words), id="long", kind="plain")
    scope.add("nothing of it", id="short")
    assert len(scope.chunks("long")) > 5
    for first, second in pairwise(words):
        (hit,) = scope.search(f'nothing "{first} {second}"')
        inside = any(f"{first} {second}" in chunk.text for chunk in scope.chunks("long"))
        assert hit.id == "long" and (f"{first} {second}" in hit.text or not inside)


def test_the_hit_is_a_chunk_that_holds_the_phrase(open_garden: Callable[..., Garden]) -> None:
    """Though another chunk of the memory fits the rest of the query better."""
    scope = open_garden(chunk_size=16, chunk_overlap=0).scope("alice")
    filler = " ".join(["So it went on and on, day after day, without an end."] * 3)
    scope.add(f"The blue door was shut. {filler} Olive, olive and olive tree.", id="long", kind="prose")
    assert "blue door" not in scope.search("olive olive tree")[0].text
    assert "blue door" in scope.search('olive olive tree "blue door"')[0].text


def test_each_answer_of_several_has_its_own_phrases(scope: Scope) -> None:
    """And `multi_query` has those of all its phrasings."""
    found = scope.search_many(['"the door"', "door", '"blue door"'])
    assert [{hit.id for hit in hits} for hits in found] == [{"1", "3"}, set("01234"), {"0"}]
    assert {hit.id for hit in scope.multi_query(["door", '"blue house"', '"the door"'])} == {"3"}
    assert scope.multi_query(['"blue house"', '"sky"']) == []


def test_a_changed_memory_is_found_by_what_it_says_now(scope: Scope) -> None:
    """In a warm index."""
    assert ids(scope, '"blue door"') == {"0"}
    scope.update("0", text="grey")
    scope.update("4", text="a blue door")
    assert ids(scope, '"blue door"') == {"4"}


ALPHABET = ["fig", "Fig", "FIG", "the", "The", "will", "WIll", "don't", "dont", "WiFi", "wifi", "O'Brien", "brien"]
ALPHABET += [
    "snake_case",
    "case",
    "state-of-the-art",
    "art",
    "1.2",
    "2023-05-07",
    "C++",
    "won",
    "won’t",
    "été",
    "E\u0301TE",
]
ALPHABET += [
    "東京",
    "京に",
    "に",
    "人工知能",
    "ทดสอบ",
    "नमस्ते",
    "ﬁg",
    "Straße",
    "STRASSE",
    "?",
    "...",
    "(fig)",
    "fig,",
    "U.S.",
    "US",
]
ALPHABET += [
    "who@fig.com",
    "http://fig.com/art",
    "we'll",
    "ll",
    "\u00ad",
    "fi\u00adg",
    "™",
    "fig™",
    "can",
    "cannot",
    "CanNot",
]
ANALYZER = StandardAnalyzer()
words = st.sampled_from(ALPHABET)
joined = st.tuples(st.lists(words, min_size=1, max_size=5), st.sampled_from([" ", " ", "  ", "\n", "", "-", "'"])).map(
    lambda parts: parts[1].join(parts[0])
)


@settings(max_examples=500)
@given(before=joined, phrase=joined, after=joined, case=st.sampled_from([str, str.upper, str.title]))
@example(before="", phrase="will", after="", case=lambda text: "WIll")
@example(before="", phrase="dont", after="", case=lambda text: "dOnT")
@example(before="", phrase="won", after="'t", case=str)
@example(before="", phrase="本", after="日", case=str)
def test_what_holds_a_phrase_holds_its_terms(before: str, phrase: str, after: str, case: Callable[[str], str]) -> None:
    """However it is written and whatever stands around it: the texts that are not read cannot hold it."""
    text = before + case(phrase) + after
    if not Phrase(phrase).text or not Phrase(phrase).is_in(text):
        return  # not `assume`: what stands around a phrase often makes other words of its ends
    held = set(ANALYZER.index(text)[0]["term"].tolist())
    for terms in Phrase(phrase).terms([ANALYZER]):
        assert held & set(terms.tolist())


@settings(max_examples=40)
@given(texts=st.lists(joined, min_size=1, max_size=8), phrase=joined, narrow=st.booleans())
def test_a_memory_is_found_if_and_only_if_its_text_holds_the_phrase(
    texts: list[str], phrase: str, narrow: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever is written, what the postings rule out does not hold it; filter, expiry and scope stay as they are."""
    assume(Phrase(phrase).text)
    old = datetime.now(UTC) - timedelta(days=1)
    with Garden.open(tmp_path_factory.mktemp("g"), embedder="hashing:16", chroma=None) as garden:
        scope = garden.scope("alice")
        garden.scope("bob").add(phrase, id="bob")
        scope.add_many([Memory(text, id=str(n), tags=["ab"[n % 2]]) for n, text in enumerate(texts) if text.strip()])
        scope.add(phrase, id="gone", created_at=old, expires_at=old + timedelta(hours=1), tags=["a"])
        where = {"tags": "a"} if narrow else None
        expected = {
            str(n)
            for n, text in enumerate(texts)
            if text.strip() and Phrase(phrase).is_in(text) and not (narrow and n % 2)
        }
        for mode in ("dense", "hybrid"):
            assert ids(scope, f'x "{phrase}"', k=20, where=where, mode=mode) == expected
