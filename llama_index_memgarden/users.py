"""Whose memories: the one scope that an object of this package may touch."""

from __future__ import annotations

import os
from collections.abc import Sequence

from memgarden import Garden, InvalidScope, Scope, shared_garden

__all__ = ["Place", "User", "labels_of", "scope_of"]

Place = Garden | str | os.PathLike[str]
"""A garden, or the folder or URL of one that the process shares."""

User = str | Sequence[str]
"""A user's name, or the labels of a path such as `("acme", "alice")`."""


def labels_of(user: User | None) -> tuple[str, ...]:
    """The labels of a user's scope; `InvalidScope` where nobody was named: what is nobody's would be everybody's."""
    if not user:
        raise InvalidScope("whose memories? name a user: user='alice'")
    if isinstance(user, str):
        return (user,)
    if not isinstance(user, Sequence) or not all(isinstance(label, str) for label in user):
        raise InvalidScope(f"a user is a name or a path of labels, not {user!r}: write user={str(user)!r}")
    return tuple(user)


def scope_of(garden: Place, user: User | None) -> Scope:
    """The user's scope."""
    labels = labels_of(user)
    return shared_garden(garden).scope(*labels)
