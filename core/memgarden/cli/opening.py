"""How commands open a garden."""

from __future__ import annotations

from pathlib import Path

from memgarden.errors import InvalidSetting
from memgarden.garden import Garden

__all__ = ["open_to_read", "open_to_write", "require_garden"]


def open_to_write(where: str, embedder: str | None = None) -> Garden:
    """The garden, made if there is none, without its Chroma.

    Chroma takes seconds to start, longer than the command: what it is to hold waits in the garden for the next
    process that has it open.
    """
    return Garden.open(where, embedder=embedder, chroma=None)


def open_to_read(where: str, chroma: str | None = None) -> Garden:
    """The garden, which must be there already."""
    require_garden(where)
    return Garden.open(where, chroma=chroma)


def require_garden(where: str) -> None:
    """`InvalidSetting` for a folder without a garden: a question must not make an empty one."""
    from memgarden.build import DATABASE

    if "://" not in where and not (Path(where) / DATABASE).is_file():
        raise InvalidSetting(
            f"there is no garden in {where!r}: name one with --garden or MEMGARDEN_PATH, or make one with "
            "`memgarden add` or `memgarden import`"
        )
