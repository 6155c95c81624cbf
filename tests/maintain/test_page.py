"""The page about keeping a garden runs as it is printed, and shows what it says."""

from __future__ import annotations

import re
from pathlib import Path

from memgarden import Policy, Retention, read_policy
from tests.pages import ROOT, blocks, run

PAGE = ROOT / "docs" / "maintenance.md"


def test_the_page_runs_from_top_to_bottom(tmp_path: Path) -> None:
    """Each block in a process of its own, in one folder, with the default embedder."""
    outputs = [run(["-c", block], tmp_path) for block in blocks(PAGE, "python")]
    kept, unattended, forgotten, ingested = outputs
    assert "merge ['lighthouse'] -> again" in kept and "['harvest-0', 'harvest-1', 'harvest-2']" in kept
    assert "{'summarise': 3}" in kept and "{'archive': 1}" in kept and "painted red" in kept
    assert re.search(r"added\n.*merged\n.*restored", kept) and unattended.startswith("{} 0 {}")
    assert forgotten.startswith("1 erased") and "()" in forgotten
    assert ingested.startswith("3 3")


def test_the_policy_on_the_page_is_one(tmp_path: Path) -> None:
    """It says what the Python beside it says."""
    (text,) = blocks(PAGE, "toml")
    (tmp_path / "policy.toml").write_text(text)
    policy = read_policy(tmp_path / "policy.toml")
    assert policy.archive == Retention(older_than=365, unused_for=90)
    assert policy.of(("acme", "legal", "x")) == Policy(deduplicate=None, archive=None)
