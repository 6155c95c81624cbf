"""A question and the other ways to put it that expanders find."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memgarden.errors import ExpanderFailed, MemgardenError
from memgarden.protocols import Expander

__all__ = ["MOST", "ORIGINAL", "expanded"]

MOST = 32
"""Ways to put one question: each costs a search of its own."""

ORIGINAL = 0.5
"""The question's own weight, the others share the rest: what RM3 is mostly run with (see `memgarden.expand.prf`)."""


def expanded(query: str, expanders: Sequence[tuple[str, Expander]]) -> list[str]:
    """The query, then what each named expander makes of it, each text once; `ExpanderFailed` says what went wrong."""
    texts = [query]
    for name, expander in expanders:
        texts += _phrasings(name, expander, query)
    distinct: dict[str, str] = {}
    for text in texts:  # with other spaces, or in letters of another case, it is the same question
        distinct.setdefault(" ".join(text.casefold().split()), text)
    if len(distinct) > MOST:
        raise ExpanderFailed(
            f"the expanders gave {len(distinct) - 1} phrasings, each of which is a search: give {MOST - 1} at most"
        )
    return list(distinct.values())


def _phrasings(name: str, expander: Expander, query: str) -> list[str]:
    try:
        given: Any = expander(query)
        texts = given if isinstance(given, str) else list(given)
    except MemgardenError:
        raise
    except Exception as error:
        raise ExpanderFailed(f"the expander {name!r} failed: {type(error).__name__}: {error}") from error
    if isinstance(texts, str):
        raise ExpanderFailed(f"the expander {name!r} gave one string, {texts!r}: give several, as in [text]")
    for text in texts:
        if not isinstance(text, str) or not text.strip():
            raise ExpanderFailed(f"the expander {name!r} gave {text!r}: give strings with something in them")
    return texts
