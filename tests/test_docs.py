"""The README's and CONTRIBUTING's code runs as it is printed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import ROOT, blocks
from tests.pages import run as python

README, CONTRIBUTING = ROOT / "README.md", ROOT / "CONTRIBUTING.md"


def test_the_readmes_python_runs_from_top_to_bottom(tmp_path: Path) -> None:
    """Each block in a process of its own, in one folder, with the default embedder."""
    examples = blocks(README, "python")
    assert len(examples) >= 5
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    outputs = [python(["-c", example], tmp_path) for example in examples]
    assert outputs[0].splitlines()[0].endswith("I moved to Lisbon in May.")
    assert "My cat Mia only eats tuna." not in outputs[0].splitlines()[0] and "lexical" in outputs[0]


def shell(holding: str, folder: Path) -> str:
    """What the README's block of commands that holds these words prints, in one shell."""
    (commands,) = [block for block in blocks(README, "bash") if holding in block]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run = subprocess.run(
        ["bash", "-e", "-c", commands],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_the_readmes_commands_run(tmp_path: Path) -> None:
    """Those of the memgarden command, in one shell."""
    output = shell("memgarden add", tmp_path)
    assert "I moved to Lisbon in May." in output and "alice" in output


def test_the_readmes_evaluation_runs(tmp_path: Path) -> None:
    """It compares what the README's picture compares, in its form, and says what to do about the settings."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    output = shell("memgarden eval", tmp_path)
    assert "all (34)" in output and "    less default" in output
    assert re.search(r"^(Keep|Use) ", output, re.MULTILINE)
    words = re.compile("<text[^>]*>([^<]*[a-z][^<]*)</text>")
    drawn, shown = ((folder / "evaluation.svg").read_text() for folder in (tmp_path, ROOT / "docs"))
    assert words.findall(drawn) == words.findall(shown)


@pytest.mark.parametrize(
    ("number", "folder", "name", "table", "search", "expected"),
    [
        (0, "retrieve/fusion", "isr", "FUSIONS", "fusion='isr'", ["olive tree", "fig tree"]),
        (1, "rerank", "shortest", "RERANKERS", "reranker='shortest'", ["fig tree", "olive tree"]),
        (2, "expand", "keywords", "EXPANDERS", "expander='keywords'", ["olive tree", "fig tree"]),
    ],
)
def test_a_strategy_is_added_as_contributing_says(
    number: int, folder: str, name: str, table: str, search: str, expected: list[str], tmp_path: Path
) -> None:
    """One file and one line, in a copy of the project."""
    copy = tmp_path / "core"
    shutil.copytree(ROOT / "core", copy, ignore=shutil.ignore_patterns("__pycache__"))
    code = blocks(CONTRIBUTING, "python")[number]
    (line,) = re.findall(rf'^ *"{name}": .*\n', CONTRIBUTING.read_text(), re.MULTILINE)
    package = copy / "memgarden" / folder
    (package / f"{name}.py").write_text(code)
    names = (package / "__init__.py").read_text()
    (package / "__init__.py").write_text(names.replace(f"{table} = {{\n", f"{table} = {{\n" + line))
    script = (
        "import memgarden; from memgarden import Garden\n"
        "with Garden.open('g', embedder='hashing', chroma=None) as garden:\n"
        "    scope = garden.scope('a'); scope.add_many(['olive tree', 'fig tree'])\n"
        f"    print(memgarden.__file__, [hit.text for hit in scope.search('olive', {search})])"
    )
    environment = os.environ | {"PYTHONPATH": str(copy)}
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert str(copy) in run.stdout and str(expected) in run.stdout
