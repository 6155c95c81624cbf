"""How a strategy is found by name: a `{"name": "module:attribute"}` table, imported when it is used."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from typing import Any

from memgarden.errors import MissingExtra, UnknownStrategy

__all__ = ["require", "resolve"]


def resolve(kind: str, table: Mapping[str, str], name: str) -> Any:
    """The attribute that `table` names; `UnknownStrategy` lists the names there are."""
    try:
        module, attribute = table[name].split(":")
    except (KeyError, TypeError):
        raise UnknownStrategy(kind, name, table) from None
    return getattr(importlib.import_module(module), attribute)


def require(package: str, extra: str) -> Any:
    """Import `package`; `MissingExtra` names the extra if it is absent, its own import errors are passed on."""
    if importlib.util.find_spec(package.partition(".")[0]) is None:
        raise MissingExtra(package, extra)
    return importlib.import_module(package)
