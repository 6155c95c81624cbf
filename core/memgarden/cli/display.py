"""How things look on a terminal, and how stored text is kept from taking it over."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn
from rich.progress import Task as ProgressTask
from rich.table import Table
from rich.text import Text

__all__ = ["clean", "counted", "one_line", "out", "progress", "table", "when"]

# Controls but tab and newline (an escape sequence can move the cursor, retitle the window, fill the clipboard), and
# the marks that reverse the order of what follows. `unicode_escape` shows them as the letters they would be typed as.
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    r"""The text with nothing in it that a terminal acts upon: an escape becomes the four letters `\x1b`."""
    return UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text.replace("\r\n", "\n"))


def one_line(text: str, most: int | None = None) -> str:
    """The clean text on one line, cut to `most` characters."""
    line = " ".join(clean(text).split())
    return line if most is None or len(line) <= most else line[: most - 1].rstrip() + "…"


def counted(count: int, thing: str) -> str:
    """So many of a thing: `1 memory`, `2,000 memories`; the thing is named in the singular, with what stands before."""
    several = f"{thing[:-1]}ies" if thing.endswith("y") else f"{thing}s"
    return f"{count:,} {thing if count == 1 else several}"


def when(time: datetime) -> str:
    """A time in UTC, to the minute."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def out(*, stderr: bool = False) -> Console:
    """A console that takes no markup from what it prints; without colours where nobody looks, or NO_COLOR is set."""
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def table(columns: Iterable[str], *, numbers: Iterable[str] = ()) -> Table:
    """A table without a frame; the columns in `numbers` are flush right. Cells are `Text`, so none is markup."""
    made = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    right = set(numbers)
    for column in columns:
        last = column == "memory"
        made.add_column(
            Text(column), justify="right" if column in right else "left", no_wrap=not last, ratio=1 if last else None
        )
    return made


class _Rate(TextColumn):
    """How many a second."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: ProgressTask) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s", style="cyan")


def progress() -> Progress:
    """A bar with counts and rate on standard error, gone when it is done, and never there where nobody looks."""
    console = out(stderr=True)
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TaskProgressColumn(),
        _Rate(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
