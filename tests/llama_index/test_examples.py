"""The examples, the pages of documentation and the README's table are what they say."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.pages import ROOT, blocks, each_hears_their_own, example, run

PAGES = sorted((ROOT / "docs" / "llama_index").glob("*.md"))


def test_a_folder_that_changes(tmp_path: Path) -> None:
    """Stored, left alone, replaced and deleted, in the first run and in the second."""
    output = example("llama_index_folder", tmp_path)
    assert output.splitlines() == [
        "stored:  ['allotment.md', 'chutney.md', 'yacht.md']",
        "stored:  []",
        "found:   Pear chutney simmers uncovered for ninety minutes.",
        "deleted: yacht.md",
        "stored:  ['chutney.md']",
        "found:   Pear chutney simmers for two hours, says the aunt.",
    ]
    assert "stored:  ['chutney.md', 'yacht.md']" in example("llama_index_folder", tmp_path)


def test_agent(tmp_path: Path) -> None:
    """Each user's own words come back, in the first run and the second, and nobody else's."""
    each_hears_their_own("llama_index_agent", tmp_path)


def test_migration(tmp_path: Path) -> None:
    """All three nodes; BM25 alone and both together find the number."""
    output = example("llama_index_migrate_chroma", tmp_path)
    assert "adopted=3" in output and "alpha 0.0: 4712" in output and "alpha 0.5: 4712" in output


def test_both_frameworks(tmp_path: Path) -> None:
    """Each finds what each wrote."""
    found = re.findall(r": +(\w+)$", example("both_frameworks", tmp_path), re.MULTILINE)
    assert found == ["tea"] * 3 + ["train"] * 3 + ["food"] * 3


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_pages_run_from_top_to_bottom(page: Path, tmp_path: Path) -> None:
    """All of a page's Python as one program."""
    run(["-c", "\n".join(blocks(page, "python"))], tmp_path)


def test_there_is_a_page_for_each_class() -> None:
    """Every public name is on one."""
    import llama_index_memgarden

    told = "\n".join(page.read_text() for page in PAGES)
    assert [name for name in llama_index_memgarden.__all__ if name not in told] == []


def test_the_readmes_table_is_what_the_command_prints() -> None:
    """And ours keeps every promise of it."""
    printed = run(["-m", "benchmarks.contract"], ROOT).strip()
    told = (ROOT / "README.md").read_text()
    assert printed in told or version("llama-index-core") < "0.14.25"  # whose own store then did less
    assert all(f"| {row.split('|')[1].strip()} | yes |" in told for row in printed.splitlines()[2:])
    rows = [row.split("|")[2].strip() for row in printed.splitlines()[2:]]
    assert set(rows) == {"yes"} and len(rows) >= 20
