"""The options that commands share, and how their texts are read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from memgarden.errors import InvalidSetting

__all__ = [
    "GARDEN",
    "Apply",
    "AsJson",
    "ChromaPlace",
    "EmbedderName",
    "Kinds",
    "OlderThan",
    "Place",
    "User",
    "Users",
    "Whose",
    "read_json",
    "read_time",
]

GARDEN = "./garden"

Place = Annotated[
    str,
    typer.Option("--garden", "-g", envvar="MEMGARDEN_PATH", help="The garden: a folder, or the URL of its database."),
]
User = Annotated[
    list[str], typer.Option("--user", "-u", help="Whose memories. Repeated, it is a path: -u acme -u alice.")
]
Users = Annotated[
    list[str] | None,
    typer.Option("--user", "-u", help="Whose memories they become. Repeated, it is a path: -u acme -u alice."),
]
Whose = Annotated[
    list[str] | None,
    typer.Option("--user", "-u", help="Only this user's; without it, everybody's. Repeated, it is a path."),
]
Apply = Annotated[bool, typer.Option("--apply", help="Do it. Without this it is only said what would be done.")]
Kinds = Annotated[list[str] | None, typer.Option("--kind", help="Only memories of this kind. May be repeated.")]
OlderThan = Annotated[float, typer.Option(help="Said more than so many days ago.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else; times are ISO 8601.")]
EmbedderName = Annotated[
    str | None,
    typer.Option(
        "--embedder",
        help="For a garden that is made now: onnx, fast, hashing, sentence-transformers:MODEL. It keeps what it has.",
        show_default="onnx",
    ),
]
ChromaPlace = Annotated[
    str | None,
    typer.Option(
        "--chroma",
        envvar="MEMGARDEN_CHROMA",
        help="A folder or the http:// URL of a server.",
        show_default="the garden's own",
    ),
]


def read_json(option: str, text: str | None) -> Any:
    """The JSON that an option holds, None where it was not given."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidSetting(f"{option} is not JSON ({error}): write it as in {option} '{{\"page\": 3}}'") from error


def read_time(option: str, text: str | None) -> datetime | None:
    """The time that an option holds; without a zone it is UTC, as in the files that `import` reads."""
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidSetting(f"{option} is no time: write ISO 8601, as in {option} 2024-05-01T12:30:00Z") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)
