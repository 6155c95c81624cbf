"""The examples and the pages of documentation run as they are printed, and show what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pages import ROOT, blocks, each_hears_their_own, example, run

PAGES = sorted((ROOT / "docs" / "langchain").glob("*.md"))


def test_rag(tmp_path: Path) -> None:
    """The page that answers is found first, and the chain answers; a second run stores nothing twice."""
    first = example("langchain_rag", tmp_path)
    assert "found:  ['Pear chutney'" in first and "(your model answers here)" in first
    assert example("langchain_rag", tmp_path) == first


def test_agent(tmp_path: Path) -> None:
    """Each user's own words come back, in the first run and the second, and nobody else's."""
    each_hears_their_own("langchain_agent", tmp_path)


def test_migration(tmp_path: Path) -> None:
    """All four records with their vectors; the number of an order is found by its letters."""
    output = example("langchain_migrate_chroma", tmp_path)
    assert "adopted=4" in output and "kept_vectors=True" in output
    assert "memgarden order-4712" in output and "memgarden opening" in output
    assert "filtered: ['order-4711', 'order-4712', 'order-4713']" in output


def test_the_ensemble_is_replaced(tmp_path: Path) -> None:
    """The same first answer, and what is added is found at once."""
    output = example("langchain_replace_ensemble", tmp_path)
    assert output.count("red tin") == 2 and "now in the blue tin" in output


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_pages_run_from_top_to_bottom(page: Path, tmp_path: Path) -> None:
    """All of a page's Python as one program."""
    run(["-c", "\n".join(blocks(page, "python"))], tmp_path)


def test_there_is_a_page_for_each_class() -> None:
    """Every public class and function is on one."""
    import langchain_memgarden

    told = "\n".join(page.read_text() for page in PAGES)
    missing = [name for name in [*langchain_memgarden.__all__, "MemGardenMemory"] if name not in told]
    assert missing == []
