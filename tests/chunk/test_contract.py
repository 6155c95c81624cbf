"""What holds of every chunker, whatever the text is."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgarden import InvalidSetting
from memgarden.chunk import CHUNKERS
from memgarden.chunk.cutter import Cutter
from memgarden.embed.wordpiece import count, load_tokenizer
from memgarden.registry import resolve

KINDS = [*sorted(CHUNKERS), "note"]  # the last is no chunker's name: the text is looked at


def count_words(text: str) -> int:
    """Words, and every other sign by itself: what a word tokenizer counts."""
    return len(re.findall(r"\w+|[^\w\s]", text))


def count_quarters(text: str) -> int:
    """Four letters of a word a token: a whole may count for less than its parts."""
    return sum(-(-len(word) // 4) for word in text.split())


def count_bytes(text: str) -> int:
    """Three bytes a token, rounded down: a whole may count for more than its parts."""
    return len(text.encode("utf-8", "surrogatepass")) // 3


TOKENIZER = load_tokenizer()


def count_pieces(text: str) -> int:
    """The default model's tokens: a word of more than a hundred letters is one, and its parts are many."""
    return count(TOKENIZER, text)


COUNTS = [count_words, count_quarters, count_bytes, count_pieces]
Count = Callable[[str], int]


def make_cutter(size: int, counter: Count = count_words) -> Cutter:
    """A cutter as a garden has it, whose chunkers choose their own overlap."""
    return Cutter(size, counter, lambda name: resolve("chunker", CHUNKERS, name)(size, None, counter))


PIECES = [
    *(
        "word ",
        "A sentence here. ",
        "Is it? ",
        "one, two; three: ",
        "\n",
        "\n\n",
        "\r\n",
        "\r\n\r\n",
        "\r",
        "   ",
        "\t",
    ),
    *("# Title\n", "## Part\r\n\r\n", "Underlined\n===\n\n", "---\n", "- item\n", "| a | b |\n", "    indented\n"),
    *("```python\n", "```\n", "~~~~\n", "def f(x):\n    return x\n\n", "class A:\n    def g(self):\n        pass\n"),
    *("@mark\n", "# comment\n", "func main() {\n", "}\n", "package main\n", "#include <a>\n", "const f = () => {\n"),
    *("Ann: hello\n", "Bob: yes\n", "[2024-05-01 10:00] Ann: hi\n", "[2024-05-02 10:00] Bob: ho\n", "Session 2\n"),
    *(
        "文章です。",
        "漢字" * 20,
        "x" * 50,
        "🧑‍🚀🧑‍🚀",
        "e\u0301",
        "\ud83d",
        "\udc00",
        "\0",
        "\u2028",
        "…",
        "'''",
        '"""',
        "\f",
    ),
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=80).map("".join)


@settings(max_examples=400)
@given(text=TEXTS, size=st.integers(16, 60), kind=st.sampled_from(KINDS), counter=st.sampled_from(COUNTS))
def test_no_word_is_lost_and_no_chunk_is_too_large(text: str, size: int, kind: str, counter: Count) -> None:
    """Chunks are in order, hold every word whole that half a chunk can hold, and none is above the window.

    They are the same each time.
    """
    spans = make_cutter(size, counter).cut(text, kind)
    assert all(counter(text[start:end]) <= size for start, end in spans)
    assert all(a[0] <= b[0] and a[1] <= b[1] for a, b in pairwise(spans))
    covered = 0
    for start, end in spans:
        assert 0 <= start < end <= len(text) or not text
        assert not text[covered:start].strip()
        covered = end
    assert not text[covered:].strip()
    ends = iter([*spans, (len(text), len(text))])
    start, end = next(ends)
    for word in re.finditer(r"\w+", text):
        while end < word.end() and end < len(text):
            start, end = next(ends)
        if counter(word[0]) <= size // 2:
            assert start <= word.start() and word.end() <= end, word
    assert make_cutter(size, counter).cut(text, kind) == spans


@given(text=TEXTS, size=st.integers(16, 60), kind=st.sampled_from(KINDS), counter=st.sampled_from(COUNTS))
def test_what_is_read_is_the_chunk_below_headings_and_fits(text: str, size: int, kind: str, counter: Count) -> None:
    """The embedder cuts nothing off, and every word of the chunk is in it."""
    cutter = make_cutter(size, counter)
    spans = cutter.cut(text, kind)
    read = cutter.read(text, kind, spans)
    for (start, end), whole in zip(spans, read, strict=True):
        assert counter(whole) <= size
        assert whole == text[start:end] or whole.endswith(f"\n{text[start:end]}")


def test_a_title_stands_above_the_chunks_that_do_not_begin_with_it() -> None:
    """Outside the headings, unless it is one of them; and alone above a text of one chunk."""
    cutter = make_cutter(60)
    text = f"Bees\n\n{'word ' * 60}"
    spans = [(0, 100), (100, len(text))]
    assert cutter.read(text, "prose", spans, "Bees") == [text[:100], f"Bees\n{text[100:]}"]
    assert cutter.read("They swarm.", "prose", [(0, 11)], "Bees") == ["Bees\nThey swarm."]
    marked = f"# Bees\n\n## Queens\n\n{'word ' * 60}"
    spans = [(0, 120), (120, len(marked))]
    for title, path in (("Bees", "Bees > Queens"), ("Hives", "Hives > Bees > Queens")):
        assert cutter.read(marked, "technical", spans, title)[1] == f"{path}\n{marked[120:]}"


def test_headings_are_left_out_where_there_is_no_room_for_them() -> None:
    """The outer ones first, and never a word of the chunk."""
    outer = ("outer " * 12).strip()
    text = f"# {outer}\n\n## Inner\n\n{'word ' * 90}"
    spans = [(len(text) - 5 * words, len(text)) for words in (40, 39, 27, 26)]
    chunks = [text[start:end] for start, end in spans]
    above = ["", "Inner\n", "Inner\n", f"{outer} > Inner\n"]  # the mark between the titles is a token, too
    assert make_cutter(40).read(text, "technical", spans) == [a + b for a, b in zip(above, chunks, strict=True)]


@pytest.mark.parametrize("kind", sorted({*KINDS} - {"summary"}))
@pytest.mark.parametrize(
    "text",
    [
        *(
            "x",
            " ",
            "\n\n",
            "🌱",
            "\0",
            "\ud83d",
            "def f(): pass",
            "# Title",
            "```",
            "Ann: hi\nBob: ho\nAnn: ha\nBob: hm",
        ),
        "# One\n\nFew words.\n\n# Two\n\n```\ncode\n```\n\n--- Session 2 ---\n",
    ],
)
def test_a_short_text_is_one_chunk(text: str, kind: str) -> None:
    """Of any kind but one, with whatever headings and sessions."""
    assert list(make_cutter(40).cut(text, kind)) == [(0, len(text))]


def test_a_summary_is_cut_line_by_line_however_short() -> None:
    """Each line tells of another memory, and is found for itself."""
    cut = make_cutter(40).cut
    text = "\n[2024] One.\n\n  Two.\nThree\n\n"
    assert [text[start:end].strip() for start, end in cut(text, "summary")] == ["[2024] One.", "Two.", "Three"]
    assert list(cut("x", "summary")) == [(0, 1)] and list(cut(" \n", "summary")) == [(0, 2)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("text", "counter"),
    [
        ("x" * 50_000, count_bytes),
        ("文" * 50_000, count_bytes),
        ("🧑‍🚀" * 5_000, count_bytes),
        ("\0" * 50_000, count_bytes),
        ("\ud83d" * 5_000, count_bytes),
        (" " * 50_000 + "end " * 100, count_words),
        ("\n" * 50_000 + "end " * 100, count_words),
        ("(" * 5_000, count_words),
        ("```\n" + "line of code\n" * 2_000, count_words),
        ("# " * 5_000, count_words),
        ("#" * 50_000 + "end " * 100, count_words),
        ("Ann: " * 5_000, count_words),
        ("if x:\n" + "".join(f"elif x == {n}:\n    y = {n}\n" for n in range(2_000)), count_words),
        ("[" * 3_000 + "]" * 3_000, count_words),
        ("- " * 5_000, count_words),
        ("---\n" * 5_000, count_words),
        ("word\r\n" * 5_000, count_words),
        ("x" * 50_000 + " and more of it" * 300, count_pieces),
        ("https://example.com/" + "a-b_c/" * 3_000, count_pieces),
    ],
)
def test_large_odd_texts_are_cut_too(text: str, counter: Count, kind: str) -> None:
    """One word of 50,000 letters, nothing but blanks, brackets, rulers or marks: the chunks fit and cover all."""
    spans = make_cutter(256, counter).cut(text, kind)
    assert all(counter(text[start:end]) <= 256 for start, end in spans)
    assert spans[-1][1] == len(text) and all(b[0] <= a[1] for a, b in pairwise(spans))


@pytest.mark.parametrize(
    ("spans", "says"),
    [
        ([(0, 5)], "left out what follows character 5"),
        ([(0, 50), (60, 190)], r"\(60, 190\) after 50"),
        ([(50, 190), (0, 50)], r"\(50, 190\) after 0"),
        ([(0, 190), (100, 191)], r"\(100, 191\)"),
        ([(0, 100), (100, 100), (100, 190)], r"\(100, 100\)"),
        ([], "left out what follows character 0"),
    ],
)
def test_a_chunker_that_loses_text_is_refused(spans: list[tuple[int, int]], says: str) -> None:
    """Yours, too: what it left out would be found by no search."""
    text = "words " * 31 + "last"
    assert len(text) == 190

    def unknown(name: str) -> Callable[[str], list[tuple[int, int]]]:
        raise AssertionError(name)

    with pytest.raises(InvalidSetting, match=says):
        Cutter(16, count_words, unknown, lambda _: spans).cut(text, "note")


def test_chunks_of_your_own_chunker_are_cut_where_they_are_too_large() -> None:
    """What the embedder does not read would be found by no vector."""
    text = "words " * 100

    def unknown(name: str) -> Callable[[str], list[tuple[int, int]]]:
        raise AssertionError(name)

    spans = Cutter(16, count_words, unknown, lambda text: [(0, 60), (60, len(text))]).cut(text, "note")
    assert spans[0] == (0, 60) and len(spans) > 6
    assert all(count_words(text[start:end]) <= 16 for start, end in spans)
