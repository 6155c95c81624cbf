"""What the command line's tests share: commands run in this process and in others, on a garden of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import memgarden
from memgarden.cli import app

EMBEDDER = ["--embedder", "hashing:64"]

Run = Callable[..., Any]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the garden of the test is to be: what MEMGARDEN_PATH names."""
    place = tmp_path / "garden"
    monkeypatch.setenv("MEMGARDEN_PATH", str(place))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return place


@pytest.fixture
def run(place: Path) -> Run:
    """Runs a command in this process."""

    def run(*words: str, code: int = 0, input: str | None = None) -> Any:
        result = CliRunner().invoke(app, list(words), input=input)
        assert result.exit_code == code, (words, result.output, result.exception)
        return result

    return run


@pytest.fixture
def spawn(place: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command in a process of its own, its output piped."""

    def spawn(*words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        core = Path(memgarden.__file__).parent.parent
        return subprocess.run(
            [sys.executable, "-m", "memgarden.cli", *words],
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
            env=os.environ | {"PYTHONPATH": str(core)} | dict(env or {}),
        )

    return spawn


@pytest.fixture
def filled(run: Run) -> Run:
    """`run` on a garden in which alice has two memories and bob one."""
    run("add", "I moved to Lisbon in May.", "-u", "alice", "--id", "lisbon", "--tag", "home", *EMBEDDER)
    run("add", "My cat is called Turing.", "-u", "alice", "--created-at", "2024-05-01T12:30:00Z", "--id", "cat")
    run("add", "I live in Oslo.", "-u", "bob")
    return run


@pytest.fixture
def lines(tmp_path: Path) -> Callable[..., str]:
    """Writes a file of JSON lines, and gives its path."""

    def lines(name: str, *objects: object) -> str:
        path = tmp_path / name
        path.write_text("".join(json.dumps(one) + "\n" for one in objects), encoding="utf-8")
        return str(path)

    return lines
