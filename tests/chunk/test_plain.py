"""Chunks cover the text, fit the window and say exactly where they lie."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgarden import InvalidSetting
from memgarden.chunk.plain import PlainChunker


def count(text: str) -> int:
    """Tokens: words, and every other sign by itself."""
    return len(re.findall(r"\w+|[^\w\s]", text))


pieces = st.text() | st.sampled_from(
    ["A sentence here. ", "word ", "\n\n", "\n", "文章です。", "x" * 50, ". ", "? ", "   "]
)
texts = st.lists(pieces, max_size=120).map("".join)


@given(text=texts, size=st.integers(4, 40), share=st.integers(0, 50))
def test_chunks_cover_the_text_and_fit(text: str, size: int, share: int) -> None:
    """Joined without their overlaps they are the text; none is larger than the window."""
    spans = PlainChunker(size, size * share // 100, count)(text)
    assert spans[0][0] == 0 and spans[-1][1] == len(text)
    end = 0
    for start, stop in spans:
        assert start <= end <= stop and (start < stop or not text)
        end = stop
    assert all(count(text[start:stop]) <= size for start, stop in spans)


def test_a_short_text_is_one_chunk_and_is_not_even_counted() -> None:
    """Most memories are."""

    def never(text: str) -> int:
        raise AssertionError

    assert PlainChunker(100, 10, never)("x" * 100) == ((0, 100),)


def test_paragraphs_stay_whole_where_they_fit() -> None:
    """Then sentences do."""
    paragraphs = [f"Paragraph {n} has a few words. And a second sentence." for n in range(6)]
    text = "\n\n".join(paragraphs)
    spans = PlainChunker(26, 0, count)(text)
    assert [text[start:end].strip() for start, end in spans] == [
        "\n\n".join(paragraphs[n : n + 2]) for n in range(0, 6, 2)
    ]


def test_each_chunk_begins_with_the_end_of_the_one_before() -> None:
    """By words, as many as the overlap allows."""
    text = " ".join(f"w{n}" for n in range(100))
    spans = PlainChunker(20, 5, count)(text)
    for (_, before), (start, _) in pairwise(spans):
        assert count(text[start:before]) == 5


@pytest.mark.parametrize("overlap", [-1, 11])
def test_an_overlap_beyond_half_is_refused(overlap: int) -> None:
    """It would make more chunks than text."""
    with pytest.raises(InvalidSetting, match="0 to half their size"):
        PlainChunker(20, overlap, count)
