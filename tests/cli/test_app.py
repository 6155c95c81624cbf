"""The command line as a whole: help at once, the demo from end to end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import memgarden

Run = Callable[..., Any]
COMMANDS = [
    "demo",
    "add",
    "import",
    "search",
    "show",
    "scopes",
    "health",
    "reindex",
    "forget",
    "compact",
    "eval",
    "tune",
]


def test_help_names_every_command_and_exit_code(run: Run) -> None:
    """`--help` lists the commands and says what the exit codes mean."""
    output = run("--help").stdout
    assert all(command in output for command in COMMANDS)
    assert "1 nothing found" in output
    for command in COMMANDS:
        run(command, "--help")


def test_the_version(run: Run) -> None:
    """`--version` says which memgarden this is."""
    assert run("--version").stdout == f"memgarden {memgarden.__version__}\n"


@pytest.mark.parametrize(
    "heavy", ["chromadb", "onnxruntime", "sqlalchemy", "langchain_core", "llama_index", "tokenizers", "scipy"]
)
def test_help_waits_for_nothing_heavy(heavy: str) -> None:
    """Importing the command line imports no model, no database and no framework."""
    code = f"import sys, memgarden.cli; sys.exit({heavy!r} in sys.modules)"
    path = [str(Path(memgarden.__file__).parent.parent)]
    assert (
        subprocess.run([sys.executable, "-c", f"import sys; sys.path[:0] = {path}; {code}"], check=False).returncode
        == 0
    )


def test_the_demo(run: Run, tmp_path: Path) -> None:
    """The demo asks twenty questions, finds answers, leaks nothing, and leaves no garden where none was asked for."""
    output = run("demo", "--embedder", "hashing").stdout
    assert "358 turns of a chat" in output and "12 Markdown documents" in output
    assert "0 of them among the 358 texts of maya" in output
    assert "Chroma had every chunk" in output
    assert "maya.porto@example.com" in output
    assert "Traceback" not in output
    assert list(tmp_path.iterdir()) == []


def test_the_demo_keeps_to_gardens_of_its_own(filled: Run, place: Path) -> None:
    """A garden that holds others' memories is refused, untouched."""
    assert "memories of others" in filled("demo", "--garden", str(place), code=2).stderr
    assert "maya" not in filled("scopes").stdout
