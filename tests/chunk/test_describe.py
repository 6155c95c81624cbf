"""A chunk knows its place, its type and the headings it lies under."""

from __future__ import annotations

import pytest

from memgarden.chunk.describe import describe
from memgarden.chunk.markup import blocks

GUIDE = """---
# no heading: front matter
---
Intro before any heading, which is long enough to be called a paragraph: it goes on and on, and then on some more.

# Guide

## Install ##

Run this, and wait for the end; it takes a minute or two on a machine that is neither too old nor too busy with others.

```bash
# no heading: a comment
pip install memgarden
```

Underlined
----------

Few words.

### Deep

Also few.

# Other
"""


def cut(text: str, *starts: str) -> list[tuple[int, int]]:
    """Spans that begin at these parts of the text."""
    places = [text.index(start) for start in starts]
    return list(zip(places, [*places[1:], len(text)], strict=True))


def test_place_type_and_headings() -> None:
    """Headings in code and in front matter are none; `##` at the end and underlines are markup."""
    spans = cut(GUIDE, "---", "# Guide", "```bash", "Underlined", "### Deep", "# Other")
    found = describe(GUIDE, spans, "note")
    assert [(one.chunk_type, one.has_code, one.headings) for one in found] == [
        ("paragraph", False, ()),
        ("paragraph", False, ("Guide", "Install")),
        ("code", True, ("Guide", "Install")),
        ("short", False, ("Guide", "Underlined")),
        ("short", False, ("Guide", "Underlined", "Deep")),
        ("heading", False, ("Other",)),
    ]
    assert [(one.start, one.end) for one in found] == spans
    assert all(one.text == GUIDE[one.start : one.end] for one in found)
    assert [one.chunk_index for one in found] == list(range(6)) and {one.total_chunks for one in found} == {6}


def test_a_chunk_of_several_sections_has_the_headings_that_they_share() -> None:
    """None is claimed that only a part of it lies under."""
    spans = cut(GUIDE, "---", "# Guide", "# Other")
    assert [one.headings for one in describe(GUIDE, spans, "note")] == [(), ("Guide",), ("Other",)]


def test_source_code_has_no_headings() -> None:
    """Its comments look like some; it is told from the text, or by the memory's kind."""
    source = "# One\n# Two\nx = 1\ny = 2\n"
    (found,) = describe(source, [(0, len(source))], "note")
    assert (found.chunk_type, found.has_code, found.headings) == ("code", True, ())
    yaml = "# One\n\nport is 80\n"
    assert describe(yaml, [(0, len(yaml))], "code")[0].headings == ()
    assert describe(yaml, [(0, len(yaml))], "note")[0].headings == ("One",)


@pytest.mark.parametrize(
    "text", ["", " ", "```", "# ", "#", "---\n", "a\n---", "\r\n# T\r\n", "\0", "\ud83d", "~~~\n# x"]
)
def test_an_outline_is_the_whole_text(text: str) -> None:
    """Block after block, and nothing between; odd texts have one, too."""
    found = list(blocks(text))
    assert "".join(text[block.start : block.end] for block in found) == text
    assert len(describe(text, [(0, len(text))], "note")) == 1


def test_windows_line_ends_and_unclosed_fences() -> None:
    """A fence that is never closed goes on to the end; a longer one is closed by one as long."""
    assert [block.title for block in blocks("# A\r\n\r\ntext\r\n\r\nB\r\n===\r\n") if block.kind == "heading"] == [
        "A",
        "B",
    ]
    assert [block.kind for block in blocks("text\n```\n# x\n\n# y\n")] == ["text", "code"]
    assert [block.kind for block in blocks("````\n```\n# x\n````\n# y\n")] == ["code", "heading"]
    assert [block.kind for block in blocks("- a\n---\n\n| a |\n---\n")] == ["text"]
