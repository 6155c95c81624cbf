"""`memgarden maintain`, `archive`, `dedup` and `summarise`: what would be done, and why; with --apply it is done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.text import Text

from memgarden.cli.display import counted, one_line, out, progress
from memgarden.cli.encode import print_json
from memgarden.cli.guard import NOTHING, no_memories, stop
from memgarden.cli.opening import open_to_read
from memgarden.cli.options import GARDEN, Apply, AsJson, Kinds, OlderThan, Place, Whose

if TYPE_CHECKING:
    from memgarden.garden import Garden
    from memgarden.maintain.applying import Applied
    from memgarden.maintain.plan import Plan, Step
    from memgarden.maintain.planning import Wanted
    from memgarden.maintain.policy import Keep

__all__ = ["archive", "dedup", "maintain", "summarise"]

SHOWN = 40  # steps; the rest is counted
IDS = 3  # of what a step is about


def maintain(
    policy: Annotated[
        Path | None,
        typer.Option(help="What is wanted, as TOML.", show_default="merge, and archive after 90 days"),
    ] = None,
    user: Whose = None,
    apply: Apply = False,
    as_json: AsJson = False,
    garden: Place = GARDEN,
) -> None:
    """Merge duplicates, summarise and archive, by a policy; with --apply what has expired is deleted too."""
    from memgarden.maintain.policy import Policy, read_policy

    wanted = Policy() if policy is None else read_policy(policy)
    if not apply:
        _run(wanted, user, apply=False, as_json=as_json, garden=garden)
        return
    with open_to_read(garden) as opened, progress() as bar:
        _require(opened, user)
        task = bar.add_task("maintain", total=None)
        done = opened.maintain(wanted, *(user or ()), progress=lambda count: bar.update(task, completed=count))
    _tell(done, as_json=as_json)


def archive(
    older_than: OlderThan = 90,
    unused_for: Annotated[float | None, typer.Option(help="Found by no search for so many days.")] = None,
    importance: Annotated[str, typer.Option(help="At most so important: low, medium, high or critical.")] = "high",
    kind: Kinds = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only memories with this tag. May be repeated.")] = None,
    user: Whose = None,
    apply: Apply = False,
    as_json: AsJson = False,
    garden: Place = GARDEN,
) -> None:
    """Move old memories to archives, from which `memgarden restore` brings them back."""
    from memgarden.maintain.policy import Retention

    wanted = Retention(
        older_than=older_than,
        unused_for=unused_for,
        importance=importance,
        kinds=None if kind is None else tuple(kind),
        tags=None if tag is None else tuple(tag),
    )
    _run(wanted, user, apply=apply, as_json=as_json, garden=garden)


def dedup(
    threshold: Annotated[float, typer.Option(help="The cosine from which memories are one.")] = 0.95,
    similar: Annotated[float | None, typer.Option(help="That from which they are marked.", show_default="none")] = None,
    keep: Annotated[str, typer.Option(help="What stays: newest, important or longest.")] = "newest",
    kind: Kinds = None,
    user: Whose = None,
    apply: Apply = False,
    as_json: AsJson = False,
    garden: Place = GARDEN,
) -> None:
    """Merge memories of a scope that are one; what is removed goes to archives.

    With --similar the history of those that are nearly one says so; without it they are told of, from .9 on.
    """
    from memgarden.maintain.policy import Deduplication

    wanted = Deduplication(
        threshold=threshold,
        similar=similar,
        keep=cast("Keep", keep),
        kinds=None if kind is None else tuple(kind),
    )
    _run(wanted, user, apply=apply, as_json=as_json, garden=garden)


def summarise(
    older_than: OlderThan = 180,
    similarity: Annotated[float, typer.Option(help="The mean cosine within a group.")] = 0.5,
    sentences: Annotated[float, typer.Option(help="The share of the text that a summary keeps.")] = 0.6,
    kind: Kinds = None,
    user: Whose = None,
    apply: Apply = False,
    as_json: AsJson = False,
    garden: Place = GARDEN,
) -> None:
    """Tell groups of old memories in a summary each, from their own sentences; the originals go to archives."""
    from memgarden.maintain.policy import Summarisation

    wanted = Summarisation(
        older_than=older_than,
        similarity=similarity,
        sentences=sentences,
        kinds=None if kind is None else tuple(kind),
    )
    _run(wanted, user, apply=apply, as_json=as_json, garden=garden)


def _run(wanted: Wanted, user: list[str] | None, *, apply: bool, as_json: bool, garden: str) -> None:
    with open_to_read(garden) as opened:
        _require(opened, user)
        plan = opened.plan(wanted, *(user or ()))
        if not apply:
            _show(plan, opened, as_json=as_json)
            return
        with progress() as bar:
            task = bar.add_task("apply", total=sum(len(step.goes) for step in plan if not step.idle))
            done = opened.apply(plan, progress=lambda count: bar.update(task, completed=count))
    _tell(done, as_json=as_json)


def _require(garden: Garden, user: list[str] | None) -> None:
    """Stop for a user without memories: a misspelt one looks like one with nothing to do."""
    if user and not garden.scopes(*user):
        stop(no_memories(user), NOTHING)


def _show(plan: Plan, garden: Garden, *, as_json: bool) -> None:
    if as_json:
        print_json([_step_object(step) for step in plan])
        return
    for step in plan.steps[:SHOWN]:
        ids = ", ".join(one.id for one in step.goes[:IDS])
        more = f" and {len(step.goes) - IDS} more" if len(step.goes) > IDS else ""
        joined = " and " if step.action == "similar" else " into "
        into = "" if step.stays is None else joined + step.stays.id
        head = Text(step.action, style="cyan").append(f"  {' / '.join(step.path)}  ", style="bold")
        out().print(head.append(one_line(f"{ids}{more}{into}"), style="default"), soft_wrap=True)
        first = garden.scope(*step.path).get(step.goes[0].id)
        told = "" if first is None else f": {first.text}"
        out().print(Text(f"    {one_line(step.reason + told, 110)}", style="dim"))
    if len(plan) > SHOWN:
        typer.echo(f"and {len(plan) - SHOWN:,} more")
    counts = plan.counts()
    similar, marked = counts.pop("similar", 0), sum(step.marks for step in plan)
    if similar:
        typer.echo(f"only look alike, and stay as they are: {counted(similar, 'pair')}")
    does = [f"to {action}: {count:,}" for action, count in counts.items()]
    if marked:
        does.append(f"to mark as similar, unless they are: {marked:,}")
    told = ", ".join(does)
    typer.echo(f"{told}; nothing was changed: --apply does it" if told else "nothing to do")


def _tell(done: Applied, *, as_json: bool) -> None:
    from memgarden.maintain.applying import CAUSES

    if as_json:
        print_json(
            {
                "done": done.done,
                "swept": done.swept,
                "changed": done.changed,
                "archives": done.archives,
                "failed": done.failed,
            }
        )
    else:
        told = ", ".join(f"{CAUSES[action]}: {count:,}" for action, count in done.done.items() if count)
        typer.echo(told or "nothing to do")
        if done.swept:
            typer.echo(f"{counted(done.swept, 'expired memory')} deleted")
        if done.changed:
            typer.echo(f"changed meanwhile, and left as it is: {counted(done.changed, 'memory')}")
        for name in done.archives:
            typer.echo(f"archive {name}: `memgarden restore {name}` brings it back")
    for name, reason in done.failed.items():
        typer.echo(one_line(f"{name} stays: {reason}"), err=True)
    if done.failed:
        raise typer.Exit(NOTHING)


def _step_object(step: Step) -> dict[str, Any]:
    return {
        "action": step.action,
        "scope": list(step.path),
        ("alike" if step.action == "similar" else "goes"): [one.id for one in step.goes],
        "stays": None if step.stays is None else step.stays.id,
        "reason": step.reason,
        "scores": list(step.scores),
        "marks": step.marks,
    }
