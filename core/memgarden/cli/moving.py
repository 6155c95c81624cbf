"""`memgarden export`, `memgarden backup` and `memgarden sweep`, and what `memgarden import` does with an export."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from memgarden.cli.display import clean, counted, one_line, progress
from memgarden.cli.guard import NOTHING
from memgarden.cli.opening import open_to_read, open_to_write
from memgarden.cli.options import GARDEN, Apply, Place, Whose
from memgarden.cli.stores import export_to_chroma

__all__ = ["backup", "export", "import_export", "is_export", "sweep"]

SHOWN = 5  # refused lines; the rest is counted


def export(
    target: Annotated[
        str, typer.Argument(help="The file to write; zipped if its name ends with .gz. With --to-chroma its folder.")
    ],
    user: Whose = None,
    vectors: Annotated[
        bool, typer.Option(help="Keep the vectors; without them the file is smaller, and embedded anew.")
    ] = True,
    to_chroma: Annotated[
        str | None,
        typer.Option("--to-chroma", help="A collection to write one scope into; TARGET is a folder or an http:// URL."),
    ] = None,
    layout: Annotated[str, typer.Option(help="Who reads the collection: langchain or llama-index.")] = "langchain",
    garden: Place = GARDEN,
) -> None:
    """Write a garden, or a user's scopes, to a file that `memgarden import` reads. Exit code 1 if nothing was there.

    With --to-chroma the memories of the one scope of --user go into a Chroma collection, which is brought to what the
    scope holds.
    """
    if to_chroma is not None:
        export_to_chroma(target, to_chroma, layout, tuple(user or ()), garden)
        return
    file = Path(target)
    with open_to_read(garden) as opened, progress() as bar:
        task = bar.add_task(clean(file.name), total=sum(opened.scopes(*(user or ())).values()))
        written = opened.export(
            file, *(user or ()), vectors=vectors, progress=lambda done: bar.update(task, completed=done)
        )
    typer.echo(f"{counted(written, 'memory')} written to {clean(target)}")
    if not written:
        raise typer.Exit(NOTHING)


def backup(
    folder: Annotated[Path, typer.Argument(help="A folder without a garden; it is made if it is not there.")],
    garden: Place = GARDEN,
) -> None:
    """Copy the garden as it is now, while others use it. The copy is a garden: open it there, or put it in place."""
    with open_to_read(garden) as opened:
        opened.backup(folder)
    typer.echo(f"copied to {clean(str(folder))}: `memgarden health --garden {clean(str(folder))}` looks at it")


def sweep(apply: Apply = False, garden: Place = GARDEN) -> None:
    """Delete what has expired, in every scope and in archives: nobody finds it before that, either."""
    with open_to_read(garden) as opened:
        swept = counted(opened.sweep(apply=apply), "expired memory")
    typer.echo(f"{swept} deleted" if apply else f"to delete: {swept}; nothing was changed: --apply does it")


def is_export(path: Path) -> bool:
    """Whether a file says in its first line that it is an export of memgarden's."""
    import gzip

    from memgarden.errors import MemgardenError
    from memgarden.maintain.lines import read_head

    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if zipped else path.open("rb") as file:
            read_head(file.readline(1_000).decode("utf-8", "replace"))
    except (MemgardenError, OSError, EOFError):
        return False
    return True


def import_export(path: Path, user: tuple[str, ...], garden: str, embedder: str | None) -> None:
    """Store an export: where its memories came from, or all in the scope of `user`."""
    began = time.perf_counter()
    with open_to_write(garden, embedder) as opened, progress() as bar:
        task = bar.add_task(clean(path.name), total=None)
        done = opened.import_(path, scope=user or None, progress=lambda count: bar.update(task, completed=count))
    seconds = time.perf_counter() - began
    how = "with the vectors of the file" if done.kept_vectors else "embedded anew"
    typer.echo(f"{counted(done.stored, 'memory')} stored in {seconds:,.1f} s, {how}")
    for number, reason in list(done.refused.items())[:SHOWN]:
        typer.echo(one_line(f"line {number} was refused: {reason}"), err=True)
    if len(done.refused) > SHOWN:
        typer.echo(f"and {len(done.refused) - SHOWN:,} more", err=True)
    if done.refused or not done.stored:
        raise typer.Exit(NOTHING)
