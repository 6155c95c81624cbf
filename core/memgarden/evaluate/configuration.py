"""A way to set a garden up, by name: what evaluations compare."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Union, get_args, get_origin, get_type_hints

from memgarden.config import Settings
from memgarden.errors import InvalidQuery, InvalidSetting
from memgarden.expand.choice import check_names as check_expanders
from memgarden.registry import resolve
from memgarden.rerank.choice import check_names
from memgarden.retrieve.fusion import FUSIONS
from memgarden.retrieve.query import Query

__all__ = ["Configuration", "parse_configuration", "parse_settings"]

SEARCH: dict[str, tuple[type, ...]] = {
    "mode": (str,),
    "alpha": (float,),
    "fusion": (str,),
    "reranker": (str,),
    "rerank_depth": (int,),
    "expander": (str,),
    "phrases": (bool,),
    "times": (bool,),
}
"""What a search takes, and the types that it has in a line of text."""

ASKING = SEARCH.keys() - {"alpha", "fusion", "reranker"}
"""Those of them that `Garden.open` does not take."""

OPENING = frozenset({"threads", "index_bytes", "rerank_bytes", "cached_embeddings", "lock_timeout"})
"""What `Garden.open` takes and what is stored does not depend on; any other setting is taken to change it."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A name, and the settings of `Garden.open` and of a search that differ; `InvalidSetting` for what is none."""

    name: str = "default"
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise InvalidSetting("a configuration needs a name, as in rrf:fusion=rrf")
        if unknown := self.settings.keys() - KINDS.keys():
            raise InvalidSetting(f"unknown setting {min(unknown)!r}: there are {', '.join(sorted(KINDS))}")
        try:
            known = {key: value for key, value in self.settings.items() if key not in ASKING}
            settings, mode = Settings(**known), self.settings.get("mode", "hybrid")
            resolve("fusion", FUSIONS, settings.fusion)
            check_names(settings.reranker)
            check_expanders(self.settings.get("expander", ()))
            query = Query("any", 1, mode, settings.alpha, filter=None, since=None, until=None, min_score=None).checked()
            query.widened(self.settings.get("rerank_depth", 1))
        except (InvalidQuery, InvalidSetting) as error:
            raise InvalidSetting(f"configuration {self.name!r}: {error}") from error

    @property
    def search(self) -> dict[str, Any]:
        """The settings that a search takes."""
        return {key: value for key, value in self.settings.items() if key in SEARCH}

    @property
    def opening(self) -> dict[str, Any]:
        """The settings that only `Garden.open` takes."""
        return {key: value for key, value in self.settings.items() if key not in SEARCH}

    @property
    def storing(self) -> dict[str, Any]:
        """Those of them that change what is stored: configurations that agree in these share a garden."""
        return {key: value for key, value in self.opening.items() if key not in OPENING}

    def __str__(self) -> str:
        return f"{self.name}:{','.join(f'{key}={value}' for key, value in self.settings.items())}"


def parse_configuration(text: str) -> Configuration:
    """The configuration that `name:key=value,key=value` says; a name alone has the defaults."""
    name, _, settings = text.partition(":")
    if "=" in name:
        raise InvalidSetting(f"{text!r} has no name: write name:key=value,key=value, as in rrf:fusion=rrf")
    return Configuration(name.strip(), parse_settings(settings))


def parse_settings(text: str) -> dict[str, Any]:
    """The settings that `key=value,key=value` says."""
    settings: dict[str, Any] = {}
    for pair in filter(None, text.split(",")):
        key, given, value = pair.partition("=")
        if not given or not value.strip():
            raise InvalidSetting(f"{pair!r} sets nothing: write key=value, as in fusion=rrf,alpha=0.7")
        settings[key.strip()] = _value(key.strip(), value.strip())
    return settings


def _value(key: str, text: str) -> Any:
    """The text as what the setting is: a number where one is due."""
    kinds = KINDS.get(key)
    if not kinds:
        known = ", ".join(sorted(key for key, kinds in KINDS.items() if kinds))
        raise InvalidSetting(f"unknown setting {key!r}: there are {known}")
    if bool in kinds and text in ("true", "false"):
        return text == "true"
    for kind in (int, float, str):
        if kind in kinds:
            try:
                return kind(text)
            except ValueError:
                continue
    raise InvalidSetting(f"{key} is {' or '.join(kind.__name__ for kind in kinds)}, not {text!r}")


def _kinds(hint: Any) -> tuple[type, ...]:
    """The types of a setting that can be written in a line."""
    members = get_args(hint) if get_origin(hint) in (types.UnionType, Union) else (hint,)
    return tuple(kind for kind in (bool, int, float, str) if kind in members)


# Evaluations run without Chroma, which changes no answer.
KINDS = {key: _kinds(hint) for key, hint in get_type_hints(Settings).items() if key != "chroma"} | SEARCH
