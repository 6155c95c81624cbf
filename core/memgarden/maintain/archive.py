"""Archives: what left a garden, as files that every later version reads.

An archive is of one scope. Its manifest, `<name>.json`, says what it holds and names the file with the memories and
their vectors, as `lines` writes them, zipped. The manifest makes it an archive: it is written when the other file is
safe on disk, and replaced in one step by that of a later file when something of it comes back or is forgotten. The
folder that both lie in is named by a hash of the scope's path.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import secrets
import shutil
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from memgarden.errors import MemgardenError, SchemaTooNew, StorageError
from memgarden.maintain.lines import FORMAT, Head, Line, read_head, read_line, write_head, write_line
from memgarden.paths import check_path, encode_path
from memgarden.records import Entry, ScopePath

__all__ = [
    "Archive",
    "copy_archives",
    "damaged_manifests",
    "drop_archive",
    "folder_of",
    "list_archives",
    "read_archive",
    "remove_leftovers",
    "rewrite_archive",
    "settle_archive",
    "write_archive",
]

FORM = 1
UNFINISHED = ".unfinished"
TIMES = ("made_at", "expires_at")
DATA, MANIFEST = ".jsonl.gz", ".json"
DAY = 86_400.0
LEVEL = 6  # zlib's own middle: most of an archive are vectors, which shrink little at any level


@dataclass(frozen=True, slots=True)
class Archive:
    """What a manifest says. `name` is the manifest's, below the garden's archives and without its ending.

    `cause` is why its memories left: `archived`, `merged` or `summarised`. `sha256` and `bytes` are of the file `data`.
    `settled`: everything in it has left the garden; until then some of it may be in both places. `expires_at` is when
    the first of it expires, None for never.
    """

    name: str
    scope: ScopePath
    cause: str
    made_at: datetime
    count: int
    data: str
    sha256: str
    bytes: int
    schema: int
    embedder: str
    dimension: int
    settled: bool
    expires_at: datetime | None = None


def write_archive(
    folder: Path, path: ScopePath, entries: Iterable[Entry], cause: str, head: Head, now: datetime
) -> Archive:
    """Write memories of one scope to a new archive, not settled yet; when this returns it is safe on disk."""
    own = folder / folder_of(path)
    with _explained(folder):
        own.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync(folder)
        name = f"{own.name}/{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        ends: list[datetime] = []

        def texts() -> Iterator[str]:
            for entry in entries:
                if entry.memory.expires_at is not None:
                    ends.append(entry.memory.expires_at)
                yield write_line(path, entry.memory, entry.chunks)

        archive = Archive(name, path, cause, now, 0, "", "", 0, FORMAT, head.embedder, head.dimension, settled=False)
        archive = _with_data(folder, archive, texts())
        archive = replace(archive, expires_at=min(ends, default=None))
        _write_manifest(folder, archive)
    return archive


def settle_archive(folder: Path, archive: Archive, *, settled: bool = True) -> Archive:
    """Note that everything in the archive has left the garden, or that some of it is about to come back."""
    changed = replace(archive, settled=settled)
    with _explained(folder):
        _write_manifest(folder, changed)
    return changed


def rewrite_archive(
    folder: Path, archive: Archive, keep: Callable[[Line], bool], *, settled: bool = False
) -> Archive | None:
    """Keep some of an archive's memories; None if none are left, and with them the archive.

    It is settled afterwards if it was before, or if `settled` says so. Where nothing changes, nothing is written.
    """
    settled = settled or archive.settled
    kept: list[str] = []
    ends: list[datetime] = []
    for text in _texts(folder, archive):
        line = read_line(text, archive.dimension)
        if keep(line):
            kept.append(text)
            if line.memory.expires_at is not None:
                ends.append(line.memory.expires_at)
    if kept and len(kept) == archive.count:
        return archive if settled == archive.settled else settle_archive(folder, archive)
    if not kept:
        drop_archive(folder, archive)
        return None
    with _explained(folder):
        changed = replace(_with_data(folder, archive, kept), settled=settled, expires_at=min(ends, default=None))
        _write_manifest(folder, changed)
        (folder / archive.data).unlink(missing_ok=True)
    return changed


def drop_archive(folder: Path, archive: Archive) -> None:
    """Delete an archive, unread."""
    with _explained(folder):
        manifest = folder / (archive.name + MANIFEST)
        manifest.unlink(missing_ok=True)
        _sync(manifest.parent)
        (folder / archive.data).unlink(missing_ok=True)


def list_archives(folder: Path, path: ScopePath | None = None) -> list[Archive]:
    """The archives of the scope of that path, or of all, oldest first.

    Those of `damaged_manifests` are not among them: one user's must not keep all others' from being found.
    """
    found, _ = _manifests(folder, "*" if path is None else folder_of(path))
    return sorted(
        (archive for archive in found if path is None or archive.scope == path),
        key=lambda archive: (archive.made_at, archive.name),
    )


def damaged_manifests(folder: Path) -> dict[str, str]:
    """By name, the manifests that this memgarden cannot read, with what is wrong and what to do."""
    return _manifests(folder, "*")[1]


def read_archive(folder: Path, archive: Archive) -> Iterator[Line]:
    """The memories of an archive, with their vectors; `StorageError` if the file is not what its manifest says."""
    for text in _texts(folder, archive):
        yield read_line(text, archive.dimension)


def remove_leftovers(folder: Path, age: float = DAY) -> int:
    """Delete the files that no manifest names, left by a run that was cut off; how many there were.

    Those younger than `age` seconds stay: somebody may be about to write the manifest, unless the caller has the shift.
    What may be a damaged manifest's stays in any case.
    """
    before = time.time() - age
    found, damaged = _manifests(folder, "*")
    named = {archive.data for archive in found}
    with _explained(folder):
        left = [
            file
            for file in folder.glob("*/*")
            if file.name.endswith((UNFINISHED, DATA))
            and (name := file.relative_to(folder).as_posix()) not in named
            and (name.endswith(UNFINISHED) or not any(name.startswith(f"{one}-") for one in damaged))
            and (not age or file.stat().st_mtime < before)
        ]
        for file in left:
            file.unlink(missing_ok=True)
    return len(left)


def copy_archives(folder: Path, target: Path) -> None:
    """Copy all archives to another folder, each manifest after what it names; what is damaged goes as it is."""
    with _explained(folder):
        for archive in list_archives(folder):
            place = target / archive.data
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in (archive.data, archive.name + MANIFEST):
                shutil.copyfile(folder / name, target / name)
                _sync(target / name)
            _sync(place.parent)
        for name in damaged_manifests(folder):
            (target / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            for file in (*folder.glob(f"{name}-*{DATA}"), folder / (name + MANIFEST)):
                shutil.copyfile(file, target / file.relative_to(folder))


def _with_data(folder: Path, archive: Archive, texts: Iterable[str]) -> Archive:
    """The archive with a new file of these lines."""
    data = f"{archive.name}-{secrets.token_hex(4)}{DATA}"
    place = folder / data
    unfinished = place.with_name(place.name + UNFINISHED)
    count = 0
    try:
        with gzip.open(unfinished, "wt", encoding="utf-8", compresslevel=LEVEL) as file:
            file.write(write_head(Head(archive.embedder, archive.dimension)) + "\n")
            for text in texts:
                file.write(text.rstrip("\n") + "\n")
                count += 1
        _sync(unfinished)
        unfinished.replace(place)
        _sync(place.parent)
    finally:
        unfinished.unlink(missing_ok=True)
    return replace(archive, count=count, data=data, sha256=_sha256(place), bytes=place.stat().st_size)


def _texts(folder: Path, archive: Archive) -> Iterator[str]:
    place = folder / archive.data
    with _explained(folder):
        if _sha256(place) != archive.sha256:
            raise StorageError(f"{place} is damaged: its sha256 is not its manifest's; put a copy in its place")
        with gzip.open(place, "rt", encoding="utf-8") as file:
            read_head(file.readline())
            yield from file


def _write_manifest(folder: Path, archive: Archive) -> None:
    place = folder / (archive.name + MANIFEST)
    unfinished = place.with_name(place.name + UNFINISHED)
    fields = {name: value for name, value in asdict(archive).items() if name != "name"}
    fields |= {name: None if (time := fields[name]) is None else time.isoformat() for name in TIMES}
    text = json.dumps({"memgarden_archive": FORM} | fields, ensure_ascii=False, indent=1)
    try:
        unfinished.write_text(text, "utf-8")
        _sync(unfinished)
        unfinished.replace(place)
    finally:
        unfinished.unlink(missing_ok=True)
    _sync(place.parent)


def _manifests(folder: Path, where: str) -> tuple[list[Archive], dict[str, str]]:
    found: list[Archive] = []
    damaged: dict[str, str] = {}
    with _explained(folder):
        for manifest in sorted(folder.glob(f"{where}/*{MANIFEST}")):
            try:
                found.append(_read_manifest(folder, manifest))
            except FileNotFoundError:
                continue  # whoever has the shift dropped it just now
            except (MemgardenError, OSError) as error:
                damaged[manifest.relative_to(folder).as_posix().removesuffix(MANIFEST)] = str(error)
    return found, damaged


def _read_manifest(folder: Path, place: Path) -> Archive:
    try:
        fields = json.loads(place.read_text("utf-8"))
        form = fields.pop("memgarden_archive")
        if form > FORM:
            raise SchemaTooNew(f"{place} is of form {form}, and this memgarden reads up to {FORM}: upgrade it")
        fields["scope"] = check_path(tuple(fields["scope"]))
        for name in TIMES:
            fields[name] = None if (time := fields.get(name)) is None else datetime.fromisoformat(time)
        archive = Archive(name=place.relative_to(folder).as_posix().removesuffix(MANIFEST), **fields)
        own = archive.data.removeprefix(f"{archive.name}-").removesuffix(DATA)
        if archive.data != f"{archive.name}-{own}{DATA}" or "/" in own:
            raise ValueError(f"its file cannot be {archive.data!r}")  # which may be anybody's, and is deleted with it
        return archive
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, MemgardenError):
            raise
        raise StorageError(f"{place} is no manifest of an archive ({error}): put a copy in its place") from error


def folder_of(path: ScopePath) -> str:
    """The name of the folder, below the garden's archives, in which those of a scope lie."""
    return hashlib.sha256(encode_path(path).encode()).hexdigest()[:16]


def _sha256(place: Path) -> str:
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(place: Path) -> None:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Errors of the file system, said as what they mean for archives."""
    try:
        yield
    except MemgardenError:
        raise
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise StorageError(f"the archives in {folder} cannot be read or written ({error}): nothing was lost") from error
