"""A question as the statement that would answer it: who remembers said "I live in Lisbon", and not "where do I live?".

English. Verbs keep the form that they have in the question: BM25 stems, and a model of meaning reads past it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from memgarden.errors import InvalidSetting
from memgarden.protocols import Expander, ExpanderTools

__all__ = ["expand", "make"]

BE = "is|are|was|were|am"
DO = "do|does|did"
HAVE = "has|have|had|can|could|will|would|should|may|might|must"
ASK = "what|which|who|whom|whose|where|when|why|how"
KIND = "kind|type|sort"

POLITE = re.compile(
    r"^(?:please\s+)?(?:(?:can|could|would|will)\s+you\s+)?(?:please\s+)?"
    r"(?:tell\s+me|remind\s+me|do\s+you\s+(?:know|remember|recall)|let\s+me\s+know)\s+(?:about\s+|of\s+)?",
    re.IGNORECASE,
)

# The first that matches a question makes its statement.
RULES = [
    (re.compile(pattern, re.IGNORECASE), statement)
    for pattern, statement in (
        (rf"(?:what|which)\s+(?:{KIND})s?\s+of\s+(.+?)\s+(?:{DO}|{HAVE}|{BE})\s+(.+)", r"\2 \1"),
        (rf"how\s+(?:many|much)\s+(.+?)\s+(?:{DO})\s+(.+)", r"\2 \1"),
        (rf"how\s+(?:many|much)\s+(.+?)\s+({HAVE}|{BE})\s+(.+)", r"\3 \2 \1"),
        (rf"how\s+(?:old|long|often|far|tall|big|much)\s+({BE})\s+(.+)", r"\2 \1"),
        (rf"how\s+(?:old|long|often|far|tall|big|much)\s+(?:{DO})\s+(.+)", r"\1"),
        (rf"(?:{ASK})\s+({BE})\s+(.+)", r"\2 \1"),
        (rf"(?:{ASK})(?:['’]s|['’]re)\s+(.+)", r"\1 is"),
        (rf"(?:{ASK})\s+(?:{DO})\s+(.+)", r"\1"),
        (rf"(?:{ASK})\s+(?:{HAVE})\s+(.+)", r"\1"),
        (rf"(?:what|which|whose)\s+(.+?)\s+(?:{DO})\s+(.+)", r"\2 \1"),
        (rf"(?:what|which|whose)\s+(.+?)\s+({BE})\s+(.+)", r"\3 \2 \1"),
        (r"who\s+(.+)", r"\1"),
        (rf"(?:{DO}|{HAVE})\s+(.+)", r"\1"),
        (rf"(?:{BE})\s+(.+)", r"\1"),
    )
]

SWAPPED = {"you": "I", "your": "my", "yours": "mine", "yourself": "myself", "are you": "I am", "you are": "I am"}
PERSON = re.compile(r"\b(you are|are you|yourself|yours|your|you)\b", re.IGNORECASE)


def expand(query: str) -> Sequence[str]:
    """The statement, and where it speaks to somebody, as that one would say it; nothing for what is no question."""
    asked = POLITE.sub("", " ".join(query.split())).rstrip("?!. ")
    for pattern, form in RULES:
        match = pattern.fullmatch(asked)
        if match is not None:
            said = match.expand(form)
            return list(dict.fromkeys([said, PERSON.sub(_swap, said)]))
    return []


def _swap(match: re.Match[str]) -> str:
    return SWAPPED[match[0].lower()]


def make(argument: str, tools: ExpanderTools) -> Expander:
    """`templates`."""
    if argument:
        raise InvalidSetting(f"templates take no setting: write expander='templates', not 'templates:{argument}'")
    return expand
