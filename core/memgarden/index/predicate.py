"""The operators of the filter language, on single values. A mismatch of types is false, never an error.

A missing field has the value None. Equality reaches into lists, so `{"tags": "home"}` finds what is tagged home.
Times compare with datetimes and with ISO 8601 strings (one without a zone is read as UTC). Booleans are not numbers.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from memgarden.records import Importance

__all__ = ["MISSING", "OPERATORS", "Test"]

Test = Callable[[Any], bool]


class _Missing:
    """The value of a field that a memory does not have; `None` to every operator but `$exists`."""


MISSING: Final = _Missing()


def as_time(value: Any) -> datetime | None:
    """A datetime or an ISO 8601 string as an aware time; None for anything else."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.utcoffset() is None else value


def _pair(value: Any, operand: Any) -> tuple[Any, Any] | None:
    """Both as something that compares; None where they are of different kinds."""
    if isinstance(value, Importance) and isinstance(operand, str):
        level = Importance.__members__.get(operand.upper())
        return None if level is None else (int(value), int(level))
    if isinstance(value, datetime) or isinstance(operand, datetime):
        times = as_time(value), as_time(operand)
        return None if None in times else times
    if isinstance(value, bool) or isinstance(operand, bool):
        return (value, operand) if isinstance(value, bool) and isinstance(operand, bool) else None
    numbers = isinstance(value, int | float) and isinstance(operand, int | float)
    return (value, operand) if numbers or type(value) is type(operand) else None


def _same(value: Any, operand: Any) -> bool:
    pair = _pair(value, operand)
    return pair is not None and bool(pair[0] == pair[1])


def _equal(operand: Any) -> Test:
    def test(value: Any) -> bool:
        if value is MISSING:
            value = None
        return _same(value, operand) or (isinstance(value, list) and any(_same(item, operand) for item in value))

    return test


def _ordered(compare: Callable[[Any, Any], Any]) -> Callable[[Any], Test]:
    def build(operand: Any) -> Test:
        def test(value: Any) -> bool:
            pair = _pair(value, operand)
            if pair is None or isinstance(pair[0], bool | list | dict) or pair[0] is None:
                return False
            return bool(compare(*pair))

        return test

    return build


def _any_of(operands: list[Any]) -> Test:
    tests = [_equal(operand) for operand in operands]
    return lambda value: any(test(value) for test in tests)


def _contains(operand: Any) -> Test:
    def test(value: Any) -> bool:
        if isinstance(value, list):
            return any(_same(item, operand) for item in value)
        return isinstance(value, str) and isinstance(operand, str) and operand in value

    return test


def _exists(operand: bool) -> Test:
    return lambda value: (value is not MISSING) is operand


def _negated(build: Callable[[Any], Test]) -> Callable[[Any], Test]:
    def negated(operand: Any) -> Test:
        test = build(operand)
        return lambda value: not test(value)

    return negated


SCALAR = (str, int, float, bool, datetime)

OPERATORS: Final[dict[str, tuple[Callable[[Any], Test], tuple[type, ...]]]] = {
    "$eq": (_equal, (*SCALAR, type(None), list)),
    "$ne": (_negated(_equal), (*SCALAR, type(None), list)),
    "$gt": (_ordered(operator.gt), SCALAR),
    "$gte": (_ordered(operator.ge), SCALAR),
    "$lt": (_ordered(operator.lt), SCALAR),
    "$lte": (_ordered(operator.le), SCALAR),
    "$in": (_any_of, (list,)),
    "$nin": (_negated(_any_of), (list,)),
    "$contains": (_contains, SCALAR),
    "$not_contains": (_negated(_contains), SCALAR),
    "$exists": (_exists, (bool,)),
}
"""Each operator with the types that its operand may have."""
