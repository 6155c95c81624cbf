"""What each sort of text keeps whole."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgarden.chunk.code import CodeChunker, language
from memgarden.chunk.conversation import ConversationChunker
from memgarden.chunk.prose import ProseChunker
from memgarden.chunk.technical import TechnicalChunker


def count(text: str) -> int:
    """Tokens: words, and every other sign by itself."""
    return len(re.findall(r"\w+|[^\w\s]", text))


def whole(part: str, text: str, spans: list[tuple[int, int]]) -> bool:
    """Whether some chunk holds all of a part of the text."""
    start = text.index(part)
    return any(a <= start and start + len(part) <= b for a, b in spans)


@given(lengths=st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=9), min_size=1, max_size=9))
def test_sentences_of_prose_stay_whole(lengths: list[list[int]]) -> None:
    """Each begins and ends in one chunk, and chunks but the last are two thirds full at least."""
    sentences = [
        [" ".join(f"w{p}s{s}n{n}" for n in range(size)) + "." for s, size in enumerate(sizes)]
        for p, sizes in enumerate(lengths)
    ]
    text = "\n\n".join(" ".join(paragraph) for paragraph in sentences)
    spans = list(ProseChunker(100, None, count)(text))
    assert all(whole(sentence, text, spans) for paragraph in sentences for sentence in paragraph)
    assert all(count(text[start:end]) >= 66 for start, end in spans[:-1])


def test_prose_is_cut_at_a_paragraph_where_one_ends_in_time() -> None:
    """Past two thirds of a chunk, and not before."""
    early = "One two three four five six. " * 3 + "\n\n"
    late = "Seven eight nine ten eleven twelve. " * 4 + "\n\n"
    text = early + late + "Many more words come here. " * 30
    assert ProseChunker(60, 0, count)(text)[0] == (0, len(early + late))


def test_chunks_of_prose_share_a_fifth() -> None:
    """In whole sentences where these come near it, otherwise in words; 150 to 250 of 1,200."""
    sentences = "".join(f"This is sentence number {n}. " for n in range(60))
    spans = ProseChunker(100, None, count)(sentences)
    shared = [sentences[b[0] : a[1]] for a, b in pairwise(spans)]
    assert len(shared) > 3
    assert all(12.5 <= count(part) <= 20 and part.startswith("This") for part in shared)
    words = " ".join(f"w{n}" for n in range(600))
    spans = ProseChunker(100, None, count)(words)
    assert {count(words[b[0] : a[1]]) for a, b in pairwise(spans)} == {20}


FENCE = "```python\n# no heading\n\nfor x in y:\n\n    print(x)\n```\n"


@given(
    parts=st.lists(
        st.sampled_from(
            ["# A\n", "## B\n\n", "### C\n", FENCE, "Some words here. ", "- an item\n", "\n\n", "| a | b |\n"]
        ),
        max_size=60,
    )
)
def test_fences_stay_whole_and_headings_stay_with_what_follows(parts: list[str]) -> None:
    """A chunk never ends with a heading, unless the text does; a fence that fits is never cut."""
    text = "".join(f"{part}" if part[0] not in "#`" else f"\n\n{part}" for part in parts)
    spans = list(TechnicalChunker(60, None, count)(text))
    for found in re.finditer(re.escape(FENCE), text):
        assert any(a <= found.start() and found.end() <= b for a, b in spans)
    for start, end in spans:
        last = text[start:end].strip().rpartition("\n")[2]
        assert not last.startswith("#") or not text[end:].strip()


def test_a_heading_goes_with_the_fence_below_it_rather_than_with_the_words_above() -> None:
    """Although the chunk that it would fill is all but empty."""
    fence = f"```\n{'word ' * 50}\n```\n"
    text = f"Few words.\n\n## Part\n\n{fence}"
    assert [text[a:b] for a, b in TechnicalChunker(60, None, count)(text)] == ["Few words.\n\n", f"## Part\n\n{fence}"]


def test_sections_have_chunks_of_their_own_unless_they_are_short() -> None:
    """A quarter of a chunk is enough for one; and nothing is shared over a heading, only below it."""
    words = "Some words are here. " * 4
    text = f"# One\n\n## Two\n\nShort.\n\n## Three\n\n{words}\n\n## Four\n\n{words}\n\n### Five\n\n{words * 9}"
    spans = TechnicalChunker(60, None, count)(text)
    assert [text[start:end].split("\n")[0] for start, end in spans[:3]] == ["# One", "## Four", "### Five"]
    assert spans[0][1] == spans[1][0] and spans[1][1] == spans[2][0]
    assert len(spans) > 4 and all(b[0] < a[1] for a, b in pairwise(spans[2:]))


def test_a_fence_that_is_too_large_is_cut_at_blank_lines() -> None:
    """And then at lines, as any text."""
    steps = "".join(f"first({n})\nsecond({n})\nthird({n})\n\n" for n in range(30))
    text = f"```\n{steps}```\n"
    spans = TechnicalChunker(60, 0, count)(text)
    assert len(spans) > 4
    assert all(text[end - 2 : end] == "\n\n" for _, end in spans[:-1])


MODULE = '''"""A module."""
import os

# Before the first,
# in two lines.
@mark
@other(1)
def first(x):
    """Say \\d."""

    return x

LIMIT = 3

class Large:
    """Too large for a chunk."""

    name = "a"

    @property
    def one(self):
        a = 1

        return a

    async def two(self):
        if self:
            return 2
        return 3

    # Of the third.
    def three(self):
        return "a b c d e f g h i j k l m n o p q r s t u v w x y z"

def last(): return 4
'''


def test_python_is_cut_between_definitions() -> None:
    """Functions whole, with decorators and the comments above them; a class too large, between its methods."""
    spans = list(CodeChunker(48, None, count)(MODULE))
    assert "".join(MODULE[start:end] for start, end in spans) == MODULE
    for part in (
        MODULE[MODULE.index("# Before") : MODULE.index("LIMIT")],
        MODULE[MODULE.index("    @property") : MODULE.index("    async")],
        MODULE[MODULE.index("    async") : MODULE.index("    # Of")],
        MODULE[MODULE.index("    # Of") : MODULE.index("def last")],
        MODULE[MODULE.index("class Large") : MODULE.index("    @property")],
    ):
        assert whole(part.strip(), MODULE, spans), part
    assert all(count(MODULE[start:end]) <= 48 for start, end in spans)


@pytest.mark.filterwarnings("error")
def test_windows_line_ends_and_what_the_parser_warns_of() -> None:
    """Rows are counted as the parser counts them; escapes that it would warn of are nobody's concern."""
    text = MODULE.replace("\n", "\r\n")
    assert r"\d" in text
    spans = list(CodeChunker(48, None, count)(text))
    assert whole(text[text.index("# Before") : text.index("LIMIT")].strip(), text, spans)


GO = "package main\n\n" + "".join(
    f"// F{n} adds {n}.\n// It cannot fail.\nfunc F{n}(a int) int {{\n"
    f"\tif a > {n} {{\n\t\treturn a\n\t}}\n\n\treturn a + {n}\n}}\n\n"
    for n in range(12)
)
JS = "".join(f"function f{n}(a) {{\n  const b = a + {n};\n\n  return b;\n}}\n\n" for n in range(20))


def test_other_languages_are_cut_between_functions() -> None:
    """With the comments above them, and without overlap."""
    for text, pattern in ((GO, r"// F\d+ .*?\n}\n"), (JS, r"function f\d+.*?\n}\n")):
        spans = list(CodeChunker(80, None, count)(text))
        assert len(spans) > 3 and "".join(text[start:end] for start, end in spans) == text
        functions = re.findall(pattern, text, re.DOTALL)
        assert len(functions) >= 12 and all(whole(function, text, spans) for function in functions)


def test_languages_are_told() -> None:
    """By lines that one has and others have not; Python that does not parse is still Python."""
    assert language(GO) == "go" and language(JS) == "js"
    assert language("#include <vector>\nstd::vector<int> x;\n") == "cpp"
    assert language("use std::fs;\npub fn main() {\n    let mut x = 1;\n}\n") == "rust"
    assert language("import java.util.List;\npublic class A {\n}\n") == "java"
    assert language("def f(:\n    pass\nimport os\n") == "python"
    assert language("a plain line\n") is None


def transcript(sizes: list[int], session: str = "") -> str:
    """Turns of two speakers, of so many words."""
    return "".join(
        f"{('Ann', 'Ben')[n % 2]}: " + " ".join(f"{session}t{n}w{word}" for word in range(size)) + "\n"
        for n, size in enumerate(sizes)
    )


@given(
    sessions=st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=12), min_size=2, max_size=5),
    ruler=st.sampled_from(
        ["--- Session {} ---\n", "\nSession {}: 8 May 2023\n\n", "=== 2024-05-0{} ===\n", "DATE: day {}\n"]
    ),
)
def test_turns_stay_whole_and_sessions_apart(sessions: list[list[int]], ruler: str) -> None:
    """A turn that fits is in one chunk, no chunk begins inside of one, and none holds turns of two sessions."""
    text = "".join(ruler.format(n) + transcript(sizes, f"s{n}") for n, sizes in enumerate(sessions, 1))
    spans = list(ConversationChunker(60, None, count)(text))
    assert all(whole(line, text, spans) for line in text.splitlines() if line[:5] in ("Ann: ", "Ben: "))
    for start, end in spans:
        assert len(set(re.findall(r"\b(s\d+)t", text[start:end]))) <= 1
        assert start == 0 or text[start - 1] == "\n"


def test_chunks_of_a_session_share_whole_turns() -> None:
    """As many as a quarter of a chunk takes, and none over a change of day."""
    days = [f"[2024-05-0{day} 10:0{n}] {('Ann', 'Ben')[n % 2]}: a b c d e\n" for day in (1, 2) for n in range(10)]
    text = "".join(days)
    spans = ConversationChunker(80, None, count)(text)
    lines = [text[start:end].splitlines() for start, end in spans]
    assert all(line.startswith("[2024") for chunk in lines for line in chunk)
    assert all(len({line[:11] for line in chunk}) == 1 for chunk in lines)
    for before, after in pairwise(lines):
        assert (before[-1] == after[0]) == (before[0][:11] == after[0][:11])
    assert len(lines) > 4
