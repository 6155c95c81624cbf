"""What `memgarden import` does with the stores of others, and `memgarden export` with a Chroma collection."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from memgarden.cli.display import clean, counted, one_line, progress
from memgarden.cli.guard import NOTHING
from memgarden.cli.opening import open_to_read, open_to_write
from memgarden.errors import InvalidSetting

if TYPE_CHECKING:
    from memgarden.garden import Garden
    from memgarden.ingest.adopt import Adoption

__all__ = ["export_to_chroma", "import_chroma", "import_mem0"]

SHOWN = 5  # refused records; the rest is counted


def import_chroma(path: Path, collection: str | None, user: tuple[str, ...], garden: str, embedder: str | None) -> None:
    """Store a Chroma collection in the scope of `user`."""
    if collection is None:
        raise InvalidSetting("which collection? Name it with --collection")
    if not user:
        raise InvalidSetting("whose memories are they? Name the user with --user")
    _import(
        path, garden, embedder, lambda opened, told: opened.adopt_chroma(path, collection, scope=user, progress=told)
    )


def import_mem0(path: Path, collection: str | None, user: tuple[str, ...], garden: str, embedder: str | None) -> None:
    """Store a mem0 store's memories, each in the scope of its user, below that of `user`."""
    name, scope = collection or "mem0", user or None
    _import(path, garden, embedder, lambda opened, told: opened.adopt_mem0(path, name, scope=scope, progress=told))


def _import(
    path: Path, garden: str, embedder: str | None, work: Callable[[Garden, Callable[[int], None]], Adoption]
) -> None:
    began = time.perf_counter()
    with open_to_write(garden, embedder) as opened, progress() as bar:
        task = bar.add_task(clean(path.name), total=None)
        done = work(opened, lambda count: bar.update(task, completed=count))
    typer.echo(f"{counted(done.adopted, 'memory')} stored in {time.perf_counter() - began:,.1f} s; {clean(done.note)}")
    if done.archived:
        typer.echo(f"left in archives: {counted(done.archived, 'memory')} (`memgarden restore` brings back)")
    _say(done.refused, done.adopted + done.archived)


def export_to_chroma(target: str, collection: str, layout: str, user: tuple[str, ...], garden: str) -> None:
    """Write the memories of one scope into a Chroma collection."""
    if not user:
        raise InvalidSetting("whose memories? A collection takes one scope: name it with --user")
    with open_to_read(garden) as opened, progress() as bar:
        task = bar.add_task(clean(collection), total=opened.scope(*user).count())
        done = opened.give_chroma(
            target, collection, scope=user, layout=layout, progress=lambda count: bar.update(task, completed=count)
        )
    gone = f"; removed, since the scope holds them no more: {counted(done.removed, 'record')}" if done.removed else ""
    typer.echo(f"{counted(done.given, 'memory')} written to {clean(collection)} in {clean(target)}{gone}")
    _say(done.refused, done.given)


def _say(refused: Mapping[str, str], stored: int) -> None:
    for id, reason in list(refused.items())[:SHOWN]:  # noqa: A001
        typer.echo(one_line(f"{clean(id)} was refused: {clean(reason)}"), err=True)
    if len(refused) > SHOWN:
        typer.echo(f"and {len(refused) - SHOWN:,} more", err=True)
    if refused or not stored:
        raise typer.Exit(NOTHING)
