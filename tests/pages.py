"""The pages of documentation and the examples, read and run as a reader would."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

__all__ = ["ROOT", "blocks", "each_hears_their_own", "example", "run"]

ROOT = Path(__file__).parents[1]


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page in one language; there is one at least."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    assert found, page
    return found


def run(arguments: list[str], folder: Path) -> str:
    """What Python prints with these arguments, in a folder; it ends well."""
    done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def example(name: str, folder: Path) -> str:
    """What an example prints, with its garden in this folder."""
    return run([str(ROOT / "examples" / f"{name}.py"), str(folder / "garden")], folder)


def each_hears_their_own(name: str, folder: Path) -> None:
    """Of an agent's example: each user's own words come back, in the first run and the second, and nobody else's."""
    answers = re.findall(r"^(\w+): What.*\n +-> (.*)$", example(name, folder), re.MULTILINE)
    again = re.findall(r"^(\w+): .*\n +-> (.*)$", example(name, folder), re.MULTILINE)
    for user, answer in [*answers, *again]:
        own, other = ("Mia", "Rex") if user == "alice" else ("Rex", "Mia")
        assert own in answer and other not in answer
    assert (len(answers), len(again)) == (2, 4)
