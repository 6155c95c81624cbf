"""The filter language: a Mongo-like mapping, read once into a tree that turns columns into a mask.

    {"kind": "turn", "metadata.page": {"$gte": 3}, "$or": [{"tags": "home"}, {"importance": {"$gte": "high"}}]}

Keys side by side are joined by and. A key names a field of the memory (`id kind importance tags created_at expires_at
stored_at`), else a key of its metadata, nested ones by dots; `metadata.` before it means the metadata in any case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, Protocol

import numpy as np

from memgarden.errors import InvalidFilter
from memgarden.index.predicate import OPERATORS, Test
from memgarden.records import Flags, Importance

__all__ = ["Columns", "Node", "parse_filter"]

MAX_DEPTH = 32
JOINS = {"$and": np.logical_and, "$or": np.logical_or}


class Columns(Protocol):
    """Where a test on a field becomes a mask over rows."""

    def test(self, field: str, test: Test) -> Flags:
        """`(rows,)`: which rows' value of `field` passes."""
        ...


class Node(Protocol):
    """A part of a filter."""

    def mask(self, columns: Columns) -> Flags:
        """`(rows,)`: which rows pass."""
        ...

    def fields(self) -> Iterator[str]:
        """The fields that it looks at."""
        ...


@dataclass(frozen=True, slots=True)
class FieldTest:
    """One operator on one field."""

    field: str
    test: Test

    def mask(self, columns: Columns) -> Flags:
        return columns.test(self.field, self.test)

    def fields(self) -> Iterator[str]:
        yield self.field


@dataclass(frozen=True, slots=True)
class Join:
    """`$and` or `$or` over one part or more."""

    name: str
    parts: tuple[Node, ...]

    def mask(self, columns: Columns) -> Flags:
        return reduce(JOINS[self.name], (part.mask(columns) for part in self.parts))

    def fields(self) -> Iterator[str]:
        for part in self.parts:
            yield from part.fields()


@dataclass(frozen=True, slots=True)
class Not:
    """What a part does not let through."""

    part: Node

    def mask(self, columns: Columns) -> Flags:
        return ~self.part.mask(columns)

    def fields(self) -> Iterator[str]:
        return self.part.fields()


def parse_filter(where: Mapping[str, Any]) -> Node:
    """The tree of a non-empty filter; `InvalidFilter` names what is not of the language."""
    return _parse(where, "", MAX_DEPTH)


def _parse(where: object, prefix: str, depth: int) -> Node:
    if depth == 0:
        raise InvalidFilter(f"the filter is nested deeper than {MAX_DEPTH} levels: use $in for long alternatives")
    if not isinstance(where, Mapping) or not where:
        raise InvalidFilter(f"a filter is a mapping such as {{'kind': 'turn'}}, not {where!r:.80}")
    return _join("$and", [_part(key, value, prefix, depth) for key, value in where.items()])


def _part(key: object, value: Any, prefix: str, depth: int) -> Node:
    if not isinstance(key, str) or not key:
        raise InvalidFilter(f"a filter's keys are field names or operators, not {key!r}")
    if key in JOINS:
        if not isinstance(value, list | tuple) or not value:
            raise InvalidFilter(f"{key} takes a list of filters with one or more in it, not {value!r:.80}")
        return _join(key, [_parse(part, prefix, depth - 1) for part in value])
    if key == "$not":
        return Not(_parse(value, prefix, depth - 1))
    if key.startswith("$"):
        return _operator(key, value, prefix)
    field = f"{prefix}.{key}" if prefix else key
    if isinstance(value, Mapping):
        return _parse(value, field, depth - 1)
    return _operator("$eq", value, field)


def _operator(name: str, operand: Any, field: str) -> Node:
    if name not in OPERATORS:
        known = ", ".join([*OPERATORS, *JOINS, "$not"])
        raise InvalidFilter(f"unknown operator {name!r}: the operators are {known}")
    if not field:
        raise InvalidFilter(f"{name} stands without a field: write {{'field': {{{name!r}: ...}}}}")
    build, types = OPERATORS[name]
    operand = list(operand) if isinstance(operand, tuple | set | frozenset) else operand
    if not isinstance(operand, types) or (name == "$exists" and not isinstance(operand, bool)):
        wanted = ", ".join("None" if kind is type(None) else kind.__name__ for kind in types)
        raise InvalidFilter(f"{name} on {field!r} takes {wanted}, not {type(operand).__name__}")
    if field == "importance":
        for level in operand if isinstance(operand, list) else [operand]:
            if isinstance(level, str) and level.upper() not in Importance.__members__:
                raise InvalidFilter(f"importance is one of {', '.join(one.label for one in Importance)}, not {level!r}")
    return FieldTest(field, build(operand))


def _join(name: str, parts: list[Node]) -> Node:
    return parts[0] if len(parts) == 1 else Join(name, tuple(parts))
