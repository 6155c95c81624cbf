"""`eval` and `tune` say how good a garden is at a user's own questions."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
Lines = Callable[..., str]
EXAMPLE = str(Path(__file__).parents[2] / "examples" / "data" / "garden-chat")
HASHING = "embedder=hashing:64"


def test_eval_compares_configurations(run: Run, tmp_path: Path) -> None:
    """Side by side on standard output, all of it in JSON, and drawn; no garden is left behind."""
    words = ["--config", f"base:{HASHING}", "--config", f"words:{HASHING},mode=lexical"]
    output = run("eval", EXAMPLE, *words, "--json", "r.json", "--plot", "r.svg").stdout
    assert "garden-chat: 34 questions, 95 documents, 2 scopes" in output
    for expected in ("  base  ", "  words  ", "    less base  ", "several facts (6)", "p95 ms"):
        assert expected in output
    whole = json.loads((tmp_path / "r.json").read_text())
    assert list(whole["configurations"]) == ["base", "words"]
    assert whole["configurations"]["words"]["settings"] == {"embedder": "hashing:64", "mode": "lexical"}
    assert 0 < whole["configurations"]["words"]["metrics"]["R@10"]["value"] < 1
    assert (tmp_path / "r.svg").read_text().startswith("<svg")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.json", "r.svg"]


def test_eval_asks_a_garden_that_is_there(filled: Run, lines: Lines) -> None:
    """A file of questions goes to the garden that every other command uses, or to the one that is named."""
    path = lines(
        "asked.jsonl",
        {"question": "where did she move?", "expected": ["lisbon"], "category": "home"},
        {"question": "what is the cat called?", "ids": ["cat"], "scope": "alice"},
    )
    output = filled("eval", path, "--user", "alice").stdout
    assert "asked.jsonl: 2 questions" in output and "home (1)" in output and "100.0" in output
    assert "no garden in 'elsewhere'" in filled("eval", path, "--garden", "elsewhere", code=2).stderr


def test_tune_says_whether_a_gain_is_real(run: Run, tmp_path: Path) -> None:
    """By settings that the held-out scope had no part in choosing."""
    output = run("tune", EXAMPLE, "--config", f"current:{HASHING}", "--metric", "R@10", "--json", "t.json").stdout
    assert "each of 2 scopes was answered with settings chosen on the others" in output
    whole = json.loads((tmp_path / "t.json").read_text())
    assert whole["metric"] == "R@10" and [fold["held_out"] for fold in whole["folds"]] == ["nadia", "wim"]
    assert output.splitlines()[-1].startswith("Use " if whole["real"] else "Keep what you have")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["eval", EXAMPLE, "--config", "x:k3=1"], "unknown setting 'k3'"),
        (["eval", EXAMPLE, "--plot", "r.png"], "a plot is an SVG"),
        (["eval", EXAMPLE, "--json", "no/r.json"], "the folder no is not there"),
        (["eval", EXAMPLE, "--garden", "g"], "brings its own memories"),
        (["eval", EXAMPLE, "--qrels", "train.tsv"], "has no train.tsv"),
        (["eval", "."], "has no corpus.jsonl"),
        (["eval", "none"], "does not exist"),
        (["tune", EXAMPLE, "--metric", "F1"], "unknown metric 'F1'"),
        (["tune", EXAMPLE, "--config", "fusion=rrf"], "has no name"),
    ],
)
def test_wrong_input_is_refused_at_once(run: Run, words: list[str], said: str) -> None:
    """With exit code 2 and what to do, before anything is embedded."""
    assert said in run(*words, code=2).stderr


def test_settings_of_storing_are_not_compared_on_a_garden_that_is_there(filled: Run, lines: Lines) -> None:
    """It holds what it holds."""
    path = lines("asked.jsonl", {"question": "the cat?", "ids": ["cat"], "scope": "alice"})
    error = filled("eval", path, "--config", "x:chunk_size=64", code=2).stderr
    assert "chunk_size was settled when the garden's memories were stored" in error


def test_without_the_extra_it_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is read."""
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pytrec_eval" else found(name))
    assert "the extra 'eval' of memgarden" in run("eval", EXAMPLE, code=2).stderr
