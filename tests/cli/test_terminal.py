"""Stored text cannot take over the terminal that shows it, and output suits whatever it goes to."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgarden.cli.display import clean, one_line

Run = Callable[..., Any]

HOSTILE = (
    "\x1b]0;owned\x07 \x1b[2J \x9b31m \r\b\x7f \u202egnp.exe\u2066 [bold red]markup[/] [link=http://x]y[/link] :smile:"
)


@given(st.text())
def test_clean_leaves_nothing_that_a_terminal_acts_upon(text: str) -> None:
    """Of any text, only tabs, newlines and what can be seen is left; harmless text is left as it was."""
    cleaned = clean(text)
    assert not any((ord(one) < 32 and one not in "\t\n") or 127 <= ord(one) < 160 for one in cleaned)
    assert "\n" not in one_line(text)
    if text.isprintable():
        assert cleaned == text


@given(st.text(min_size=5), st.integers(1, 5))
def test_one_line_keeps_to_its_length(text: str, most: int) -> None:
    """A text cut to a length is no longer than it."""
    assert len(one_line(text, most)) <= most


@pytest.mark.parametrize(
    "words",
    [["search", "markup"], ["search", "markup", "--json"], ["search", "markup", "--explain"], ["show"], ["show", "id"]],
)
def test_hostile_text_is_spelt_out(run: Run, words: list[str]) -> None:
    """Escape sequences are shown as letters, markup as it was written; JSON gives the text back to the letter."""
    run("add", HOSTILE, "-u", "al[red]ice\x1b[1m", "--id", "id", "--tag", "[red]\x1b[1m", "--embedder", "hashing:64")
    output = run(*words, "-u", "al[red]ice\x1b[1m").stdout
    assert not set(output) & set("\x1b\x07\x9b\r\b\x7f\u202e\u2066")
    if "--json" in words:
        assert json.loads(output)[0]["text"] == HOSTILE
    else:
        assert "\\x1b]0;owned\\x07" in output
        assert "[bold red]markup[/]" in output and ":smile:" in output
        assert "[red]\\x1b[1m" in output
    assert "al[red]ice\\x1b[1m" in run("scopes").stdout


def test_hostile_errors_are_spelt_out(run: Run) -> None:
    """What an error quotes is cleaned like everything else, and an error is one line."""
    run("add", "x", "-u", "a", "--embedder", "hashing:64")
    stderr = run("search", "x", "-u", "a", "--mode", "\x1b[2J\nx", code=2).stderr
    assert "\x1b" not in stderr and stderr.count("\n") == 1


def test_no_colour_where_none_is_wanted(filled: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal there are colours, with NO_COLOR there are none."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def colours() -> int:
        from memgarden.cli.display import out, table

        monkeypatch.setattr(sys, "stdout", Terminal())
        made = table(["memory"])
        made.add_row("x", style="red")
        out().print(made)
        return sys.stdout.getvalue().count("\x1b[31m")  # type: ignore[attr-defined]

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert colours() == 1
    monkeypatch.setenv("NO_COLOR", "1")
    assert colours() == 0


def test_a_terminal_without_unicode_is_no_reason_to_fail(spawn: Run) -> None:
    """Where standard output is ASCII, what it lacks is spelt out."""
    spawn("add", "Caf\u00e9 \U0001f98a", "-u", "a", "--embedder", "hashing:64")
    found = spawn("search", "caf\u00e9", "-u", "a", env={"PYTHONIOENCODING": "ascii"})
    assert found.returncode == 0, found.stderr
    assert "Caf\\xe9 \\U0001f98a" in found.stdout
