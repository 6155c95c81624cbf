"""From what a caller asks for to rerankers with their names."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from memgarden.errors import InvalidSetting
from memgarden.protocols import Reranker, RerankerTools, Reranking
from memgarden.registry import resolve
from memgarden.rerank import RERANKERS

__all__ = ["Rerankers", "check_names"]

KEPT = 16  # named ones, each with its argument: programs use two or three


class Rerankers:
    """A garden's rerankers: those that a search asks for, or the garden's own where it asks for nothing."""

    def __init__(self, default: Reranking, tools: RerankerTools) -> None:
        """`InvalidSetting` if `default` cannot be had."""
        self._tools = tools
        self._named = lru_cache(KEPT)(self._make)
        self._default = [self._pair(one) for one in _several(default)]

    def __call__(self, asked: Reranking | None) -> Sequence[tuple[str, Reranker]]:
        """Rerankers with their names, in the order of their work; none for an empty sequence."""
        return self._default if asked is None else [self._pair(one) for one in _several(asked)]

    def _pair(self, one: str | Reranker) -> tuple[str, Reranker]:
        if isinstance(one, str):
            return one, self._named(one)
        if not callable(one):
            raise InvalidSetting(f"a reranker is a name, a callable or several of them, not {one!r}")
        return getattr(one, "__name__", type(one).__name__), one

    def _make(self, setting: str) -> Reranker:
        name, _, argument = setting.partition(":")
        made: Reranker = resolve("reranker", RERANKERS, name)(argument, self._tools)
        return made


def check_names(asked: Reranking) -> None:
    """`UnknownStrategy` for a name that no reranker has."""
    for one in _several(asked):
        if isinstance(one, str):
            resolve("reranker", RERANKERS, one.partition(":")[0])


def _several(asked: Reranking) -> Sequence[str | Reranker]:
    return asked if isinstance(asked, Sequence) and not isinstance(asked, str) else (asked,)
