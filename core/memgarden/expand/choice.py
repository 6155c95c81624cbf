"""From what a caller asks for to expanders with their names."""

from __future__ import annotations

from collections.abc import Sequence

from memgarden.errors import InvalidSetting
from memgarden.expand import EXPANDERS
from memgarden.protocols import Expander, ExpanderTools, Expanding
from memgarden.registry import resolve

__all__ = ["check_names", "choose"]


def choose(asked: Expanding, tools: ExpanderTools) -> Sequence[tuple[str, Expander]]:
    """Expanders with their names, made for one question; `UnknownStrategy` for a name that none has."""
    return [_pair(one, tools) for one in _several(asked)]


def check_names(asked: Expanding) -> None:
    """`UnknownStrategy` for a name that no expander has."""
    for one in _several(asked):
        if isinstance(one, str):
            resolve("expander", EXPANDERS, one.partition(":")[0])


def _pair(one: str | Expander, tools: ExpanderTools) -> tuple[str, Expander]:
    if isinstance(one, str):
        name, _, argument = one.partition(":")
        return one, resolve("expander", EXPANDERS, name)(argument, tools)
    if not callable(one):
        raise InvalidSetting(f"an expander is a name, a callable or several of them, not {one!r}")
    return getattr(one, "__name__", type(one).__name__), one


def _several(asked: Expanding) -> Sequence[str | Expander]:
    return asked if isinstance(asked, Sequence) and not isinstance(asked, str) else (asked,)
