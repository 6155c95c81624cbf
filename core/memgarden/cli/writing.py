"""`memgarden add` and `memgarden import`."""

from __future__ import annotations

import sys
import time
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from memgarden.cli.display import clean, counted, progress
from memgarden.cli.guard import NOTHING
from memgarden.cli.importing import count_lines, grouped, namer
from memgarden.cli.moving import import_export, is_export
from memgarden.cli.opening import open_to_write
from memgarden.cli.options import GARDEN, ChromaPlace, EmbedderName, Place, User, Users, read_json, read_time
from memgarden.cli.stores import import_chroma, import_mem0
from memgarden.cli.waiting import wait_for_chroma
from memgarden.errors import InvalidSetting, MemgardenError

__all__ = ["add", "import_"]


class Form(StrEnum):
    """What `import` reads."""

    BEIR = "beir"
    CHAT = "chat"
    CHROMA = "chroma"
    FOLDER = "folder"
    MEM0 = "mem0"
    MEMGARDEN = "memgarden"


def add(
    text: Annotated[str, typer.Argument(help="What is to be remembered; - reads it from standard input.")],
    user: User,
    id: Annotated[str | None, typer.Option(help="An id of your own; one that is there already is replaced.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag; may be repeated.")] = None,
    importance: Annotated[str, typer.Option(help="low, medium, high or critical.")] = "medium",
    kind: Annotated[str, typer.Option(help="What sort of memory it is.")] = "note",
    created_at: Annotated[str | None, typer.Option(help="When it was said: ISO 8601, UTC unless it says.")] = None,
    metadata: Annotated[str | None, typer.Option(help="A JSON object of whatever else is known.")] = None,
    garden: Place = GARDEN,
    embedder: EmbedderName = None,
) -> None:
    """Remember one text, and print its id.

    It is on disk and can be found when the command ends. Chroma, which takes seconds to start, is given it by the
    next process that has the garden open with its Chroma.
    """
    if text == "-":
        text = sys.stdin.read().removesuffix("\n")
    with open_to_write(garden, embedder) as opened:
        memory = opened.scope(*user).add(
            text,
            id=id,
            metadata=read_json("--metadata", metadata),
            tags=tag or (),
            importance=importance,
            kind=kind,
            created_at=read_time("--created-at", created_at),
        )
    typer.echo(clean(memory.id))


def import_(
    path: Annotated[Path, typer.Argument(exists=True, help="A file of JSON lines, a text file, or a folder.")],
    user: Users = None,
    form: Annotated[Form | None, typer.Option("--as", help="What it is, if it cannot be told by its looks.")] = None,
    scope_by: Annotated[
        str | None, typer.Option(help="A key of the metadata: each of its values becomes a scope, below --user.")
    ] = None,
    collection: Annotated[
        str | None, typer.Option(help="The collection, of --as chroma and --as mem0.", show_default="mem0")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until Chroma has it all, too.")] = False,
    chroma: ChromaPlace = None,
    garden: Place = GARDEN,
    embedder: EmbedderName = None,
) -> None:
    """Remember a chat, a BEIR corpus, the text and Markdown files of a folder, an export of memgarden's, or a store.

    Memories with an id of their own, or with a place in a file, replace what the scope has under it: an import that
    was stopped is mended by running it again. What has no text is passed over. Exit code 1 if nothing was there. An
    export goes where its memories came from, or all of it into the scope of --user.

    --as chroma takes a collection in a folder of Chroma's, into the scope of --user; --as mem0 the folder of a mem0
    store, each memory into the scope of its user, below --user.
    """
    from memgarden.config import AUTO
    from memgarden.garden import Garden
    from memgarden.ingest.readers import detect, read

    if form is Form.MEMGARDEN or (form is None and is_export(path)):
        import_export(path, tuple(user or ()), garden, embedder)
        return
    if form is Form.CHROMA or form is Form.MEM0:
        if scope_by is not None or wait:
            raise InvalidSetting(f"--scope-by and --wait do not go with --as {form.value}: leave them out")
        take = import_chroma if form is Form.CHROMA else import_mem0
        take(path, collection, tuple(user or ()), garden, embedder)
        return
    if collection is not None:
        raise InvalidSetting("--collection goes with --as chroma and --as mem0: say which it is")
    if not user and scope_by is None:
        raise InvalidSetting("whose memories are they? Name the user with --user, or the metadata key with --scope-by")
    kind = detect(path) if form is None else form.value
    empty: list[str] = []
    scopes: set[tuple[str, ...]] = set()
    stored, began = 0, time.perf_counter()
    with Garden.open(garden, embedder=embedder, chroma=(chroma or AUTO) if wait else None) as opened:
        try:
            with progress() as bar:
                task = bar.add_task(clean(path.name), total=None if kind == "folder" else count_lines(path))

                def advance(before: int, done: int) -> None:
                    bar.update(task, completed=before + done)

                for labels, batch in grouped(read(path, kind, empty.append), namer(tuple(user or ()), scope_by)):
                    opened.scope(*labels).add_many(batch, progress=partial(advance, stored))
                    stored += len(batch)
                    scopes.add(labels)
        except MemgardenError:
            if stored:
                typer.echo(f"stored before this: at least {counted(stored, 'memory')}", err=True)
            raise
        seconds = time.perf_counter() - began
        if wait:
            wait_for_chroma(opened)
    skipped = f"; passed over: {len(empty):,} without text" if empty else ""
    typer.echo(
        f"{counted(stored, 'memory')} stored in {counted(len(scopes), 'scope')} in {seconds:,.1f} s "
        f"({stored / seconds:,.0f} a second){skipped}"
    )
    if not stored:
        raise typer.Exit(NOTHING)
