"""What every command shares: errors become one line and an exit code, never a traceback."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from memgarden.cli.display import one_line
from memgarden.errors import MemgardenError

__all__ = ["NOTHING", "REFUSED", "Guarded", "no_memories", "stop"]

NOTHING = 1
"""The exit code of a search that finds nothing, as grep's, and of a garden that is not well."""

REFUSED = 2
"""The exit code of input that is wrong and of a garden that refuses; usage errors have the same."""


class Guarded(TyperGroup):
    """The commands, with their errors said on one line of standard error."""

    def invoke(self, ctx: Any) -> Any:  # Click's Context, which some versions of Typer bring themselves
        """Run the command that was asked for."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # a terminal that knows no emoji is no reason to fail
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # the reader had enough, as in `| head`
        except (MemgardenError, OSError) as error:
            stop(f"error: {error}", REFUSED)


def no_memories(labels: Sequence[str]) -> str:
    """What is said of a user without memories: a misspelt one looks like one with nothing to do."""
    return f"{' / '.join(labels)!r} holds no memories; `memgarden scopes` lists those that do"


def stop(message: str, code: int) -> NoReturn:
    """Say why on standard error, and end with that exit code."""
    typer.echo(one_line(message), err=True)
    raise typer.Exit(code)
