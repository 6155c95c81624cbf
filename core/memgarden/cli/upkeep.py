"""`memgarden health` and `memgarden reindex`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from memgarden.cli.display import counted, one_line, out
from memgarden.cli.encode import health_object, print_json
from memgarden.cli.guard import NOTHING
from memgarden.cli.opening import open_to_read, require_garden
from memgarden.cli.options import GARDEN, AsJson, ChromaPlace, Place
from memgarden.cli.waiting import wait_for_chroma
from memgarden.errors import ChromaError
from memgarden.observe.health import Health

__all__ = ["health", "reindex"]

HELD = {"scopes": "scope", "memories": "memory", "chunks": "chunk"}

PATIENCE = 60.0
"""Seconds that `health --chroma` gives Chroma to catch up."""


def health(
    deep: Annotated[bool, typer.Option("--deep", help="Have the database check itself: seconds a gigabyte.")] = False,
    chroma: Annotated[
        str | None,
        typer.Option(help="Start this Chroma too (auto: the garden's own) and give it a minute to catch up."),
    ] = None,
    as_json: AsJson = False,
    garden: Place = GARDEN,
) -> None:
    """Say what the garden holds and what is wrong with it. Exit code 1 if anything is."""
    with open_to_read(garden, chroma) as opened:
        if chroma is not None:
            try:
                wait_for_chroma(opened, PATIENCE)
            except ChromaError as error:
                typer.echo(one_line(f"Chroma: {error}"), err=True)
        found = opened.health(deep=deep)
    if as_json:
        print_json(health_object(found))
    else:
        _print(found)
    if not found.ok:
        raise typer.Exit(NOTHING)


def reindex(
    wait: Annotated[bool, typer.Option("--wait", help="Build it now, and wait until it is done.")] = False,
    chroma: ChromaPlace = None,
    garden: Place = GARDEN,
) -> None:
    """Have Chroma built anew from the garden's record.

    Without --wait this only notes that it is to be done: the next process that has the garden open with its Chroma
    does it, while searches go on.
    """
    from memgarden.config import AUTO

    require_garden(garden)
    if not wait:
        _note(garden)
        typer.echo("noted: the next process that has the garden open with its Chroma builds it; --wait does it now")
        return
    with open_to_read(garden, chroma or AUTO) as opened:
        opened.reindex()
        wait_for_chroma(opened)
        typer.echo(f"Chroma holds all of it: {counted(opened.health().rows['chunks'], 'chunk')}")


def _note(where: str) -> None:
    """Fill the outbox, and leave Chroma alone."""
    with open_to_read(where, None) as opened:
        opened.reindex()


def _print(found: Health) -> None:
    console = out()
    doing = "not started" if found.chroma == "none" else found.chroma
    lines = {
        "garden": found.where,
        "embedder": f"{found.embedder}, {found.dimension} dimensions",
        "language": found.language,
        "holds": ", ".join(counted(found.rows[name], thing) for name, thing in HELD.items()),
        "on disk": f"{found.bytes / 2**20:,.1f} MiB, {counted(found.rows['embeddings'], 'cached embedding')}",
        "Chroma": f"{doing}, waiting for it: {counted(found.outbox, 'change')}",
    }
    if found.large:
        lines["large"] = ", ".join(f"{'/'.join(path)} (searched by {how})" for path, how in found.large.items())
    for name, value in lines.items():
        console.print(Text(f"{name:<10}", style="dim").append(one_line(value), style="default"))
    for problem in found.problems:
        console.print(Text("problem   ", style="bold red").append(one_line(problem), style="default"))
    if found.ok:
        console.print(Text("ok", style="bold green"))
