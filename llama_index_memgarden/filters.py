"""LlamaIndex's metadata filters: what of them memgarden's index can narrow by, and exactly what they mean.

The reference is `build_metadata_filter_fn` of llama-index-core: a key is one of the metadata's own, without dots that
reach inside; what is missing or None passes `!=` and `nin`, and `is_empty`; NOT means that none of the filters holds.
Beyond it, filters may nest, and a mismatch of types is false and never an error.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llama_index.core.vector_stores.types import FilterCondition, FilterOperator, MetadataFilter, MetadataFilters

__all__ = ["matches", "narrowed"]

ORDERED: Mapping[FilterOperator, tuple[str, Callable[[Any, Any], Any]]] = {
    FilterOperator.GT: ("$gt", operator.gt),
    FilterOperator.GTE: ("$gte", operator.ge),
    FilterOperator.LT: ("$lt", operator.lt),
    FilterOperator.LTE: ("$lte", operator.le),
}
SCALARS = (str, int, float)


def matches(metadata: Mapping[str, Any], filters: MetadataFilters | MetadataFilter | None) -> bool:
    """Whether metadata passes."""
    if filters is None:
        return True
    if isinstance(filters, MetadataFilter):
        return _holds(metadata.get(filters.key), filters)
    passed = [matches(metadata, one) for one in filters.filters]
    if not passed:
        return True
    condition = filters.condition or FilterCondition.AND
    if condition == FilterCondition.AND:
        return all(passed)
    return any(passed) if condition == FilterCondition.OR else not any(passed)


def _holds(value: Any, one: MetadataFilter) -> bool:
    wanted, kind = one.value, one.operator
    if kind == FilterOperator.IS_EMPTY:
        return value is None or value == "" or value == []
    if value is None:
        return kind in (FilterOperator.NE, FilterOperator.NIN)
    if kind in ORDERED:
        return _ordered(kind, value, wanted)
    if kind in (FilterOperator.TEXT_MATCH, FilterOperator.TEXT_MATCH_INSENSITIVE):
        if not isinstance(value, str) or not isinstance(wanted, str):
            return False
        return wanted in value if kind == FilterOperator.TEXT_MATCH else wanted.lower() in value.lower()
    return bool(TESTS[kind](value, wanted))


def _ordered(kind: FilterOperator, value: Any, wanted: Any) -> bool:
    try:
        return bool(ORDERED[kind][1](value, wanted))
    except TypeError:
        return False


def _within(value: Any, several: Any) -> bool:
    """Whether a value is among several, or a string is a part of one, as Python's `in` has it."""
    if isinstance(several, str):
        return isinstance(value, str) and value in several
    return isinstance(several, Sequence | Mapping) and value in list(several)


TESTS: Mapping[FilterOperator, Callable[[Any, Any], bool]] = {
    FilterOperator.EQ: operator.eq,
    FilterOperator.NE: operator.ne,
    FilterOperator.IN: _within,
    FilterOperator.NIN: lambda value, several: not _within(value, several),
    FilterOperator.CONTAINS: lambda value, wanted: _within(wanted, value),
    FilterOperator.ALL: lambda value, several: _listed(several) and all(_within(one, value) for one in several),
    FilterOperator.ANY: lambda value, several: _listed(several) and any(_within(one, value) for one in several),
}


def _listed(several: Any) -> bool:
    return isinstance(several, list | str)


def narrowed(filters: MetadataFilters | MetadataFilter | None) -> dict[str, Any]:
    """A memgarden filter that lets through everything that `filters` does; empty where it would let through all.

    Said in it are equality and order, and what is made of them by AND and OR.
    """
    if filters is None:
        return {}
    if isinstance(filters, MetadataFilter):
        return _narrowed(filters)
    parts = [narrowed(one) for one in filters.filters]
    condition = filters.condition or FilterCondition.AND
    if condition == FilterCondition.AND and any(parts):
        return {"$and": [part for part in parts if part]}
    if condition == FilterCondition.OR and parts and all(parts):
        return {"$or": parts}
    return {}


def _narrowed(one: MetadataFilter) -> dict[str, Any]:
    if not one.key or one.key.startswith("$") or not isinstance(one.value, SCALARS) or isinstance(one.value, bool):
        return {}
    field, wanted = f"metadata.{one.key}", one.value
    if one.operator == FilterOperator.EQ:
        test: dict[str, Any] = {field: {"$eq": wanted}}
        # A number equals a truth value here, as 1 equals True in Python, and not in memgarden.
        return test if isinstance(wanted, str) or wanted not in (0, 1) else {"$or": [test, {field: bool(wanted)}]}
    if one.operator in ORDERED:
        test = {field: {ORDERED[one.operator][0]: wanted}}
        return test if isinstance(wanted, str) else {"$or": [test, {field: True}, {field: False}]}
    return {}
