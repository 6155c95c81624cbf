"""Takes a garden out of a Chroma folder so that none of its files holds a word of it; done while nobody has it open.

Chroma's own deletions leave texts behind: in its write-ahead queue, in its full-text index, in free pages and in the
folders of dropped collections. What is done here is plain SQL on the tables of chromadb 1.5.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from memgarden.errors import ChromaError
from memgarden.vector.folder import is_uuid

__all__ = ["erase_folder", "holds_anything"]

DATABASE = "chroma.sqlite3"
BESIDE = ("-journal", "-wal", "-shm")
PATIENCE = 5.0
"""Seconds to wait for a lock on Chroma's database, which whoever erases should have to itself."""

OWNERS = """
SELECT c.id, max(CASE WHEN m.key = 'mg.garden' THEN m.str_value END)
FROM collections c LEFT JOIN collection_metadata m ON m.collection_id = c.id GROUP BY c.id
"""
LOST = "(SELECT id FROM embeddings WHERE segment_id NOT IN (SELECT id FROM segments))"
KNOWN = "(SELECT id FROM collections)"
# Of a topic the collection's id is the last part. Rows of its own number: the newest stays, emptied, since Chroma
# would give its number out again, and take what then comes under it for done.
QUEUE = f"substr(topic, -36) NOT IN {KNOWN}"
UNNAMED = (
    f"DELETE FROM segments WHERE collection NOT IN {KNOWN}",
    f"DELETE FROM collection_metadata WHERE collection_id NOT IN {KNOWN}",
    "DELETE FROM segment_metadata WHERE segment_id NOT IN (SELECT id FROM segments)",
    "DELETE FROM max_seq_id WHERE segment_id NOT IN (SELECT id FROM segments)",
    f"DELETE FROM embedding_metadata WHERE id IN {LOST}",
    f"DELETE FROM embedding_metadata_array WHERE id IN {LOST}",
    f"DELETE FROM embeddings WHERE id IN {LOST}",
    "DELETE FROM embedding_fulltext_search WHERE rowid NOT IN (SELECT id FROM embeddings)",
    f"DELETE FROM embeddings_queue WHERE {QUEUE} AND seq_id < (SELECT max(seq_id) FROM embeddings_queue)",
    f"UPDATE embeddings_queue SET id = '', vector = NULL, encoding = NULL, metadata = NULL WHERE {QUEUE}",
    "INSERT INTO embedding_fulltext_search (embedding_fulltext_search) VALUES ('rebuild')",
)


def holds_anything(folder: Path) -> bool:
    """Whether there is anything of Chroma's in the folder, or in one of it that was set aside."""
    return any(_files(place) for place in _places(folder))


def erase_folder(folder: Path, garden_id: str) -> None:
    """Leave nothing of the garden in the folder, nor in one of it that was set aside.

    Where it holds no collection of anybody else's, or none that can be read, all of Chroma's files go; else the
    others' collections stay as they are. What is not Chroma's stays. `ChromaError` if it cannot be done.
    """
    try:
        for place in _places(folder):
            if _others(place, garden_id):
                _scrub(place, garden_id)
            else:
                _remove(_files(place))
        if (broken := _places(folder)[1]).is_dir() and not any(broken.iterdir()):
            broken.rmdir()
    except (OSError, sqlite3.Error) as error:
        raise ChromaError(f"the Chroma in {folder} cannot be erased ({error}): it is tried again") from error


def _places(folder: Path) -> tuple[Path, Path]:
    return folder, folder.with_name(folder.name + ".broken")


def _files(folder: Path) -> list[Path]:
    """Chroma's own: its database, and a folder for each segment, which is named by a UUID."""
    if not folder.is_dir():
        return []
    own = {DATABASE, *(DATABASE + suffix for suffix in BESIDE)}
    return [path for path in folder.iterdir() if path.name in own or (path.is_dir() and is_uuid(path.name))]


def _remove(files: Sequence[Path]) -> None:
    for path in sorted(files, key=lambda path: path.name == DATABASE):  # last, since it names the others
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _others(folder: Path, garden_id: str) -> bool:
    """Whether the folder holds collections that are not this garden's."""
    if not (folder / DATABASE).exists():
        return False
    try:
        with closing(_open(folder)) as database:
            return any(garden != garden_id for _, garden in database.execute(OWNERS))
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # there is no such table: not yet a Chroma
            return False
        raise  # it may be readable in a moment
    except sqlite3.DatabaseError:
        return False  # garbage, in which nobody's collections can be told from ours


def _scrub(folder: Path, garden_id: str) -> None:
    """Delete the garden's collections, then whatever belongs to no collection, and leave no free page."""
    with closing(_open(folder)) as database:
        database.execute("PRAGMA secure_delete = ON")
        database.execute("BEGIN IMMEDIATE")
        ours = [(key,) for key, garden in database.execute(OWNERS).fetchall() if garden == garden_id]
        database.executemany("DELETE FROM collections WHERE id = ?", ours)
        for statement in UNNAMED:
            database.execute(statement)
        segments = {str(key) for (key,) in database.execute("SELECT id FROM segments")}
        database.execute("COMMIT")
        database.execute("VACUUM")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    _remove([path for path in _files(folder) if path.is_dir() and path.name not in segments])


def _open(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(folder / DATABASE, timeout=PATIENCE, isolation_level=None)
