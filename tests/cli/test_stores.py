"""`import` takes the stores of others, and `export` gives a scope to a Chroma collection."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memgarden.vector.client import connect, disconnect

Run = Callable[..., Any]
EMBEDDER = ["--embedder", "hashing:64"]


@pytest.mark.parametrize("layout", ["langchain", "llama-index"])
def test_a_scope_moves_by_way_of_a_collection(filled: Run, run: Run, tmp_path: Path, layout: str) -> None:
    """To a folder of Chroma's, and from it into another garden; again, and nothing is there twice."""
    place, other = str(tmp_path / "c"), ["--garden", str(tmp_path / "other")]
    for _ in range(2):
        given = filled("export", place, "--to-chroma", "notes", "--layout", layout, "-u", "alice")
        assert "2 memories written to notes" in given.output
        taken = run("import", place, "--as", "chroma", "--collection", "notes", "-u", "ann", *other, *EMBEDDER)
        assert "2 memories stored" in taken.output and "vectors kept" in taken.output
    assert "I moved to Lisbon" in run("search", "Lisbon", "-u", "ann", *other).output
    assert "2" in run("scopes", *other).output and "bob" not in run("scopes", *other).output


def test_a_store_of_mem0s_is_imported(run: Run, tmp_path: Path) -> None:
    """Each memory for its user; what is nobody's is named, and the exit code says so."""
    client = connect(tmp_path / "m")
    payloads: list[Any] = [{"data": "tea", "user_id": "alice"}, {"data": "boats"}]
    client.create_collection("mem0", embedding_function=None).add(["1", "2"], np.ones((2, 8)), payloads)
    disconnect(client)
    done = run("import", str(tmp_path / "m"), "--as", "mem0", *EMBEDDER, code=1)
    assert "1 memory stored" in done.output and "2 was refused: it has no user_id" in done.stderr
    assert "2 memories stored" in run("import", str(tmp_path / "m"), "--as", "mem0", "-u", "acme").output
    assert {"alice", "acme"} <= set(run("scopes").output.replace("/", " ").split())


def test_what_was_archived_since_is_told(run: Run, tmp_path: Path) -> None:
    """It stays there, which is nothing to complain of."""
    client = connect(tmp_path / "m")
    payloads: list[Any] = [{"data": "tea", "user_id": "alice", "created_at": "2020-01-01T00:00:00Z"}]
    client.create_collection("mem0", embedding_function=None).add(["1"], np.ones((1, 8)), payloads)
    disconnect(client)
    run("import", str(tmp_path / "m"), "--as", "mem0", *EMBEDDER)
    run("maintain", "--apply")
    done = run("import", str(tmp_path / "m"), "--as", "mem0")
    assert "0 memories stored" in done.output and "left in archives: 1 memory (" in done.output


def test_what_does_not_go_together_is_refused(filled: Run, run: Run, tmp_path: Path) -> None:
    """With what to do."""
    place = str(tmp_path)
    assert "--collection" in run("import", place, "--as", "chroma", "-u", "x", code=2).stderr
    assert "--user" in run("import", place, "--as", "chroma", "--collection", "x", code=2).stderr
    assert "--as chroma" in run("import", place, "--collection", "x", "-u", "x", code=2).stderr
    assert "--wait" in run("import", place, "--as", "mem0", "--wait", code=2).stderr
    assert "--user" in run("export", place, "--to-chroma", "x", code=2).stderr
    assert "use one of" in run("export", place, "--to-chroma", "x", "--layout", "y", "-u", "alice", code=2).stderr
    assert "no Chroma database" in run("import", place, "--as", "chroma", "--collection", "x", "-u", "x", code=2).stderr
    assert not (tmp_path / "chroma.sqlite3").exists()
