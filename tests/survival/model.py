"""A garden as a dictionary: what each operation leaves behind, so that any state can be checked."""

from __future__ import annotations

import random
from typing import Any

from memgarden import Garden, MemoryNotFound, Scope

__all__ = ["Operation", "State", "applied", "draw", "held", "perform", "searches_agree"]

Operation = list[Any]
State = dict[str, dict[str, tuple[str, str]]]
"""By scope and id: the word that the text holds and no other text ever held, and the one in the metadata."""


def draw(rng: random.Random, scopes: list[str], ids: int, word: str) -> Operation:
    """One operation in one of the scopes, on one of so many ids, that writes `word`."""
    scope, one = rng.choice(scopes), f"m{rng.randrange(ids)}"
    kind = rng.choices(["add", "many", "text", "metadata", "delete"], [5, 1, 2, 2, 2])[0]
    if kind in ("many", "delete"):
        return [kind, scope, sorted({f"m{rng.randrange(ids)}" for _ in range(rng.randint(1, 5))}), word]
    return [kind, scope, one, word]


def applied(state: State, operation: Operation) -> State:
    """What the operation makes of the state."""
    kind, scope, which, word = operation
    found = dict(state.get(scope, {}))
    if kind == "add":
        found[which] = (word, word)
    elif kind == "many":
        found |= {one: (f"{word}of{one}", word) for one in which}
    elif kind == "text" and which in found:
        found[which] = (word, found[which][1])
    elif kind == "metadata" and which in found:
        found[which] = (found[which][0], word)
    elif kind == "delete":
        found = {key: value for key, value in found.items() if key not in which}
    return state | {scope: found}


def perform(garden: Garden, operation: Operation) -> None:
    """Do it."""
    kind, label, which, word = operation
    scope = garden.scope(label)
    try:
        if kind == "add":
            scope.add(f"the word is {word}", id=which, metadata={"word": word})
        elif kind == "many":
            items = [{"text": f"the word is {word}of{one}", "id": one, "metadata": {"word": word}} for one in which]
            scope.add_many(items)
        elif kind == "text":
            scope.update(which, text=f"the word is {word}")
        elif kind == "metadata":
            scope.update(which, metadata={"word": word})
        else:
            scope.delete(which)
    except MemoryNotFound:
        pass  # an update of what is not there changes nothing


def held(scope: Scope) -> dict[str, tuple[str, str]]:
    """What the scope lists."""
    return {m.id: (m.text.removeprefix("the word is "), m.metadata["word"]) for m in scope.list(limit=10_000)}


def searches_agree(scope: Scope, expected: dict[str, tuple[str, str]], gone: list[str]) -> None:
    """Every word is found and only where it is, by both legs; the words that are gone are found nowhere."""
    for id, (word, other) in expected.items():
        hits = scope.search(f"the word is {word}", mode="lexical", k=len(expected) + 9)
        assert hits and hits[0].id == id, (id, word, [hit.text for hit in hits[:3]])
        assert hits[0].memory.metadata == {"word": other}
        # The words that all texts share rank the rest: it is the whole scope, each once.
        assert sorted(hit.id for hit in hits) == sorted(expected), "a ghost, or one is missing"
        if word.endswith("7"):
            near = scope.search(f"the word is {word}", mode="dense", k=3)
            assert near and near[0].id == id, (id, word, near)
    for word in gone:
        assert all(hit.text.split()[-1] != word for hit in scope.search(f"the word is {word}", k=5)), f"{word} is back"
