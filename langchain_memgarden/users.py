"""Whose memories: from what a framework hands around to the one scope that a call may touch."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.runnables.config import RunnableConfig, ensure_config

from memgarden import Garden, InvalidScope, Scope

__all__ = ["USER", "Place", "User", "labels_of", "named_user", "runtime_user", "scope_of"]

Place = Garden | str | os.PathLike[str]
"""A garden, or the folder or URL of one that the process shares."""

User = str | Sequence[str]
"""A user's name, or the labels of a path such as `("acme", "alice")`."""

USER = "user_id"
"""Where a user is looked for in `config["configurable"]` and in an agent's context."""


def scope_of(garden: Garden, user: User | None) -> Scope:
    """The user's scope; `InvalidScope` where nobody was named: what is nobody's would be everybody's."""
    return garden.scope(*labels_of(user))


def labels_of(user: User | None) -> tuple[str, ...]:
    """The labels of a user's scope; `InvalidScope` where nobody was named, or by something that is no name."""
    if user is None or user == "" or user == ():
        raise InvalidScope(
            "whose memories? name a user: user='alice', or {'configurable': {'user_id': 'alice'}} in the call's config"
        )
    if isinstance(user, str):
        return (user,)
    if not isinstance(user, Sequence) or not all(isinstance(label, str) for label in user):
        raise InvalidScope(f"a user is a name or a path of labels, not {user!r}: write user={str(user)!r}")
    return tuple(user)


def named_user(config: RunnableConfig | None) -> User | None:
    """The user that a call's config names, else the context of the LangGraph run that the call is part of."""
    user: User | None = (ensure_config(config).get("configurable") or {}).get(USER)
    if user is not None or "langgraph.runtime" not in sys.modules:  # without it no graph runs
        return user
    from langgraph.runtime import get_runtime

    try:
        runtime = get_runtime()
    except (KeyError, RuntimeError):  # outside of any run
        return None
    return _of_context(getattr(runtime, "context", None))


def _of_context(context: Any) -> User | None:
    user: User | None = context.get(USER) if isinstance(context, Mapping) else getattr(context, USER, None)
    return user


def runtime_user(runtime: Any) -> User:
    """The user of an agent's run: `user_id` of its context, else of its config's `configurable`.

    `InvalidScope` if neither names one.
    """
    found = _of_context(getattr(runtime, "context", None))
    if found is None:
        config = getattr(runtime, "config", None)
        found = ((config if config is not None else ensure_config()).get("configurable") or {}).get(USER)
    if not found:
        raise InvalidScope(
            "whose memories? run the agent with context={'user_id': ...}, or with "
            "config={'configurable': {'user_id': ...}}"
        )
    return found
