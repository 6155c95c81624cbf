"""No maintenance of one scope reads or changes another's memories, whatever the labels and ids are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from memgarden import (
    Deduplication,
    Garden,
    InvalidMemory,
    InvalidScope,
    Memory,
    Plan,
    Policy,
    Retention,
    Summarisation,
)
from memgarden.maintain.archive import list_archives, read_archive
from memgarden.records import utc_now
from tests.test_isolation import hostile_text, labels

OLD = utc_now() - timedelta(days=400)
State = dict[str, Memory]
POLICY = Policy(archive=Retention(), summarise=Summarisation(similarity=0.0, smallest=2))


def state(garden: Garden, path: tuple[str, ...]) -> tuple[State, dict[str, list[str]]]:
    """A scope's memories, and what became of each."""
    scope = garden.scope(*path)
    memories = {memory.id: memory for memory in scope.list(limit=1000)}
    return memories, {id: [past.event for past in scope.history(id)] for id in memories}


def fill(garden: Garden, paths: Sequence[Sequence[str]], data: st.DataObject) -> dict[tuple[str, ...], set[str]]:
    """Old memories in each scope, of texts that are alike across scopes and tell whose they are."""
    own: dict[tuple[str, ...], set[str]] = {}
    for number, path in enumerate(paths):
        try:
            scope = garden.scope(*path)
        except InvalidScope:
            continue
        own[tuple(path)] = set()
        for n in range(4):
            id = data.draw(hostile_text)
            text = f"the same secret of all of us, whoever {'abcdefgh'[number]} is"
            try:
                scope.add(
                    text if n % 2 else f"{text}, said {['once', 'twice', 'thrice'][n // 2]}", id=id, created_at=OLD
                )
            except InvalidMemory:
                continue
            own[tuple(path)].add(id)
    return own


@settings(max_examples=15)
@given(paths=st.lists(labels, min_size=2, max_size=4, unique_by=tuple), data=st.data())
def test_maintenance_never_mixes_scopes(paths: list[list[str]], data: st.DataObject) -> None:
    """Merged, summarised, archived, found in archives, restored: it is the scope's own, and others stay as they are."""
    with TemporaryDirectory() as folder, Garden.open(Path(folder), embedder="hashing:16", chroma=None) as garden:
        own = fill(garden, paths, data)
        assume(own)
        victim = data.draw(st.sampled_from(sorted(own)))
        letter = {path: "abcdefgh"[paths.index(list(path))] for path in own}
        others = {path: state(garden, path) for path in own if path[: len(victim)] != victim}
        everything = {path: state(garden, path)[0] for path in own}
        seen: list[set[str]] = []

        def summarize(memories: Sequence[Memory]) -> str:
            seen.append({memory.text.split("whoever ")[1][0] for memory in memories})
            return "told"

        for wanted in (Deduplication(), POLICY.summarise, Retention()):
            assert wanted is not None
            plan = garden.plan(wanted, *victim)
            assert all(step.path[: len(victim)] == victim for step in plan)
            assert all(one.id in own[step.path] for step in plan for one in (*step.goes, *filter(None, [step.stays])))
            garden.apply(plan, summarizer=summarize)
        garden.maintain(POLICY, *victim, summarizer=summarize)
        assert all(len(letters) == 1 for letters in seen)
        assert {path: state(garden, path) for path in others} == others
        for path in own:
            hits = garden.scope(*path).search_archives("secret", k=100)
            assert {hit.text.split("whoever ")[1][0] for hit in hits} <= {letter[path]}
            assert all(archive.scope[: len(path)] == path for archive in garden.archives(*path))
            if path in others:
                assert hits == []
            for summary in garden.scope(*path).list(where={"kind": "summary"}):
                told = garden.scope(*path).originals(summary.id)
                assert told and all(memory.text == everything[path][memory.id].text for memory in told)
        for archive in garden.archives():
            garden.restore(archive)
        assert {path: state(garden, path) for path in others} == others
        for path, before in everything.items():
            now = state(garden, path)[0]
            assert now.keys() == before.keys() and all(now[id].text == before[id].text for id in now)
        _forgetting_never_mixes_scopes(garden, victim, list(own))


def _forgetting_never_mixes_scopes(garden: Garden, victim: tuple[str, ...], paths: list[tuple[str, ...]]) -> None:
    """By id, of which every scope has the same, then whole with all below; archived and living."""
    for path in paths:
        for id in ("archived", "living"):
            garden.scope(*path).add(f"the same secret of {path}", id=id, created_at=OLD)
    plan = garden.plan(Retention())
    garden.apply(Plan(tuple(step for n, step in enumerate(plan) if step.goes[0].id == "archived" or n % 3 == 0)))
    before = {path: kept(garden, path) for path in paths}
    receipt = garden.scope(*victim).forget(["archived", "living"])
    assert receipt.memories + receipt.archived == 2
    assert not {"archived", "living"} & {memory.id for memory in kept(garden, victim)}
    assert {path: kept(garden, path) for path in paths if path != victim} == {
        path: memories for path, memories in before.items() if path != victim
    }
    garden.forget(victim)
    for path, memories in before.items():
        assert kept(garden, path) == ([] if path[: len(victim)] == victim else memories)


def kept(garden: Garden, path: tuple[str, ...]) -> list[Memory]:
    """All that there is of a scope, in the garden and in its own archives."""
    folder = garden._parts.archives
    assert folder is not None
    archived = [line for archive in list_archives(folder, path) for line in read_archive(folder, archive)]
    assert all(line.path == path for line in archived)
    return garden.scope(*path).list(limit=1000) + [line.memory for line in archived]


@settings(max_examples=15)
@given(paths=st.lists(labels, min_size=2, max_size=4, unique_by=tuple), data=st.data())
def test_a_policy_for_a_scope_is_for_what_lies_below_it_alone(paths: list[list[str]], data: st.DataObject) -> None:
    """A label that begins like another is another."""
    with TemporaryDirectory() as folder, Garden.open(Path(folder), embedder="hashing:16", chroma=None) as garden:
        own = fill(garden, paths, data)
        assume(own)
        spared = data.draw(st.sampled_from(sorted(own)))
        nothing = Policy(deduplicate=None, archive=None)
        plan = garden.plan(Policy(deduplicate=None, scopes={spared: nothing}))
        wanted = {path for path, ids in own.items() if ids and path[: len(spared)] != spared}
        assert {step.path for step in plan} == wanted
