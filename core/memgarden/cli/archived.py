"""`memgarden archives`, `memgarden restore` and `memgarden history`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from memgarden.cli.display import clean, counted, one_line, out, when
from memgarden.cli.encode import hit_object, print_json
from memgarden.cli.guard import NOTHING, stop
from memgarden.cli.opening import open_to_read, require_garden
from memgarden.cli.options import GARDEN, AsJson, Place, User, Whose
from memgarden.cli.reading import print_hits

__all__ = ["archives", "history", "restore"]


def archives(
    user: Whose = None,
    search: Annotated[str | None, typer.Option(help="Find this in the user's archives: it reads them whole.")] = None,
    k: Annotated[int, typer.Option("-k", help="How many memories at most.")] = 5,
    as_json: AsJson = False,
    garden: Place = GARDEN,
) -> None:
    """List archives, or search those of one user. Exit code 1 if there is none, or nothing is found."""
    with open_to_read(garden) as opened:
        if search is not None:
            if not user:
                raise typer.BadParameter("--search needs --user: whose archives")
            hits = opened.scope(*user).search_archives(search, k=k)
            if as_json:
                print_json([hit_object(hit) for hit in hits])
            if not hits:
                stop("nothing found in the archives", NOTHING)
            if not as_json:
                print_hits(hits)
            return
        found = opened.archives(*(user or ()))
    if as_json:
        print_json(
            [
                {"name": each.name, "scope": list(each.scope), "cause": each.cause, "count": each.count}
                | {"made_at": each.made_at.isoformat(), "bytes": each.bytes, "sha256": each.sha256}
                for each in found
            ]
        )
    if not found:
        stop("there are no archives", NOTHING)
    if not as_json:
        for each in found:
            scope = " / ".join(map(one_line, each.scope))
            held = f"{counted(each.count, 'memory')}, {each.bytes / 1024:,.0f} KiB"
            told = f"{when(each.made_at)}  {scope}  {each.cause}, {held}"
            out().print(Text(each.name, style="cyan"), soft_wrap=True)
            out().print(Text(f"    {told}"), soft_wrap=True)
        typer.echo("`memgarden restore NAME` brings one back, `memgarden restore NAME ID` a memory of it")


def restore(
    archive: Annotated[str, typer.Argument(help="An archive's name, or the folder of a backup.")],
    ids: Annotated[list[str] | None, typer.Argument(help="Only these memories of the archive.")] = None,
    garden: Place = GARDEN,
) -> None:
    """Bring memories back from an archive, or a whole garden from a backup to a --garden that is not there yet.

    What is back is in the archive no more, and a summary goes when all that it told is back.
    """
    from memgarden.build import DATABASE

    if (Path(archive) / DATABASE).is_file():
        require_garden(archive)
        with open_to_read(archive) as backup:
            backup.backup(garden)
        typer.echo(f"restored to {clean(garden)}: `memgarden health --garden {clean(garden)}` looks at it")
        return
    with open_to_read(garden) as opened:
        done = opened.restore(archive, ids or None)
    typer.echo(f"brought back: {counted(done.restored, 'memory')}")
    for name, reason in done.refused.items():
        typer.echo(one_line(f"{name} stays in the archive: {reason}"), err=True)
    if done.refused or not done.restored:
        raise typer.Exit(NOTHING)


def history(
    id: Annotated[str, typer.Argument(help="A memory's id.")],
    user: User,
    as_json: AsJson = False,
    garden: Place = GARDEN,
) -> None:
    """Say what became of a memory, and when. Exit code 1 if the user never had one of this id."""
    with open_to_read(garden) as opened:
        past = opened.scope(*user).history(id)
    if as_json:
        print_json([{"event": one.event, "at": one.at.isoformat(), "detail": dict(one.detail)} for one in past])
    if not past:
        stop(f"no memory {one_line(id)!r} was ever there, or it was forgotten", NOTHING)
    if not as_json:
        for one in past:
            detail = ", ".join(f"{name} {value}" for name, value in one.detail.items())
            line = Text(f"{when(one.at)}  ").append(f"{one.event:<10}", style="cyan")
            out().print(line.append(f"  {one_line(detail)}"), soft_wrap=True)
