"""`export` writes what `import` reads, and `sweep` deletes what has expired."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from memgarden import Garden
from memgarden.records import utc_now

Run = Callable[..., Any]


@pytest.mark.parametrize("name", ["all.jsonl", "all.jsonl.gz"])
def test_a_garden_moves(filled: Run, run: Run, tmp_path: Path, name: str) -> None:
    """To a file, and from it into another garden, where it came from or into one scope."""
    before = filled("scopes").output
    done = filled("export", str(tmp_path / name))
    assert "memories written" in done.output
    other = ["--garden", str(tmp_path / "other")]
    done = run("import", str(tmp_path / name), *other, "--embedder", "hashing:64")
    assert "with the vectors of the file" in done.output
    assert run("scopes", *other).output == before
    run("import", str(tmp_path / name), *other, "--user", "carol", "--as", "memgarden")
    assert "carol" in run("scopes", *other).output


def test_nothing_to_export_is_exit_code_1(filled: Run, tmp_path: Path) -> None:
    """And refused lines are named."""
    assert "0 memories" in filled("export", str(tmp_path / "x.jsonl"), "--user", "nobody", code=1).output
    filled("export", str(tmp_path / "x.jsonl"))
    lines = (tmp_path / "x.jsonl").read_text().splitlines()
    (tmp_path / "x.jsonl").write_text("\n".join([*lines, "{"]) + "\n")
    done = filled("import", str(tmp_path / "x.jsonl"), code=1)
    assert f"line {len(lines) + 1} was refused" in done.stderr


def test_a_backup_is_a_garden(filled: Run, run: Run, tmp_path: Path) -> None:
    """And is not written over another."""
    filled("backup", str(tmp_path / "copy"))
    assert run("scopes", "--garden", str(tmp_path / "copy")).output == filled("scopes").output
    filled("backup", str(tmp_path / "copy"), code=2)


def test_sweep(filled: Run, place: Path) -> None:
    """It says first how many have expired, and deletes them with --apply; a garden that is not there is not made."""
    said = "to delete: 0 expired memories; nothing was changed: --apply does it"
    assert filled("sweep").output.strip() == said
    with Garden.open(place) as garden:
        garden.scope("alice").add("gone", expires_at=utc_now() - timedelta(seconds=1))
    assert filled("sweep").output.startswith("to delete: 1 expired memory; nothing was changed")
    assert filled("sweep", "--apply").output.strip() == "1 expired memory deleted"
    assert filled("sweep").output.strip() == said
    filled("sweep", "--garden", "nowhere", code=2)
