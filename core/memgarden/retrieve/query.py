"""What is asked of a scope, checked before anything is read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

from memgarden.errors import InvalidQuery
from memgarden.index.filter import Node
from memgarden.retrieve.phrases import Phrase
from memgarden.retrieve.times import Period

__all__ = ["GroupBy", "Mode", "Query"]

Mode = Literal["hybrid", "lexical", "dense"]
GroupBy = Literal["memory", "session"]
MODES, GROUPS = get_args(Mode), get_args(GroupBy)
MAX_K = 10_000
MAX_CONTEXT = 1_000
EMPTY: Mapping[str, str] = MappingProxyType({})


class Query(NamedTuple):
    """A question to a scope; `alpha` is the weight of the dense leg, 0 and 1 mean one leg only.

    What is found holds the `phrases`; what was said in the `periods` is preferred.
    """

    text: str
    k: int
    mode: Mode
    alpha: float
    filter: Node | None
    since: datetime | None
    until: datetime | None
    min_score: float | None
    aliases: Mapping[str, str] = EMPTY
    context: int = 0
    group_by: GroupBy = "memory"
    min_relevance: float | None = None
    phrases: Sequence[Phrase] = ()
    periods: Sequence[Period] = ()

    def checked(self) -> Query:
        """Itself; `InvalidQuery` says what is wrong with it."""
        if not isinstance(self.text, str):
            raise InvalidQuery(f"a query is a string, not {type(self.text).__name__}")
        if isinstance(self.k, bool) or not isinstance(self.k, int) or not 1 <= self.k <= MAX_K:
            raise InvalidQuery(f"k is a whole number from 1 to {MAX_K:,}, not {self.k!r}")
        if self.mode not in MODES:
            raise InvalidQuery(f"the mode is one of {', '.join(MODES)}, not {self.mode!r}")
        if not isinstance(self.alpha, int | float) or not 0 <= self.alpha <= 1:
            raise InvalidQuery(f"alpha, the weight of the dense leg, is from 0 to 1, not {self.alpha!r}")
        if self.min_score is not None and (not isinstance(self.min_score, int | float) or math.isnan(self.min_score)):
            raise InvalidQuery(f"min_score is a number, not {self.min_score!r}")
        least = self.min_relevance
        if least is not None and (not isinstance(least, int | float) or not 0 <= least <= 1):
            raise InvalidQuery(f"min_relevance is a number from 0 to 1, not {least!r}")
        if isinstance(self.context, bool) or not isinstance(self.context, int) or not 0 <= self.context <= MAX_CONTEXT:
            raise InvalidQuery(f"context is a whole number of turns from 0 to {MAX_CONTEXT:,}, not {self.context!r}")
        if self.group_by not in GROUPS:
            raise InvalidQuery(f"hits are grouped by one of {', '.join(GROUPS)}, not {self.group_by!r}")
        if not isinstance(self.aliases, Mapping) or not all(
            isinstance(word, str) and word.strip() and isinstance(name, str) for word, name in self.aliases.items()
        ):
            raise InvalidQuery(
                f"aliases give a speaker's name for a word, as in {{'Mel': 'Melanie'}}: {self.aliases!r}"
            )
        for name, time in (("since", self.since), ("until", self.until)):
            if time is not None and (not isinstance(time, datetime) or time.utcoffset() is None):
                raise InvalidQuery(f"{name} is a datetime with a time zone, not {time!r}")
        return self

    @property
    def dense_weight(self) -> float:
        """The dense leg's weight after the mode: 0 leaves the leg out, 1 leaves it alone."""
        return {"hybrid": self.alpha, "lexical": 0.0, "dense": 1.0}[self.mode]

    def widened(self, depth: int) -> Query:
        """The same question for `depth` memories at least: what rerankers are given to choose from."""
        if isinstance(depth, bool) or not isinstance(depth, int) or not 1 <= depth <= MAX_K:
            raise InvalidQuery(f"rerank_depth is a whole number from 1 to {MAX_K:,}, not {depth!r}")
        return self._replace(k=max(self.k, depth))
