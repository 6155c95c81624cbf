"""How many bytes a garden takes: its database, the Chroma in its folder, its archives."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from memgarden.parts import Parts

__all__ = ["Sizes", "sizes_of"]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of the database with its log, of Chroma's folder, and of the folder of archives, wherever those lie.

    `chroma` is None where it is a server's or a client's, `archives` where the garden has no folder for them.
    """

    database: int
    chroma: int | None
    archives: int | None

    @property
    def total(self) -> int:
        """All of it."""
        return self.database + (self.chroma or 0) + (self.archives or 0)

    def to_json(self) -> dict[str, int | None]:
        """The sizes as an object of JSON, with their `total`."""
        return {
            "database": self.database,
            "chroma": self.chroma,
            "archives": self.archives,
            "total": self.total,
        }


def sizes_of(parts: Parts) -> Sizes:
    """What the garden takes now."""
    return Sizes(
        database=parts.compactor.size().disk,
        chroma=None if parts.chroma_folder is None else _nbytes(parts.chroma_folder),
        archives=None if parts.archives is None else _nbytes(parts.archives),
    )


def _nbytes(folder: Path) -> int:
    """Bytes of the files at and below a folder, 0 where there is none; others may be writing and deleting there."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(place, name).lstat().st_size
    return total
