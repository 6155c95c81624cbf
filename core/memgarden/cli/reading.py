"""`memgarden search`, `memgarden show` and `memgarden scopes`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, cast

import typer
from rich.text import Text

from memgarden.cli.display import clean, counted, one_line, out, table, when
from memgarden.cli.encode import hit_object, memory_object, print_json
from memgarden.cli.guard import NOTHING, no_memories, stop
from memgarden.cli.opening import open_to_read
from memgarden.cli.options import GARDEN, AsJson, Place, User, read_json, read_time
from memgarden.protocols import Order
from memgarden.records import Hit, Memory
from memgarden.retrieve.query import Mode
from memgarden.scope import Scope

__all__ = ["print_hits", "scopes", "search", "show"]

SHOWN = 240
"""Characters of a memory that a list shows: three lines or so."""


def search(
    query: Annotated[str, typer.Argument(help="A question, or words.")],
    user: User,
    k: Annotated[int, typer.Option("-k", help="How many memories at most.")] = 5,
    mode: Annotated[str, typer.Option(help="hybrid, lexical or dense.")] = "hybrid",
    alpha: Annotated[float | None, typer.Option(help="Weight of the dense leg, 0 to 1.", show_default="0.5")] = None,
    fusion: Annotated[
        str | None, typer.Option(help="zscore, rrf, rank-linear, max, tmm or weighted.", show_default="zscore")
    ] = None,
    where: Annotated[str | None, typer.Option(help='A filter in JSON: {"tags": "home"}')] = None,
    since: Annotated[str | None, typer.Option(help="Said at this time or later: ISO 8601, UTC unless it says.")] = None,
    until: Annotated[str | None, typer.Option(help="Said before this time.")] = None,
    min_score: Annotated[float | None, typer.Option(help="Leave out what scores less.")] = None,
    expander: Annotated[list[str] | None, typer.Option(help="Ask in other words too: templates or prf.")] = None,
    times: Annotated[bool, typer.Option(help="Prefer what was said when the query says.")] = True,
    explain: Annotated[bool, typer.Option("--explain", help="Say what each leg of the search thought.")] = False,
    as_json: AsJson = False,
    garden: Place = GARDEN,
) -> None:
    """Ask one user's memories. Exit code 1 if nothing is found, as grep's."""
    with open_to_read(garden) as opened:
        scope = opened.scope(*user)
        hits = scope.search(
            query,
            k=k,
            mode=cast("Mode", mode),
            alpha=alpha,
            fusion=fusion,
            where=read_json("--where", where),
            since=read_time("--since", since),
            until=read_time("--until", until),
            min_score=min_score,
            expander=expander or (),
            times=times,
        )
        if as_json:
            print_json([hit_object(hit) for hit in hits])
        if not hits:
            _stop_without(scope)
    if not as_json:
        print_hits(hits, explain=explain)


def show(
    user: User,
    id: Annotated[str | None, typer.Argument(help="A memory's id, to see it whole; without it, the latest.")] = None,
    limit: Annotated[int, typer.Option(help="How many.")] = 20,
    order: Annotated[str, typer.Option(help="created_at or stored_at; a minus before it means latest first.")] = (
        "-created_at"
    ),
    as_json: AsJson = False,
    garden: Place = GARDEN,
) -> None:
    """Show one memory whole, or the latest ones. Exit code 1 if there is none."""
    with open_to_read(garden) as opened:
        scope = opened.scope(*user)
        if id is not None:
            found = scope.get(id)
            memories = [] if found is None else [found]
        else:
            memories = scope.list(order=cast("Order", order), limit=limit)
        if as_json:
            print_json([memory_object(memory) for memory in memories])
        if not memories:
            _stop_without(scope, f"no memory {id!r}" if id is not None else "nothing to show")
    if as_json:
        return
    if id is not None:
        _print_whole(memories[0])
        return
    rows = table(["when (UTC)", "memory"])
    for memory in memories:
        rows.add_row(Text(when(memory.created_at)), _cell(memory.text, memory))
    out().print(rows)


def scopes(
    prefix: Annotated[list[str] | None, typer.Argument(help="Labels: only the scopes at and below them.")] = None,
    as_json: AsJson = False,
    garden: Place = GARDEN,
) -> None:
    """List the scopes of the garden, with how many memories each holds. Exit code 1 if there is none."""
    with open_to_read(garden) as opened:
        found = opened.scopes(*(prefix or ()))
    if as_json:
        print_json([{"scope": list(path), "memories": count} for path, count in found.items()])
    if not found:
        stop("no scope there holds memories", NOTHING)
    if not as_json:
        rows = table(["memories", "scope"], numbers=["memories"])
        for path, count in found.items():
            rows.add_row(Text(f"{count:,}", style="cyan"), Text(" / ".join(map(one_line, path))))
        out().print(rows)
        out().print(Text(f"{counted(sum(found.values()), 'memory')} in {counted(len(found), 'scope')}", style="dim"))


def print_hits(hits: Sequence[Hit], *, explain: bool = False) -> None:
    """A table of hits, best first. `relevance` tells the weak ones: a score orders the hits of one question only."""
    rows = table(["#", "score", "relevance", "when (UTC)", "memory"], numbers=["#", "score", "relevance"])
    for number, hit in enumerate(hits, 1):
        rows.add_row(
            Text(str(number)),
            Text(f"{hit.score:.3f}", style="cyan"),
            Text(f"{hit.relevance:.2f}", style="cyan"),
            Text(when(hit.memory.created_at)),
            _cell(hit.text, hit.memory, hit if explain else None),
        )
    out().print(rows)


def _cell(text: str, memory: Memory, explained: Hit | None = None) -> Text:
    """A memory's text, cut, with its id and tags below it."""
    cell = Text(one_line(text, SHOWN))
    cell.append("\n" + one_line(" · ".join([memory.id, *(f"#{tag}" for tag in memory.tags)])), style="dim")
    if explained is not None:
        cell.append("\n" + clean(explained.explain()), style="green")
    return cell


def _print_whole(memory: Memory) -> None:
    """Every field of a memory, then its text as it is."""
    whole = memory_object(memory)
    text = whole.pop("text")
    fields = {name: value for name, value in whole.items() if value not in (None, [], {})}
    console = out()
    width = max(map(len, fields))
    for name, value in fields.items():
        line = Text(f"{name:<{width}}  ", style="dim")
        console.print(line.append(one_line(value if isinstance(value, str) else _pairs(value)), style="default"))
    console.print()
    console.print(Text(clean(text)), soft_wrap=True)


def _pairs(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={inner}" for key, inner in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _stop_without(scope: Scope, what: str = "nothing found") -> None:
    """End where there is nothing, and say so if the scope itself is empty: a misspelt user looks like that."""
    hint = "" if scope.count() else f": {no_memories(scope.path)}"
    stop(what + hint, NOTHING)
