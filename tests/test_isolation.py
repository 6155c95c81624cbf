"""No search, get, list, update or delete ever returns or touches another scope's memory."""

from __future__ import annotations

from json import loads as json_loads
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from memgarden import Garden, InvalidFilter, InvalidMemory, InvalidScope, MemoryNotFound

HOSTILE = [
    "user1", "user12", "user", "a/b", "a", "b", "a~1b", "a.b", "%", "user%", "_", "'; DROP TABLE memories;--", '"',
    "' OR '1'='1", "ユーザー", "é", "e\u0301", "..", "../user1", "*",
    "\\", "\n", " user1", "USER1", "🦊", "\u202euser1",
]  # fmt: skip
labels = st.lists(st.sampled_from(HOSTILE) | st.text(min_size=1, max_size=8), min_size=1, max_size=3)
hostile_text = st.sampled_from([*HOSTILE, "scope", "1 OR 1=1", "$or", "metadata"]) | st.text(max_size=12)
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | hostile_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile_text, inner, max_size=3),
    max_leaves=6,
)
operators = st.sampled_from(
    ["$eq", "$ne", "$gt", "$in", "$nin", "$contains", "$not_contains", "$exists", "$or", "$nope"]
)
filters = st.none() | st.dictionaries(
    hostile_text | st.sampled_from(["$or", "$and", "$not", "scope", "metadata.scope", "id"]),
    json | st.dictionaries(operators, json, min_size=1, max_size=2),
    max_size=3,
)


@settings(max_examples=60)
@given(paths=st.lists(labels, min_size=2, max_size=5, unique_by=tuple), data=st.data())
def test_scopes_never_mix(paths: list[list[str]], data: st.DataObject) -> None:
    """Over hostile labels, ids, metadata keys and filters, each scope's answers hold its own memories alone."""
    with TemporaryDirectory() as folder, Garden.open(Path(folder), embedder="hashing:16", chroma=None) as garden:
        own: dict[tuple[str, ...], dict[str, str]] = {}
        for number, path in enumerate(paths):
            try:
                scope = garden.scope(*path)
            except InvalidScope:
                continue
            own[tuple(path)] = {}
            for n in range(2):
                id = data.draw(hostile_text)
                try:
                    scope.add(f"secret {number} {n}", id=id, metadata=data.draw(st.dictionaries(hostile_text, json)))
                except InvalidMemory:
                    continue
                own[tuple(path)][id] = f"secret {number} {n}"
        everything = {id for memories in own.values() for id in memories}
        for path, mine in own.items():
            scope = garden.scope(*path)
            try:
                where = data.draw(filters)
                found_by = scope.search("secret", k=50, where=where)
                listed = scope.list(where=where, limit=50)
            except InvalidFilter:
                found_by, listed = [], []
            assert {hit.memory.text for hit in found_by} <= set(mine.values())
            assert {memory.text for memory in listed} <= set(mine.values())
            told = {line.split("] ", 1)[1] for line in scope.recall("secret", k=50).split("\n") if line}
            assert told == set(mine.values())
            garden.export(Path(folder) / "export", *path)
            exported = [json_loads(line) for line in (Path(folder) / "export").read_text().split("\n")[1:-1]]
            assert {tuple(line["scope"]) for line in exported} <= {one for one in own if one[: len(path)] == path}
            assert {m.id: m.text for m in scope.list()} == mine
            for id in everything:
                found = scope.get(id)
                assert (found.text if found else None) == mine.get(id)
        assume(own)
        victim, *others = own
        attacker = garden.scope(*victim)
        for id in everything - own[victim].keys():
            with pytest.raises(MemoryNotFound):
                attacker.update(id, text="overwritten")
        assert attacker.rewrite(everything - own[victim].keys(), lambda _, old: old) == []
        assert attacker.delete(everything) == len(own[victim])
        for path in others:
            assert {m.id: m.text for m in garden.scope(*path).list()} == own[path]
        assert {path for path, count in garden.scopes().items() if count} == {path for path in others if own[path]}
        for path in others[:1]:
            attacker.forget(everything)
            assert {m.id: m.text for m in garden.scope(*path).list()} == own[path]
            garden.forget(path)
            below = {one for one in own if one[: len(path)] == path}
            assert {one: {m.id: m.text for m in garden.scope(*one).list()} for one in others} == {
                one: {} if one in below else own[one] for one in others
            }


def test_the_same_id_in_two_scopes_is_two_memories(garden: Garden) -> None:
    """Replacing, updating and deleting one leaves the other."""
    one, two = garden.scope("user1"), garden.scope("user12")
    one.add("mine", id="x")
    two.add("yours", id="x")
    one.update("x", text="changed")
    assert two.get("x").text == "yours"
    one.delete("x")
    assert two.get("x").text == "yours" and [hit.id for hit in two.search("yours")] == ["x"]


@pytest.mark.parametrize("label", ["", "  ", "a\x00b", "\ud800", "x" * 600, 7, None])
def test_labels_that_no_scope_may_have_are_refused(garden: Garden, label: object) -> None:
    """With an error that shows what to write instead."""
    with pytest.raises(InvalidScope):
        garden.scope("acme", label)  # type: ignore[arg-type]


def test_a_scope_needs_a_label(garden: Garden) -> None:
    """There is no scope of everybody."""
    with pytest.raises(InvalidScope, match=r"garden\.scope\('alice'\)"):
        garden.scope()
