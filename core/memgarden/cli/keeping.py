"""`memgarden forget` and `memgarden compact`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Literal, cast

import typer
from rich.text import Text

from memgarden.cli.display import clean, counted, one_line, out, table
from memgarden.cli.encode import print_json
from memgarden.cli.guard import NOTHING, REFUSED, stop
from memgarden.cli.opening import open_to_read
from memgarden.cli.options import GARDEN, Apply, AsJson, ChromaPlace, Place
from memgarden.forgetting import Receipt, finish_forgetting
from memgarden.garden import Garden
from memgarden.maintain.compact import Compaction
from memgarden.paths import check_path

__all__ = ["compact", "forget"]


def forget(
    user: Annotated[
        list[str] | None, typer.Option("--user", "-u", help="Whose memories. Repeated, it is a path: -u acme -u alice.")
    ] = None,
    id: Annotated[list[str] | None, typer.Option("--id", help="Only the memory of this id; may be repeated.")] = None,
    finish: Annotated[bool, typer.Option("--finish", help="Finish what was cut off, and forget nothing more.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for Chroma.", min=0)] = 300.0,
    as_json: AsJson = False,
    chroma: ChromaPlace = None,
    garden: Place = GARDEN,
) -> None:
    """Forget a user, and all below, or some memories: no file of the garden holds a word of them afterwards.

    Prints a receipt that says what was forgotten in numbers. Exit code 1 if Chroma has yet to erase it.
    """
    if finish == bool(user) or (id and not user):
        stop("say whose memories with --user, or --finish to finish what was cut off", REFUSED)
    with open_to_read(garden, chroma) as opened:
        if finish:
            receipts = finish_forgetting(opened._parts.opened(), timeout)
        else:
            labels = tuple(user or ())
            if not _known(opened, labels):
                stop(
                    f"no user {'/'.join(map(one_line, labels))!r} was ever here: `memgarden scopes` lists them", NOTHING
                )
            held = sum(opened.scopes(*labels).values())
            what = counted(len(id), "memory") if id else f"{'all ' * (held > 1)}{counted(held, 'memory')}"
            question = one_line(f"Forget {what} of {'/'.join(labels)}? They cannot be brought back.")
            if not yes and not typer.confirm(question, err=True):
                raise typer.Exit(NOTHING)
            scope = opened.scope(*labels)
            receipts = [scope.forget(id, timeout=timeout) if id else opened.forget(scope, timeout=timeout)]
    if as_json:
        print_json([receipt.to_json() for receipt in receipts] if finish else receipts[0].to_json())
    else:
        for receipt in receipts:
            _print(receipt)
        if not receipts:
            typer.echo("nothing is left to be done")
    if any(receipt.chroma == "waiting" for receipt in receipts):
        raise typer.Exit(NOTHING)


def _known(garden: Garden, labels: tuple[str, ...]) -> bool:
    """Whether anything was ever stored there or below, whatever became of it."""
    parts = garden._parts.opened()
    here = parts.pool.use(check_path(labels), lambda index: index is not None)
    archived = parts.archives is not None and bool(garden.archives(*labels))
    return here or bool(garden.scopes(*labels)) or archived


def compact(
    apply: Apply = False,
    full: Annotated[bool, typer.Option("--full", help="Write the database anew, while writers wait.")] = False,
    days: Annotated[float, typer.Option(help="Drop history that is older.", min=0)] = 730.0,
    vectors: Annotated[str | None, typer.Option(help="Keep old vectors as float16 or int8; says the loss.")] = None,
    vectors_days: Annotated[float, typer.Option(help="Of what was said longer ago.", min=0)] = 180.0,
    as_json: AsJson = False,
    chroma: ChromaPlace = None,
    garden: Place = GARDEN,
) -> None:
    """Drop what the garden does not need, and give its room back, a little at a time while others use it."""
    with open_to_read(garden, chroma) as opened:
        form, age = cast("Literal['float16', 'int8']", vectors), timedelta(days=vectors_days)
        narrowed = None if vectors is None else opened.narrow(form, older_than=age, apply=apply)
        done = opened.compact(full=full, older_than=timedelta(days=days), apply=apply)
    if as_json:
        print_json(done.to_json() | {"vectors": None if narrowed is None else asdict(narrowed)})
        return
    if narrowed is not None and not narrowed.chunks:
        typer.echo(f"vectors: none of what was said more than {vectors_days:g} days ago is to be narrowed")
    elif narrowed is not None:
        typer.echo(
            f"vectors of {counted(narrowed.chunks, 'chunk')} as {narrowed.form}: {narrowed.saved / 2**20:,.1f} MiB "
            f"less; cosine with what they were {narrowed.mean:.5f}, at worst {narrowed.worst:.5f}; "
            f"{narrowed.overlap:.1%} of the ten nearest the same"
        )
    dropped = ", ".join(f"{kind} {count:,}" for kind, count in done.dropped.items() if count) or "nothing"
    typer.echo(f"{'dropped' if done.applied else 'to drop'}: {dropped}")
    _print_sizes(done)
    for name in done.files:
        typer.echo(clean(f"left over: {name}"))
    for note in done.notes:
        typer.echo(clean(f"note: {note}"))
    if not done.applied:
        typer.echo("nothing was changed: --apply does it")


def _print_sizes(done: Compaction) -> None:
    after = "now" if done.applied else "then about"
    rows = table(["MiB", "before", after], numbers=["before", after])
    sizes = zip(done.before.to_json().items(), done.after.to_json().values(), strict=True)
    for (name, before), then in sizes:
        told = ("-" if size is None else f"{size / 2**20:,.1f}" for size in (before, then))
        rows.add_row(Text("Chroma" if name == "chroma" else name), *map(Text, told))
    out().print(rows)


def _print(receipt: Receipt) -> None:
    pieces = (receipt.memories, "memory"), (receipt.chunks, "chunk"), (receipt.history, "history event")
    counts = ", ".join(counted(count, thing) for count, thing in pieces)
    typer.echo(f"forgotten: {counts}, {receipt.archived:,} archived; Chroma: {receipt.chroma}")
    typer.echo(f"receipt of {receipt.when:%Y-%m-%d %H:%M:%S} UTC: {receipt.digest} (salt {receipt.salt})")
    for note in receipt.notes:
        typer.echo(clean(f"note: {note}"))
