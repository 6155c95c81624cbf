"""The command line: `memgarden COMMAND`, or `python -m memgarden.cli COMMAND`.

What is heavy (models, SQL, Chroma, the frameworks) is imported by the commands that use it: help comes at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from memgarden.cli.archived import archives, history, restore
from memgarden.cli.demo import demo
from memgarden.cli.evaluating import evaluate_, tune_
from memgarden.cli.guard import Guarded
from memgarden.cli.keeping import compact, forget
from memgarden.cli.maintaining import archive, dedup, maintain, summarise
from memgarden.cli.moving import backup, export, sweep
from memgarden.cli.reading import scopes, search, show
from memgarden.cli.upkeep import health, reindex
from memgarden.cli.writing import add, import_

__all__ = ["app"]

app = typer.Typer(
    name="memgarden",
    cls=Guarded,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Long-term memory for LLM applications. A new one? `memgarden demo` shows it.",
    epilog="Exit codes: 0 done, 1 nothing found or not well, 2 wrong input or refused. The garden is --garden, else "
    "MEMGARDEN_PATH, else ./garden. Text that was stored is shown with its control characters spelt out.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from memgarden import __version__

        typer.echo(f"memgarden {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """What goes before the command."""


app.command("demo")(demo)
app.command("add")(add)
app.command("import")(import_)
app.command("export")(export)
app.command("search")(search)
app.command("show")(show)
app.command("scopes")(scopes)
app.command("health")(health)
app.command("reindex")(reindex)
app.command("maintain")(maintain)
app.command("dedup")(dedup)
app.command("summarise")(summarise)
app.command("archive")(archive)
app.command("archives")(archives)
app.command("restore")(restore)
app.command("history")(history)
app.command("sweep")(sweep)
app.command("backup")(backup)
app.command("forget")(forget)
app.command("compact")(compact)
app.command("eval")(evaluate_)
app.command("tune")(tune_)
