"""The items of a LangGraph store as memories: their texts, their filters, and back."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from langgraph.store.base import get_text_at_path

from memgarden import Memory

__all__ = ["ITEM", "RECORD", "is_item", "matches", "narrowed", "text_of", "times_of", "to_memory", "ttl_of", "value_of"]

ITEM, RECORD = "item", "record"
"""The kinds of memory that an item is: one that questions find, and one that only its key and filters do."""

VALUE, UPDATED, TTL = "value", "updated_at", "ttl"
NOTHING = "-"  # the text of what has none to show
SCALARS = (str, int, float, bool, type(None))
ORDERED: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def text_of(value: Mapping[str, Any], fields: Sequence[str]) -> str:
    """What a question may find of a value: the texts at these paths, each on a line of its own.

    `$` is all of it, a line for each of its strings and numbers with the name it has, so that no bracket or quote is
    embedded; the only one there is stands without its name. Empty where there is nothing.
    """
    lines: list[str] = []
    for path in fields:
        if path != "$":
            lines += get_text_at_path(dict(value), path)
            continue
        leaves = list(_leaves(value, ""))
        lines += [leaf for _, leaf in leaves] if len(leaves) == 1 else [f"{name}: {leaf}" for name, leaf in leaves]
    return "\n".join(line for line in lines if line.strip())


def _leaves(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, str(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner, name)
    elif value is not None and str(value).strip():
        yield name, str(value)


def to_memory(
    key: str, value: Mapping[str, Any], text: str, ttl: float | None, old: Memory | None, now: datetime
) -> Memory:
    """The memory that an item is; what was put in its place keeps its time of creation, and is later than it."""
    updated = now if old is None else max(now, times_of(old)[1] + timedelta(microseconds=1))
    return Memory(
        text or text_of(value, ["$"]) or NOTHING,
        id=key,
        metadata={VALUE: value, UPDATED: updated.isoformat()} | ({} if ttl is None else {TTL: ttl}),
        kind=ITEM if text else RECORD,
        created_at=updated if old is None else times_of(old)[0],
        expires_at=None if ttl is None else now + timedelta(minutes=ttl),
    )


def is_item(memory: Memory) -> bool:
    """Whether a store put it there, rather than another part of memgarden."""
    return memory.kind in (ITEM, RECORD) and isinstance(memory.metadata.get(VALUE), Mapping)


def value_of(memory: Memory) -> dict[str, Any]:
    """The value that was put; of what others stored in the scope, its text as `content` and its metadata."""
    if is_item(memory):
        return dict(memory.metadata[VALUE])
    return {"content": memory.text, **({"metadata": dict(memory.metadata)} if memory.metadata else {})}


def times_of(memory: Memory) -> tuple[datetime, datetime]:
    """When it was created and last updated; a refreshed TTL is no update."""
    if is_item(memory):
        return memory.created_at, datetime.fromisoformat(memory.metadata[UPDATED])
    return memory.created_at, memory.stored_at or memory.created_at


def ttl_of(memory: Memory) -> float | None:
    """The minutes that an item lives after it was last read."""
    ttl: float | None = memory.metadata.get(TTL) if is_item(memory) else None
    return ttl


def narrowed(where: Mapping[str, Any] | None) -> dict[str, Any]:
    """A memgarden filter that lets through everything that `where` does, and as little else as can be said in it.

    Equality with lists and mappings, and `$ne`, are left to `matches`: to memgarden a list equals what is in it. So is
    all of what others stored, whose values lie elsewhere.
    """
    parts: list[dict[str, Any]] = []
    for key, wanted in (where or {}).items():
        if _plain(key):
            _narrow(f"metadata.{VALUE}.{key}", wanted, parts)
    return {"$or": [{"kind": {"$nin": [ITEM, RECORD]}}, {"$and": parts}]} if parts else {}


def _plain(key: object) -> bool:
    """Whether memgarden reads the key as one: with a dot in it, it may be a way into what is nested."""
    return bool(key) and "." not in str(key)


def _narrow(field: str, wanted: Any, parts: list[dict[str, Any]]) -> None:
    if isinstance(wanted, Mapping):
        operators = any(str(key).startswith("$") for key in wanted)
        for key, inner in wanted.items():
            if not operators:
                if _plain(key):
                    _narrow(f"{field}.{key}", inner, parts)
            elif key in ORDERED and isinstance(inner, str | int | float):
                parts.append({field: {key: inner}})
            elif key == "$eq" and isinstance(inner, SCALARS):
                parts.append({field: {"$eq": inner}})
    elif isinstance(wanted, SCALARS):
        parts.append({field: {"$eq": wanted}})


def matches(value: Any, where: Any) -> bool:
    """Whether a value is what a LangGraph filter asks for.

    A mapping of operators holds if all do, another if it holds for each of its keys, which what is missing has as None;
    everything else is equality. Order is among numbers or among strings, and false for what is missing or of another
    type. `ValueError` for an operator that there is not.
    """
    if not isinstance(where, Mapping):
        return _equal(value, where)
    if any(str(key).startswith("$") for key in where):
        return all(_holds(value, str(key), wanted) for key, wanted in where.items())
    return isinstance(value, Mapping) and all(matches(value.get(key), wanted) for key, wanted in where.items())


def _holds(value: Any, name: str, wanted: Any) -> bool:
    if name in ("$eq", "$ne"):
        return _equal(value, wanted) is (name == "$eq")
    if name not in ORDERED:
        raise ValueError(f"unknown operator {name!r}: the operators are $eq, $ne, {', '.join(ORDERED)}")
    kinds = [kind for kind in (str, (int, float)) if isinstance(value, kind) and isinstance(wanted, kind)]
    return bool(kinds) and not _mixed(value, wanted) and ORDERED[name](value, wanted)


def _equal(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, list | tuple):
        return isinstance(value, list | tuple) and list(value) == list(wanted)
    return not _mixed(value, wanted) and bool(value == wanted)


def _mixed(value: Any, wanted: Any) -> bool:
    """True is 1 to Python, and no number to JSON."""
    return isinstance(value, bool) is not isinstance(wanted, bool)
