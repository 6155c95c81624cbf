"""`memgarden demo`: the library at work on the data that ships with it, what it finds and how long it takes."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from memgarden.cli.display import clean, counted, one_line, out, when
from memgarden.cli.options import EmbedderName
from memgarden.errors import ChromaError, InvalidSetting, MissingExtra

if TYPE_CHECKING:
    from memgarden.cli.tour import Asked, Imported
    from memgarden.garden import Garden
    from memgarden.scope import Scope

__all__ = ["demo"]

ANSWER = 88
"""Characters of an answer that the table shows."""


def demo(
    garden: Annotated[
        Path | None, typer.Option("--garden", "-g", help="Keep the garden, in this folder.", show_default="thrown away")
    ] = None,
    embedder: EmbedderName = None,
) -> None:
    """See it work: two users, twenty questions, their answers and timings. Needs no key and no network."""
    from memgarden.demo import USERS
    from memgarden.garden import Garden

    console = out()
    with _folder(garden) as folder, Garden.open(folder, embedder=embedder) as opened:
        if strangers := opened.scopes().keys() - {(user.label,) for user in USERS}:
            others = counted(len(strangers), "scope")
            raise InvalidSetting(f"{folder} holds memories of others ({others}): choose a new folder")
        _tour(opened, console)
    _next(console, garden)


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    """The folder that was asked for, or one that is gone afterwards."""
    if kept is not None:
        yield kept
    else:
        with TemporaryDirectory(prefix="memgarden-demo-") as folder:
            yield Path(folder) / "garden"


def _tour(garden: Garden, console: Console) -> None:
    """Every part of the demo, in order."""
    from memgarden.cli.tour import ask, load_users, with_langchain, with_llama_index
    from memgarden.demo import USERS

    held = garden.health().rows["memories"]
    with out(stderr=True).status("loading the model") as status:
        began = time.perf_counter()
        garden.embedder.embed(["the first text loads the model"], query=True)
        loading = time.perf_counter() - began
        imports = load_users(garden, USERS, lambda what: status.update(what))
        stored = time.perf_counter()
    _title(console, "Two users move in")
    _print_imports(console, garden, imports, loading, held)

    answers: dict[str, list[Asked]] = {}
    for user in USERS:
        scope = garden.scope(user.label)
        answers[user.label] = [ask(garden, scope, question) for question in user.questions]
        _title(console, f"{user.label} is asked ten questions")
        console.print(_answers(answers[user.label]))
    _print_timings(console, [asked for some in answers.values() for asked in some])

    first, second = (garden.scope(user.label) for user in USERS)
    found = [asked for asked in answers[USERS[0].label] if asked.rank == 1] or answers[USERS[0].label]
    question = found[0].question.text
    _title(console, "Why one of them was found")
    _print_why(console, found[0])
    _title(console, f"The same question, asked of {USERS[1].label}")
    _print_apart(console, question, first, second)

    question = found[-1].question.text
    _title(console, "The same garden in LangChain and in LlamaIndex")
    console.print(Text(one_line(question), style="italic"))
    _print_framework(console, "LangChain", with_langchain, first, question)
    _print_framework(console, "LlamaIndex", with_llama_index, first, question)

    _title(console, "In the background")
    _print_chroma(console, garden, stored)


def _title(console: Console, text: str) -> None:
    console.print()
    console.rule(Text(text, style="bold green"), align="left", style="green dim")


def _print_imports(console: Console, garden: Garden, imports: list[Imported], loading: float, held: int) -> None:
    for done in imports:
        unit = "turns of a chat" if done.user.kind == "chat" else "Markdown documents"
        console.print(
            Text(f"{done.user.label:<14}", style="bold").append(
                f"{done.memories:>4} {unit:<19} {done.embedding + done.storing:6.2f} s", style="not bold"
            )
        )
    chat = next(done for done in imports if done.user.kind == "chat")
    rows = garden.health().rows
    console.print(
        Text(
            f"{counted(rows['chunks'], 'chunk')}. {garden.embedder.name}: loaded in {loading:.2f} s, "
            f"{1000 * chat.embedding / chat.memories:.1f} ms to embed a turn, "
            f"{1000 * chat.storing / chat.memories:.2f} ms to store it.",
            style="dim",
        )
    )
    if held:
        console.print(Text("The garden held them already: the vectors came from its cache.", style="dim"))


def _answers(answers: list[Asked]) -> Table:
    made = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", expand=True)
    made.add_column("question", ratio=5)
    made.add_column("best answer", ratio=6)
    made.add_column("found", no_wrap=True)
    made.add_column("ms", justify="right", no_wrap=True)
    for asked in answers:
        best = _passage(asked.hits[0].text, asked.question.expect) if asked.hits else "-"
        found = Text("missed", style="red") if asked.rank is None else Text(f"#{asked.rank}", style="green")
        if asked.rank not in (None, 1):
            found.stylize("yellow")
        made.add_row(Text(asked.question.text), Text(best), found, Text(f"{1000 * asked.seconds:.1f}", style="cyan"))
    return made


def _passage(text: str, words: str) -> str:
    """The part of a text around the expected words, its beginning if they are not in it."""
    place = text.find(words)
    if place < 0 or len(text) <= ANSWER:
        return one_line(text, ANSWER)
    start = max(0, min(place - (ANSWER - len(words)) // 2, len(text) - ANSWER))
    start = text.find(" ", start, place) + 1 if start else 0  # from a whole word on
    return ("…" if start else "") + one_line(text[start:], ANSWER - (start > 0))


def _print_timings(console: Console, answers: list[Asked]) -> None:
    first = sum(asked.rank == 1 for asked in answers)
    among = sum(asked.rank is not None for asked in answers)
    console.print()
    console.print(
        Text(
            f"{first} of {len(answers)} answers come first, {among} among the first five. A search takes "
            f"{1000 * median(asked.seconds for asked in answers):.1f} ms (median), of which all but "
            f"{1000 * median(asked.known for asked in answers):.2f} ms is the embedding of the question.",
            style="bold",
        )
    )


def _print_why(console: Console, asked: Asked) -> None:
    hit = asked.hits[0]
    console.print(Text(one_line(asked.question.text), style="italic"))
    console.print(Text(one_line(hit.text)))
    console.print(Text(f"{when(hit.memory.created_at)} UTC · {one_line(hit.id)}", style="dim"))
    console.print(Text(clean(hit.explain())))


def _print_apart(console: Console, question: str, first: Scope, second: Scope) -> None:
    """What one user's question finds in another's scope; what must not be found is looked for by its text."""
    secrets = {memory.text for memory in first.list(limit=first.count())}
    hits = second.search(question, k=100)
    leaked = sum(hit.memory.text in secrets for hit in hits)
    console.print(Text(one_line(question), style="italic"))
    console.print(
        Text(
            f"{len(hits)} hits, {leaked} of them among the {len(secrets)} texts of {first.path[0]}.",
            style="bold red" if leaked else "bold",
        )
    )


def _print_framework(
    console: Console, name: str, retrieve: Callable[[Scope, str], list[str]], scope: Scope, question: str
) -> None:
    try:
        with out(stderr=True).status(f"importing {name}"):
            texts = retrieve(scope, question)
    except MissingExtra as error:
        console.print(Text(f"{name:<11} {error}", style="yellow"))
        return
    for number, text in enumerate(texts):
        console.print(Text(f"{'' if number else name:<11}", style="bold").append(one_line(text, 150), style="not bold"))


def _print_chroma(console: Console, garden: Garden, stored: float) -> None:
    try:
        with out(stderr=True).status("waiting for Chroma"):
            garden.flush()
        took = time.perf_counter() - stored
        console.print(Text(f"Chroma had every chunk within {took:.1f} s of the import."))
    except ChromaError as error:
        console.print(Text(one_line(f"Chroma: {error}. Searches do not need it."), style="yellow"))
    health = garden.health()
    problems = "; ".join(health.problems) or "ok"
    console.print(Text(one_line(f"health: {problems}; {health.bytes / 2**20:.1f} MiB on disk"), style="dim"))


def _next(console: Console, kept: Path | None) -> None:
    place = Path("demo-garden") if kept is None else kept
    # Made by `make demo`, the command is in a folder that no shell looks in.
    memgarden = "memgarden" if shutil.which("memgarden") else os.path.relpath(sys.argv[0])
    commands = [] if kept is not None else [f"{memgarden} demo --garden {place}"]
    commands += [
        f'{memgarden} search "what is Tomas\'s dog afraid of?" --user maya --explain --garden {place}',
        f"{memgarden} show --user harrow-finch --garden {place}",
        f'{memgarden} add "I moved to Lisbon in May." --user alice',
        f'{memgarden} search "where does she live?" --user alice',
    ]
    _title(console, "What to try next")
    for command in commands:
        console.print(Text(command, style="cyan"), soft_wrap=True)
