"""The filterable columns of a scope: each field as codes into its distinct values.

A test runs once a distinct value, in plain Python and so exact for every type, and the codes spread its answer over
the rows. Columns are made when a filter first asks for them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from memgarden.growable import Growable
from memgarden.index.predicate import MISSING, Test
from memgarden.records import Flags, Ints

__all__ = ["ColumnStore", "Fields", "Outdated", "lookup"]

Fields = Mapping[str, Any]
"""A memory's own fields by name, its metadata under `metadata`."""

OWN = frozenset({"id", "kind", "importance", "tags", "created_at", "expires_at", "stored_at"})


def lookup(fields: Fields, name: str) -> Any:
    """The value that a filter's field name means, `MISSING` if there is none."""
    if name in OWN:
        return fields.get(name, MISSING)
    return _nested(fields.get("metadata", {}), name.removeprefix("metadata."))


def _nested(value: Any, name: str) -> Any:
    if not isinstance(value, Mapping):
        return MISSING
    if name in value:
        return value[name]
    # A key may itself hold dots, so every beginning of the name is tried as one.
    for place, letter in enumerate(name):
        if letter == "." and name[:place] in value:
            found = _nested(value[name[:place]], name[place + 1 :])
            if found is not MISSING:
                return found
    return MISSING


class Outdated(Exception):
    """What the index knows was changed in the record since it was read: read again, and ask again."""


class Column:
    """One field over all rows."""

    def __init__(self) -> None:
        self._codes = Growable(np.int32)
        self._values: list[Any] = []
        self._code_of: dict[Any, int] = {}

    def extend(self, values: Iterable[Any]) -> None:
        """Append the values of the next rows."""
        self._codes.extend(np.array([self._code(value) for value in values], dtype=np.int32))

    def _code(self, value: Any) -> int:
        # The type is part of the key: 1, 1.0 and True are one key of a dict and three values of a filter.
        key = (type(value), value if value.__hash__ else json.dumps(value, sort_keys=True))
        code = self._code_of.setdefault(key, len(self._values))
        if code == len(self._values):
            self._values.append(value)
        return code

    def __len__(self) -> int:
        return len(self._codes.view)

    def test(self, test: Test) -> Flags:
        """`(rows,)`: which rows' value passes."""
        passed = np.fromiter(map(test, self._values), dtype=np.bool_, count=len(self._values))
        spread: Flags = passed[self._codes.view]
        return spread

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes: the codes, and about 150 a distinct value with its place in the table."""
        return self._codes.nbytes + 150 * len(self._values)


class ColumnStore:
    """The columns of one scope index; `load(after)` reads the fields of memories by row number above `after`."""

    def __init__(self, load: Callable[[int], Mapping[int, Fields]]) -> None:
        self._load = load
        self._columns: dict[str, Column] = {}

    def require(self, names: Iterable[str], memories: Ints, alive: Flags) -> bool:
        """Make the columns of these fields current; whether there was anything to do.

        `memories` `(rows,)` is the memory of each row. `Outdated` if one whose row is `alive` has been deleted since.
        """
        wanted = {name: self._columns.setdefault(name, Column()) for name in names}
        behind = min((len(column) for column in wanted.values()), default=len(memories))
        if behind == len(memories):
            return False
        fields = self._load(int(memories[behind]) - 1)
        if any(memory not in fields for memory in memories[behind:][alive[behind:]].tolist()):
            raise Outdated
        for name, column in wanted.items():
            column.extend(lookup(fields.get(memory, {}), name) for memory in memories[len(column) :].tolist())
        return True

    def test(self, field: str, test: Test) -> Flags:
        """`(rows,)`: which rows' value of `field` passes."""
        return self._columns[field].test(test)

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return sum(column.nbytes for column in self._columns.values())
