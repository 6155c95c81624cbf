"""`memgarden forget` asks first, prints a receipt, and finishes what was cut off."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.forget.conftest import traces

Run = Callable[..., Any]


def test_forgetting_asks_first(filled: Run, place: Path) -> None:
    """And nothing is forgotten without a yes."""
    filled("forget", "-u", "alice", input="n\n", code=1)
    assert "Lisbon" in filled("show", "-u", "alice").stdout
    said = filled("forget", "-u", "alice", input="y\n")
    assert "all 2 memories of alice" in said.stderr and "2 memories, 2 chunks" in said.stdout
    assert traces(place, ["Lisbon", "Turing"]) == []
    assert "Oslo" in filled("show", "-u", "bob").stdout


def test_forgetting_single_memories_prints_a_receipt_as_json(filled: Run) -> None:
    """The receipt is an object and nothing else is printed."""
    receipt = json.loads(filled("forget", "-u", "alice", "--id", "cat", "--yes", "--json").stdout)
    assert (receipt["memories"], receipt["chroma"]) == (1, "none") and len(receipt["digest"]) == 64
    assert "Turing" not in filled("show", "-u", "alice").stdout


def test_nothing_is_left_to_finish(filled: Run) -> None:
    """It needs to be said whose memories, or that it is to be finished."""
    assert "nothing is left" in filled("forget", "--finish").stdout
    filled("forget", code=2)
    filled("forget", "--finish", "-u", "alice", code=2)


def test_compaction_says_first_what_it_would_save(filled: Run) -> None:
    """And does it with --apply."""
    said = filled("compact").stdout
    assert "--apply does it" in said
    assert [line.split()[0] for line in said.splitlines()[1:6]] == ["MiB", "database", "Chroma", "archives", "total"]
    assert filled("compact", "--apply", "--full").stdout.startswith("dropped: nothing")
    told = json.loads(filled("compact", "--json").stdout)
    assert told["applied"] is False and set(told["before"]) == {"database", "chroma", "archives", "total"}
