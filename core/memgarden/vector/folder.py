"""Housekeeping in the folder of an embedded Chroma, done while it is ours alone."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import UUID

__all__ = ["is_uuid", "remove_segments", "segments_of", "set_aside", "unnamed_segments"]


def segments_of(folder: Path, collection: str) -> list[Path]:
    """Where the vectors of a collection lie; `delete_collection` forgets these folders and leaves them on disk."""
    database = folder / "chroma.sqlite3"
    if not database.exists():
        return []
    query = (
        "SELECT s.id FROM segments s JOIN collections c ON s.collection = c.id WHERE s.scope = 'VECTOR' AND c.name = ?"
    )
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute(query, (collection,)).fetchall()
    except sqlite3.Error:
        return []  # another schema or a damaged file: the leftovers cost disk and harm nothing
    return [folder / str(row[0]) for row in rows]


def unnamed_segments(folder: Path) -> list[Path]:
    """Folders of segments that no collection has any more: left by a process that was killed over a deletion."""
    database = folder / "chroma.sqlite3"
    if not database.exists():
        return []
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            named = {str(key) for (key,) in connection.execute("SELECT id FROM segments").fetchall()}
    except sqlite3.Error:
        return []
    return [path for path in folder.iterdir() if path.is_dir() and path.name not in named and is_uuid(path.name)]


def is_uuid(name: str) -> bool:
    """Whether a name is a UUID, as Chroma names the folders of its segments."""
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


def remove_segments(folders: list[Path]) -> None:
    """Delete the vectors of a collection that is no more."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def set_aside(folder: Path) -> Path:
    """Rename a folder that Chroma can no longer open to `<folder>.broken`, in place of an earlier one.

    It is kept, not deleted: a user may have collections of their own in it.
    """
    broken = folder.with_name(folder.name + ".broken")
    shutil.rmtree(broken, ignore_errors=True)
    if folder.exists():
        folder.rename(broken)
    return broken
