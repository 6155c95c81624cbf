"""What a garden's keeper wants: which memories are merged, summarised, archived; read from a file or written in Python.

A file is TOML, with the same names:

    [deduplicate]
    threshold = 0.95
    [archive]
    older_than = 90
    [[scopes]]              # for one user and what lies below
    scope = ["acme", "alice"]
    [scopes.archive]
    older_than = 30
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from memgarden.errors import InvalidSetting
from memgarden.ingest.validate import to_importance
from memgarden.paths import check_path
from memgarden.records import Importance, ScopePath

__all__ = ["Deduplication", "Keep", "Policy", "Retention", "Summarisation", "read_policy"]

Keep = Literal["newest", "important", "longest"]

TOLD = 0.9
"""The cosine from which plans tell of memories that are nearly one, where no other is given."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Which memories go to the archive: those of which all of this holds.

    They were said more than `older_than` days ago and did not come back from an archive since, and no search has found
    them for `unused_for` days, where that is given. They matter at most so much: what is critical stays unless
    `importance="critical"` says otherwise. They are of one of `kinds` and have one of `tags`, where those are given.
    Summaries stay unless their kind is named, and what frameworks keep as records always does.
    """

    older_than: float = 90
    unused_for: float | None = None
    importance: Importance | str = Importance.HIGH
    kinds: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        _check_days("older_than", self.older_than)
        if self.unused_for is not None:
            _check_days("unused_for", self.unused_for)
        _settle(self, "importance", to_importance(self.importance))
        _settle_names(self, "kinds")
        _settle_names(self, "tags")


@dataclass(frozen=True, slots=True)
class Deduplication:
    """Which memories of a scope are one: of equal text, or with vectors of a cosine of `threshold` and more.

    Of each such group one is kept: the `newest`, the most `important`, or the `longest`. Those from `similar` on stay
    and are marked: the history of the one that would have gone says which it is similar to. Without a `similar` plans
    tell of those from .9 on, and nothing is marked.

    Numbers in the text, the kind, who speaks and whether it expires must be the same, whatever the vectors say, and of
    documents the metadata too; what came back after a merge stays by itself; a turn of fewer than `words` words is
    merged within its own session only, for "yes" is no duplicate of "yes".
    """

    threshold: float = 0.95
    similar: float | None = None
    keep: Keep = "newest"
    words: int = 5
    kinds: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not 0.5 <= self.floor <= self.threshold <= 1:
            raise InvalidSetting(
                f"threshold and similar are cosines from .5 to 1, similar the lower, not {self.threshold} and "
                f"{self.floor}: below .5 nearly everything is similar"
            )
        if self.keep not in get_args(Keep):
            raise InvalidSetting(f"keep is one of {', '.join(get_args(Keep))}, not {self.keep!r}")
        _settle_names(self, "kinds")

    @property
    def floor(self) -> float:
        """The cosine from which memories are looked for."""
        return min(TOLD, self.threshold) if self.similar is None else self.similar


@dataclass(frozen=True, slots=True)
class Summarisation:
    """Which memories are told by a summary, and go to the archive: groups of what is older than `older_than` days.

    A group has `smallest` to `largest` memories whose vectors have a mean cosine of `similarity` and more between
    them, or a tag in common. `sentences` is the share of their sentences that the extractive summary keeps.
    """

    older_than: float = 180
    similarity: float = 0.5
    smallest: int = 3
    largest: int = 12
    importance: Importance | str = Importance.HIGH
    kinds: tuple[str, ...] | None = None
    sentences: float = 0.6

    def __post_init__(self) -> None:
        _check_days("older_than", self.older_than)
        if not 0 <= self.similarity < 1:
            raise InvalidSetting(f"similarity is a cosine from 0 to below 1, not {self.similarity}")
        if not 2 <= self.smallest <= self.largest:
            raise InvalidSetting(f"a group has 2 memories or more, not {self.smallest} to {self.largest}")
        if not 0 < self.sentences <= 1:
            raise InvalidSetting(f"sentences is a share above 0 and up to 1, not {self.sentences}")
        _settle(self, "importance", to_importance(self.importance))
        _settle_names(self, "kinds")


@dataclass(frozen=True, slots=True)
class Policy:
    """What is done in a garden; None for what is not. `scopes` says it otherwise for a scope and what lies below.

    A scope is named by its labels: `("acme", "alice")`, `("acme",)`.
    """

    deduplicate: Deduplication | None = field(default_factory=Deduplication)
    summarise: Summarisation | None = None
    archive: Retention | None = field(default_factory=Retention)
    scopes: Mapping[ScopePath, Policy] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, kind in PARTS.items():
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                raise InvalidSetting(f"{name} is a {kind.__name__}, or None for not at all, not {value!r}")
        if not isinstance(self.scopes, Mapping):
            raise InvalidSetting(f"scopes gives a Policy to scopes, as in {{('acme',): Policy()}}, not {self.scopes!r}")
        for path, policy in self.scopes.items():
            if not isinstance(path, tuple):
                raise InvalidSetting(f"scopes names a scope by a tuple of its labels, as in ('acme',), not {path!r}")
            if not isinstance(policy, Policy):
                raise InvalidSetting(
                    f"scopes gives {path!r} {policy!r}, which is no Policy: Policy(deduplicate=None, archive=None) "
                    "leaves it alone"
                )
            check_path(path)

    def of(self, path: ScopePath) -> Policy:
        """What is done in the scope of that path: the word of the nearest scope at or above it."""
        named = [prefix for prefix in self.scopes if path[: len(prefix)] == prefix]
        return self.scopes[max(named, key=len)] if named else self


PARTS: dict[str, Any] = {"deduplicate": Deduplication, "summarise": Summarisation, "archive": Retention}


def read_policy(path: Path) -> Policy:
    """The policy in a TOML file; `InvalidSetting` names what in it is wrong. What it does not name is not done."""
    if not path.is_file():
        raise InvalidSetting(f"there is no policy at {path}: write one, as docs/maintenance.md shows")
    try:
        fields = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidSetting(f"{path} is no policy: {error}") from error
    scopes: dict[ScopePath, Policy] = {}
    for own in fields.pop("scopes", []):
        if not isinstance(own, dict) or not isinstance(own.get("scope"), list):
            raise InvalidSetting(f'{path}: [[scopes]] needs its scope, as in scope = ["acme", "alice"]')
        at = check_path(tuple(own.pop("scope")))
        scopes[at] = _policy(path, own, {})
    return _policy(path, fields, scopes)


def _policy(path: Path, fields: Mapping[str, Any], scopes: Mapping[ScopePath, Policy]) -> Policy:
    if unknown := fields.keys() - PARTS.keys():
        raise InvalidSetting(f"{path}: no [{sorted(unknown)[0]}]: there are {', '.join(PARTS)} and [[scopes]]")
    made: dict[str, Any] = dict.fromkeys(PARTS)
    for name, own in fields.items():
        kind = PARTS[name]
        known = {each.name for each in dataclasses.fields(kind)}
        if not isinstance(own, dict) or (unknown := own.keys() - known):
            what = f"no {sorted(unknown)[0]!r}" if isinstance(own, dict) else "fields of its own"
            raise InvalidSetting(f"{path}: [{name}] has {what}: there are {', '.join(sorted(known))}")
        try:
            made[name] = kind(**own)
        except (TypeError, ValueError) as error:
            raise InvalidSetting(f"{path}: [{name}]: {error}") from error
    return Policy(**made, scopes=scopes)


def _check_days(name: str, days: float) -> None:
    if isinstance(days, bool) or not isinstance(days, int | float) or not 0 <= days < 100_000:
        raise InvalidSetting(f"{name} is a number of days from 0, not {days!r}")


def _settle_names(of: Any, name: str) -> None:
    names = getattr(of, name)
    if names is None:
        return
    if isinstance(names, str) or not all(isinstance(each, str) for each in names):
        raise InvalidSetting(f"{name} are several: ({names!r},)")
    _settle(of, name, tuple(names))


def _settle(of: object, name: str, value: Any) -> None:
    object.__setattr__(of, name, value)  # frozen for everybody else
