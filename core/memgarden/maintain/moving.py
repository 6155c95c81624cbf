"""Exports and imports: a scope or a garden as lines of JSON, and back."""

from __future__ import annotations

import contextlib
import gzip
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

from memgarden.errors import InvalidMemory, InvalidScope, InvalidSetting, MemgardenError, StorageError
from memgarden.maintain.lines import Head, Line, read_head, read_line, write_head, write_line
from memgarden.parts import Parts
from memgarden.records import Entry, Memory, ScopePath, utc_now

__all__ = ["Imported", "export", "import_lines"]

PAGE = 500  # memories read at a time
BATCH = 500  # memories stored in one transaction
ZIPPED = ".gz"
HEAD = 10_000  # characters: more than any first line has

Progress = Callable[[int], None]


@dataclass(slots=True)
class Imported:
    """What became of a file: how many memories are stored now, and by line number why the others are not.

    `kept_vectors`: the file's own vectors were taken; otherwise the texts were embedded anew.
    """

    stored: int = 0
    refused: dict[int, str] = field(default_factory=dict)
    kept_vectors: bool = False


def export(
    parts: Parts, target: str | os.PathLike[str], prefix: ScopePath, vectors: bool, progress: Progress | None
) -> int:
    """Write every memory at and below `prefix`; how many there were. The file is there whole, or not at all."""
    place = Path(target)
    _check_target(place, parts)
    unfinished = place.with_name(f"{place.name}.unfinished")
    embedder = parts.preparer.embedder
    written = 0
    try:
        with _opened(unfinished, "wt", zipped=place.suffix == ZIPPED) as file:
            file.write(write_head(Head(embedder.name, embedder.dimension)) + "\n")
            for path, entry in _entries(parts, prefix):
                file.write(write_line(path, entry.memory, entry.chunks if vectors else None) + "\n")
                written += 1
                if progress is not None and written % PAGE == 0:
                    progress(written)
        with unfinished.open("rb") as written_file:
            os.fsync(written_file.fileno())
        unfinished.replace(place)
    except BaseException as error:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        # Some of ours are OSErrors too, and say better what went wrong: a busy database is not a full disk.
        if isinstance(error, MemgardenError) or not isinstance(error, OSError):
            raise
        raise StorageError(f"{place} cannot be written ({error}): choose another place") from error
    if progress is not None:
        progress(written)
    return written


def _check_target(place: Path, parts: Parts) -> None:
    """`InvalidSetting` for a file that the garden itself is made of; an export that lies beside it is replaced."""
    if not place.is_file():
        return
    whole = place.resolve()
    refused = f"{place} is a file of the garden itself: choose another place"
    # An archive begins as an export does.
    if any(own is not None and whole.is_relative_to(own.resolve()) for own in (parts.archives, parts.chroma_folder)):
        raise InvalidSetting(refused)
    if "://" in parts.where or not whole.is_relative_to(Path(parts.where).resolve()):
        return
    try:
        with _opened(place, "rt", zipped=_is_zipped(place)) as file:
            read_head(file.readline(HEAD))
    except (InvalidMemory, OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise InvalidSetting(refused) from error


def _entries(parts: Parts, prefix: ScopePath) -> Iterator[tuple[ScopePath, Entry]]:
    """The memories at and below `prefix`, with their chunks, a page at a time."""
    for path in parts.catalogue.scopes(prefix, utc_now()):
        after = 0
        while page := parts.source.entries(path, after, PAGE, utc_now()):
            for after, entry in page:  # noqa: B007  # the last row number is where the next page begins
                yield path, entry


def import_lines(
    parts: Parts,
    source: str | os.PathLike[str],
    scope: ScopePath | None,
    before: Callable[[ScopePath], Callable[[int, Memory], Memory | None]],
    progress: Progress | None,
) -> Imported:
    """Store every memory of a file, in the scope that its line names or in `scope`.

    What is there already is replaced by its equal, so that an import which was cut off may be run again.
    """
    done = Imported()
    embedder = parts.preparer.embedder
    place = Path(source)
    try:
        with _opened(place, "rt", zipped=_is_zipped(place)) as file:
            head = read_head(file.readline())
            done.kept_vectors = (head.embedder, head.dimension) == (embedder.name, embedder.dimension)
            for path, lines in _batches(_lines(file, head.dimension, scope, done)):
                entries = _prepared(parts, lines, before(path), keep=done.kept_vectors)
                parts.sink.put(path, entries)
                parts.wrote()
                done.stored += len(entries)
                if progress is not None:
                    progress(done.stored)
    except MemgardenError:
        raise
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise StorageError(f"{place} cannot be read ({error}); {done.stored} memories were stored") from error
    return done


def _lines(file: Iterable[str], dimension: int, scope: ScopePath | None, done: Imported) -> Iterator[Line]:
    for number, text in enumerate(file, 2):
        try:
            line = read_line(text, dimension)
        except (InvalidMemory, InvalidScope) as error:
            done.refused[number] = str(error)
            continue
        yield line if scope is None else Line(scope, line.memory, line.spans, line.vectors)


def _batches(lines: Iterable[Line]) -> Iterator[tuple[ScopePath, list[Line]]]:
    """Lines of one scope that follow each other, of equal ids the last, as many as one transaction takes."""
    batch: dict[str, Line] = {}
    path: ScopePath = ()
    for line in lines:
        if batch and (line.path != path or len(batch) >= BATCH):
            yield path, list(batch.values())
            batch = {}
        path = line.path
        batch[line.memory.id] = line
    if batch:
        yield path, list(batch.values())


def _prepared(
    parts: Parts, lines: list[Line], before: Callable[[int, Memory], Memory | None], *, keep: bool
) -> list[Entry]:
    """Entries with the vectors of the lines where they are of the garden's space, else embedded."""
    given = {line.memory.id: line for line in lines if keep and line.vectors is not None and len(line.spans)}
    rest = [line.memory for line in lines if line.memory.id not in given]
    made = {entry.memory.id: entry for entry in (parts.preparer.entries(rest, before) if rest else [])}
    for key, line in given.items():
        if line.vectors is not None:
            made[key] = parts.preparer.restored(line.memory, line.spans, line.vectors)
    return [made[line.memory.id] for line in lines]


@contextlib.contextmanager
def _opened(place: Path, mode: Literal["rt", "wt"], *, zipped: bool) -> Iterator[IO[str]]:
    if zipped:
        with gzip.open(place, mode, encoding="utf-8") as file:
            yield file
    else:
        with place.open(mode, encoding="utf-8") as file:
            yield file


def _is_zipped(place: Path) -> bool:
    with place.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"
