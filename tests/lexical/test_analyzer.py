"""What becomes of a text: its terms, by table and by law."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgarden.errors import InvalidSetting, UnknownStrategy
from memgarden.lexical import LEGS
from memgarden.lexical.analyzer import StandardAnalyzer
from memgarden.lexical.bm25 import BM25
from memgarden.lexical.stopwords import STOP_LISTS
from memgarden.lexical.terms import Words
from memgarden.records import POSTING
from memgarden.registry import resolve

ENGLISH = StandardAnalyzer()
PLAIN = StandardAnalyzer(language=None, stop_words=None)


def terms(analyzer: StandardAnalyzer, text: str) -> set[int]:
    return set(analyzer.index(text)[0]["term"].tolist())


def asked(analyzer: StandardAnalyzer, text: str) -> set[int]:
    return set(analyzer.query(text)[0].tolist())


def weights(analyzer: StandardAnalyzer, text: str) -> dict[int, float]:
    return dict(zip(*(a.tolist() for a in analyzer.query(text)), strict=True))


def plain(*words: str) -> set[int]:
    """The terms of words without case, connectors or apostrophes."""
    return {term for word in words for term in asked(PLAIN, word)}


# text: parts, wholes
WORDS = {
    "Lisbon,": (["Lisbon"], []),
    "don't": (["not", "do"], []),
    "DON\u2019T": (["not", "DO"], []),
    "can't": (["not", "can"], []),
    "won't": (["not", "will"], []),
    "shan't": (["not", "shall"], []),
    "cannot": (["can", "not"], []),
    "didnt": (["did", "not"], []),
    "couldn't've": (["not", "could"], []),
    "Caroline's": (["Caroline"], []),
    "James'": (["James"], []),
    "we'll": (["we"], []),
    "I'd've": (["I"], []),
    "O'Brien": (["Brien"], ["OBrien"]),
    "l\u2019homme": (["homme"], ["lhomme"]),
    "'quoted'": (["quoted"], []),
    "snake_case": (["snake", "case"], ["snakecase"]),
    "__init__": (["init"], []),
    "camelCase": (["camel", "Case"], ["camelCase"]),
    "HTTPServer": (["HTTP", "Server"], ["HTTPServer"]),
    "getHTTPResponse": (["get", "HTTP", "Response"], ["getHTTPResponse"]),
    "PCs": (["PCs"], []),
    "mp3Player": (["mp3", "Player"], ["mp3Player"]),
    "kebab-case": (["kebab", "case"], ["kebabcase"]),
    "dotted.name": (["dotted", "name"], ["dottedname"]),
    "v1.2.3": (["v1", "2", "3"], ["v1.2.3", "1.2.3"]),
    "2023-05-08": (["2023", "05", "08"], ["2023-05-08"]),
    "10:30": (["10", "30"], ["10:30"]),
    "1,000": (["1000"], []),
    "$1,234,567.89": (["1234567.89"], []),
    "12,34": (["12", "34"], []),
    "3.5": (["3.5"], []),
    "3.5kg.": (["3.5kg"], []),
    "IL-2": (["IL", "2"], ["IL2"]),
    "jane.doe@example.com": (
        ["jane", "doe", "example", "com"],
        ["janedoeexamplecom", "janedoe", "examplecom"],
    ),
    "https://example.com/a": (
        ["https", "example", "com", "a"],
        ["httpsexamplecoma", "examplecom"],
    ),
    "/src/main.py": (["src", "main", "py"], ["srcmainpy", "mainpy"]),
    "C++": (["C"], ["C++"]),
    "C#,": (["C"], ["C#"]),
    ".NET": (["NET"], [".NET"]),
    "U.S.": (["US"], []),
    "\uff21\uff22\uff23": (["ABC"], []),
    "infor\u00admation": (["information"], []),
    "Foo\u2122": (["Foo"], []),
    "hi\U0001f600\U0001f44d\U0001f3fd": (["hi", "\U0001f600", "\U0001f44d"], []),
    "\u2764\ufe0f": (["\u2764"], []),
    "\U0001f1f5\U0001f1f9": (["\U0001f1f5\U0001f1f9"], []),
    "\u0939\u093f\u0928\u094d\u0926\u0940": (["\u0939\u093f\u0928\u094d\u0926\u0940"], []),  # Hindi, marks kept
    "\u0645\u064e\u0643\u062a\u0628": (["\u0645\u064e\u0643\u062a\u0628"], []),  # Arabic, marks kept
    "\u732b": (["\u732b"], []),
    "Python\u7f16\u7a0b\u8bed": (["Python", "\u7f16\u7a0b", "\u7a0b\u8bed"], []),
    "\u30e9\u30fc\u30e1\u30f3": (["\u30e9\u30fc", "\u30fc\u30e1", "\u30e1\u30f3"], []),
    "\ud55c\uad6d\uc5b4": (["\ud55c\uad6d", "\uad6d\uc5b4"], []),
    "\u0e01\u0e47\u0e14\u0e35": (["\u0e01\u0e47\u0e14\u0e35"], []),  # Thai: two characters, marks kept
    "\ud800": ([], []),
    "...": ([], []),
}


@pytest.mark.parametrize(("text", "expected"), WORDS.items(), ids=map(ascii, WORDS))
def test_a_piece_of_text_falls_into_these_words(text: str, expected: tuple[list[str], list[str]]) -> None:
    words = Words(text)
    assert (words.parts, words.wholes) == expected


@pytest.mark.parametrize(
    ("stored", "query"),
    [
        ("She works at IBM.", "ibm"),
        ("running shoes", "run"),
        ("the caf\u00e9", "cafe\u0301"),
        ("STRASSE", "stra\u00dfe"),
        ("Wi-Fi", "wifi"),
        ("WiFi", "wi-fi"),
        ("user_id", "userId"),
        ("user_id", "id"),
        ("see src/app/main.py", "main.py"),
        ("mail jane.doe@example.com", "example.com"),
        ("version v1.2.3", "1.2.3"),
        ("10,000 steps", "10000"),
        ("IL-2", "il2"),
        ("I live in the US", "U.S."),
        ("\u6211\u7684\u732b\u5f88\u53ef\u7231", "\u732b"),
        ("\u6211\u7684\u732b\u5f88\u53ef\u7231", "\u53ef\u7231"),
        ("\u0e09\u0e31\u0e19\u0e0a\u0e2d\u0e1a\u0e02\u0e49\u0e32\u0e27\u0e1c\u0e31\u0e14", "\u0e02\u0e49\u0e32\u0e27"),
        ("who are you", "WHO ARE YOU"),
        ("WHO ARE YOU", "who are you"),
    ],
)
def test_a_text_is_found_by_another_spelling_of_its_words(stored: str, query: str) -> None:
    assert asked(ENGLISH, query) & terms(ENGLISH, stored)


@pytest.mark.parametrize(
    ("stored", "query"),
    [
        ("version 1.2", "12"),
        ("3.5 litres", "35"),
        ("who will come", "willing"),
        ("C", "F#"),
        ("of us", "US economy"),
    ],
)
def test_a_text_is_not_found_by_what_only_looks_alike(stored: str, query: str) -> None:
    assert not asked(ENGLISH, query) & terms(ENGLISH, stored)


def test_stop_words_are_indexed_and_do_not_count_in_the_length() -> None:
    postings, length = ENGLISH.index("The cat sat on the mat")
    assert length == 3
    assert len(postings) == 5
    assert sorted(postings["count"].tolist()) == [1, 1, 1, 1, 2]


def test_stop_words_are_asked_only_where_there_is_nothing_else() -> None:
    assert asked(ENGLISH, "what is the cat") == asked(ENGLISH, "cat")
    assert len(asked(ENGLISH, "what is the")) == 3
    assert asked(ENGLISH, "what is the") <= terms(ENGLISH, "This is what the cat said")


def test_a_negation_is_never_a_stop_word_of_the_long_list() -> None:
    assert asked(ENGLISH, "she doesn't") == asked(ENGLISH, "not")


def test_a_query_weighs_each_term_by_how_often_it_occurs() -> None:
    assert sorted(weights(ENGLISH, "cats, cats and dogs").values()) == [1.0, 2.0]


def test_wholes_do_not_count_in_the_length() -> None:
    assert PLAIN.index("state-of-the-art")[1] == 4


def test_the_arrays_have_the_types_of_the_protocol() -> None:
    postings, _ = ENGLISH.index("one fish, two fish")
    found, weight = ENGLISH.query("one fish, two fish")
    assert (postings.dtype, found.dtype, weight.dtype) == (POSTING, np.uint64, np.float32)
    empty, length = ENGLISH.index("")
    assert (len(empty), length, len(ENGLISH.query(" ")[0])) == (0, 0, 0)


def test_the_name_tells_every_setting_apart() -> None:
    analyzers = [
        StandardAnalyzer(language, stop)
        for language in ("english", "german", None)
        for stop in ("long", "lucene", None, ["foo"], ["foo", "bar"])
    ]
    assert len({analyzer.name for analyzer in analyzers}) == len(analyzers)
    assert StandardAnalyzer(stop_words=["a", "b"]).name == StandardAnalyzer(stop_words=["B", "a", "a"]).name


def test_your_own_stop_words_are_folded_and_may_hold_any_character() -> None:
    analyzer = StandardAnalyzer(stop_words=["Foo", "\ud800"])
    assert asked(analyzer, "foo bar") == asked(analyzer, "bar")


def test_the_lists_are_what_they_are_said_to_be() -> None:
    assert len(STOP_LISTS["lucene"]) == 33
    assert 150 <= len(STOP_LISTS["long"]) <= 220
    assert not STOP_LISTS["long"] & {"not", "no", "never", "may", "like"}


@pytest.mark.parametrize("settings", [{"language": "klingon"}, {"stop_words": "short"}])
def test_an_unknown_name_is_refused_with_the_names_there_are(settings: dict[str, str]) -> None:
    with pytest.raises(UnknownStrategy, match=r"use one of .*(english|lucene)") as caught:
        StandardAnalyzer(**settings)
    assert isinstance(caught.value, InvalidSetting)


def test_the_language_decides_the_stem() -> None:
    german = StandardAnalyzer("german", None)
    assert terms(german, "H\u00e4user") == terms(german, "h\u00e4usern")
    assert terms(ENGLISH, "houses") == terms(ENGLISH, "house")
    assert terms(PLAIN, "houses") != terms(PLAIN, "house")


def test_registry_names_lead_to_the_classes() -> None:
    assert resolve("leg", LEGS, "bm25") is BM25


TEXTS = st.one_of(
    st.text(),
    st.text(st.characters(codec=None, exclude_categories=())),
    st.text("aB1 .,'-_/:@#+\u2019\u0301\u7532\u4e59\u0e01\u0e31\U0001f600", max_size=60),
)


@given(TEXTS)
def test_every_word_of_a_text_asked_alone_finds_that_text(text: str) -> None:
    stored = terms(ENGLISH, text)
    for piece in text.split():
        assert asked(ENGLISH, piece) <= stored
        assert bool(asked(ENGLISH, piece)) == bool(terms(ENGLISH, piece))


@given(st.lists(st.from_regex(r"[a-z]{2,8}", fullmatch=True), min_size=1, max_size=6), st.sampled_from("-_./@:"))
def test_every_part_of_an_identifier_finds_it(parts: list[str], glue: str) -> None:
    stored = terms(ENGLISH, glue.join(parts))
    assert all(asked(ENGLISH, part) <= stored for part in parts)
    assert asked(PLAIN, "".join(parts)) & terms(PLAIN, glue.join(parts)) or len(parts) == 1 or _splits(parts)


def _splits(parts: list[str]) -> bool:
    """Whether the parts put together read as a negation (`didnt`), which has no term of its own."""
    return len(Words("".join(parts)).parts) > 1


@given(TEXTS, TEXTS)
def test_the_terms_of_two_texts_are_those_of_each(left: str, right: str) -> None:
    assert terms(ENGLISH, f"{left} {right}") == terms(ENGLISH, left) | terms(ENGLISH, right)
    assert ENGLISH.index(f"{left} {right}")[1] == ENGLISH.index(left)[1] + ENGLISH.index(right)[1]


@given(TEXTS)
def test_a_fresh_analyzer_gives_the_same_terms(text: str) -> None:
    assert np.array_equal(StandardAnalyzer().index(text)[0], ENGLISH.index(text)[0])


def test_threads_that_share_an_analyzer_get_what_one_alone_gets() -> None:
    texts = [f"running{i} houses{i % 7} connections{i % 11} relational{i}" for i in range(2000)]
    alone = StandardAnalyzer()
    expected = [alone.index(text)[0].tobytes() for text in texts]
    shared = StandardAnalyzer()
    with ThreadPoolExecutor(8) as pool:
        rounds = pool.map(lambda _: [shared.index(text)[0].tobytes() for text in texts], range(8))
    assert all(found == expected for found in rounds)


@pytest.mark.parametrize(
    "unit",
    [
        *["a.", "_", "'", "a'", "x's", "n't", "a_", "a#", "a+", "a/", "aB", "1,000", "1.", "+", "://a", ".a"],
        *["\u0300\u0316", "\u7532", "\u2019", "a\u0301.", "\U0001f600", "\U0001f1f5"],
    ],
    ids=ascii,
)
def test_a_megabyte_of_anything_takes_seconds(unit: str) -> None:
    text = "a" + unit * (1_000_000 // len(unit))
    start = time.thread_time()
    ENGLISH.index(text)
    assert time.thread_time() - start < 15  # 2 at most on an idle core; a quadratic expression would take minutes
