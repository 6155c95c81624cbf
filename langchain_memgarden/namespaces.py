"""LangGraph's namespaces and the operations on them: labels for any text, and what is no operation at all."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from langgraph.store.base import (
    GetOp,
    InvalidNamespaceError,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    SearchOp,
)

from langchain_memgarden.items import matches

__all__ = ["Namespace", "check", "decode_label", "encode_label", "fits", "literal"]

Namespace = tuple[str, ...]

DOT, LEADER, ESCAPE = ".", "\u2024", "\u2025"  # leaders look like one dot and like two, and are none
LONGEST = 60 * 24 * 365 * 1000  # minutes of a TTL: past a thousand years leave it out


def encode_label(text: str) -> str:
    """Text as the label of a namespace, where LangGraph allows no dots: `alice@example.com` with another dot.

    The item lies in the scope that has the text itself among its labels. No two texts have one label.
    """
    return text.replace(ESCAPE, ESCAPE * 2).replace(LEADER, ESCAPE + LEADER).replace(DOT, LEADER)


def decode_label(label: str) -> str:
    """The text that a label stands for."""
    pieces = re.split(f"({ESCAPE}.|{LEADER})", label, flags=re.DOTALL)
    return "".join(DOT if piece == LEADER else piece[1:] if piece[:1] == ESCAPE else piece for piece in pieces)


def check(op: Op) -> None:
    """`InvalidNamespaceError`, `TypeError` or `ValueError` for what cannot be carried out, before anything is."""
    if not isinstance(op, GetOp | SearchOp | PutOp | ListNamespacesOp):
        raise ValueError(f"unknown operation {type(op).__name__}")
    if isinstance(getattr(op, "namespace", ()), str) or isinstance(getattr(op, "namespace_prefix", ()), str):
        raise InvalidNamespaceError("a namespace is a tuple of labels, as in ('memories', 'alice'), not one string")
    conditions = (op.match_conditions or ()) if isinstance(op, ListNamespacesOp) else ()
    own = op.namespace_prefix if isinstance(op, SearchOp) else () if isinstance(op, ListNamespacesOp) else op.namespace
    for path in (own, *(condition.path for condition in conditions)):
        for label in path:
            # By hand, since LangGraph's releases before 4.3 check what comes by `put` and `batch` lets anything in.
            if not isinstance(label, str) or not label or DOT in label or "\0" in label:
                raise InvalidNamespaceError(
                    f"a namespace's labels are strings with something in them, and no dots or NUL, not {label!r}: "
                    "encode_label(...) makes one of any text"
                )
            if encode_label(decode_label(label)) != label:
                raise InvalidNamespaceError(f"{label!r} stands for no text: encode_label(...) makes a label of any")
    if isinstance(op, PutOp) and op.value is not None:
        _check_put(op)
    if isinstance(op, SearchOp) and op.filter is not None:
        _check_filter(op.filter)


def _check_put(op: PutOp) -> None:
    if not op.namespace or op.namespace[0] == "langgraph":
        raise InvalidNamespaceError(f"items need a namespace that does not start with 'langgraph', not {op.namespace}")
    if not isinstance(op.value, Mapping):
        raise TypeError(f"an item's value is a mapping such as {{'text': ...}}, not {type(op.value).__name__}")
    if isinstance(op.index, str):
        raise TypeError(f"index is a list of paths such as ['text'], False or None, not {op.index!r}")
    if op.ttl is not None and not (math.isfinite(op.ttl) and op.ttl <= LONGEST):
        raise ValueError(f"a ttl is minutes, at most {LONGEST:,}, not {op.ttl}: leave it out for items that stay")


def _check_filter(where: object) -> None:
    if not isinstance(where, Mapping) or not all(isinstance(key, str) for key in where):
        raise ValueError(f"a filter is a mapping of a value's keys, as in {{'kind': 'note'}}, not {where!r:.80}")
    if any(key.startswith("$") for key in where):
        raise ValueError(f"a filter's keys are those of values, and operators stand below them: {where!r:.80}")
    for wanted in where.values():
        matches(None, wanted)  # so that an unknown operator is told of where nothing is stored, too


def literal(conditions: Sequence[MatchCondition]) -> Namespace:
    """The labels that every namespace asked for begins with."""
    for condition in conditions:
        if condition.match_type == "prefix":
            path = tuple(condition.path)
            return path[: path.index("*")] if "*" in path else path
    return ()


def fits(condition: MatchCondition, namespace: Namespace) -> bool:
    """Whether a namespace is what a condition asks for; `*` stands for any label."""
    path = tuple(condition.path)
    if condition.match_type not in ("prefix", "suffix"):
        raise ValueError(f"namespaces match by prefix or suffix, not {condition.match_type!r}")
    if len(namespace) < len(path):
        return False
    part = namespace[: len(path)] if condition.match_type == "prefix" else namespace[len(namespace) - len(path) :]
    return all(wanted in ("*", label) for wanted, label in zip(path, part, strict=True))
