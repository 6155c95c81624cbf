"""Reads what people have into memories: BEIR collections, chats as JSON lines, folders of text and Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from memgarden.errors import InvalidMemory
from memgarden.records import Memory, new_id, utc_now

__all__ = ["detect", "json_lines", "read", "read_beir", "read_chat", "read_folder"]

CONVERT = "convert it, as in `iconv -f latin1 -t utf-8`"
JSON_FILES = frozenset({".jsonl", ".ndjson", ".json"})
TEXT_FILES = frozenset({".txt", ".md", ".markdown", ".rst"})


def read(path: Path, kind: str, skipped: Callable[[str], None]) -> Iterator[Memory]:
    """The memories of a file or folder of that kind: `beir`, `chat` or `folder`.

    What has no text cannot be found and is passed over: `skipped` is told its id.
    """
    for memory in {"beir": read_beir, "chat": read_chat, "folder": read_folder}[kind](path):
        if memory.text.strip():
            yield memory
        else:
            skipped(memory.id)


def detect(path: Path) -> str:
    """What `path` looks like: a folder, or JSON lines in BEIR's form or of a chat; `InvalidMemory` for neither."""
    if path.is_dir():
        return "beir" if (path / "corpus.jsonl").exists() else "folder"
    if not path.exists():
        raise InvalidMemory(f"{path} does not exist: name a file of JSON lines or a folder")
    if path.suffix.lower() in TEXT_FILES:
        return "folder"
    if path.suffix.lower() not in JSON_FILES:
        raise InvalidMemory(
            f"{path} is of no kind that is read: JSON lines ({', '.join(sorted(JSON_FILES))}), text or Markdown "
            f"({', '.join(sorted(TEXT_FILES))}), or a folder of them; --as says what it is"
        )
    first = next(json_lines(path), None)
    if first is not None and "_id" in first[1]:
        return "beir"
    if first is not None and "content" in first[1]:
        return "chat"
    raise InvalidMemory(
        f"{path} is neither a chat (lines of JSON with `content`) nor a BEIR corpus (lines with `_id` and `text`)"
    )


def read_beir(path: Path) -> Iterator[Memory]:
    """The documents of a BEIR `corpus.jsonl` (or of the folder that holds one).

    Title and text become the text, a line apart. `metadata` is kept, with the title in it; what it calls
    `timestamp` is when it was said.
    """
    for number, line in json_lines(path / "corpus.jsonl" if path.is_dir() else path):
        metadata = _mapping(line.get("metadata") or {}, path, number)
        title, text = str(line.get("title") or ""), str(line.get("text") or "")
        yield Memory(
            text=f"{title}\n{text}" if title else text,
            id=str(line["_id"]) if "_id" in line else new_id(),
            metadata={"title": title, **metadata} if title else metadata,
            kind="turn" if "speaker" in metadata else "document",
            created_at=_time(metadata.get("timestamp"), path, number),
        )


def read_chat(path: Path) -> Iterator[Memory]:
    """The turns of a chat: lines of JSON with `content` and, where known, `role name timestamp session_id id`.

    `timestamp` is when it was said, `name` becomes `speaker` in the metadata, and every other key stays as it is.
    """
    if path.is_dir():
        raise InvalidMemory(f"{path} is a folder: a chat is one file of JSON lines")
    for number, line in json_lines(path):
        if not isinstance(line.get("content"), str):
            raise InvalidMemory(f"{path}:{number}: a turn of a chat needs `content`, a string")
        metadata = {
            "speaker" if key == "name" else key: value
            for key, value in line.items()
            if key not in ("content", "id", "timestamp")
        }
        yield Memory(
            text=line["content"],
            id=str(line["id"]) if "id" in line else f"{path.stem}:{number}",
            metadata=metadata,
            kind="turn",
            created_at=_time(line.get("timestamp"), path, number),
        )


def read_folder(path: Path) -> Iterator[Memory]:
    """The text and Markdown files of a folder, or one such file; the id is the path inside the folder."""
    root = path if path.is_dir() else path.parent
    for file in sorted(root.rglob("*")) if path.is_dir() else [path]:
        if file.suffix.lower() not in TEXT_FILES or not file.is_file():
            continue
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise InvalidMemory(f"{file} is not UTF-8 ({error}): {CONVERT}") from error
        changed = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        name = str(file.relative_to(root))
        yield Memory(text, id=name, metadata={"source": name}, kind="document", created_at=changed)


def json_lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The objects of a file of JSON lines, numbered from 1; empty lines are passed over. `InvalidMemory` for others."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    value = json.loads(line)
                except UnicodeDecodeError as error:
                    raise InvalidMemory(f"{path}:{number} is not UTF-8 ({error}): {CONVERT}") from error
                except (json.JSONDecodeError, RecursionError) as error:
                    raise InvalidMemory(f"{path}:{number} is not JSON ({error}): each line is one object") from error
                yield number, _mapping(value, path, number)


def _mapping(value: object, path: Path, number: int) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidMemory(f"{path}:{number}: an object is due, not {type(value).__name__}")
    return value


def _time(value: object, path: Path, number: int) -> datetime:
    """ISO 8601 or seconds since 1970; without a zone it is UTC, and without a value it is now."""
    if value is None:
        return utc_now()
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        time = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidMemory(
            f"{path}:{number}: {value!r} is no time: use ISO 8601, as in 2024-05-01T12:30:00Z"
        ) from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)
