"""Whatever is moved, packed or copied for one scope leaves every other as it was, and takes nothing of it along."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from memgarden import Garden
from memgarden.paths import encode_path
from memgarden.records import ScopePath, utc_now
from tests.maintain.test_isolation import fill
from tests.test_isolation import HOSTILE, labels

QUERIES = ("the secret of whoever it is", "said once or thrice")


def kin(path: list[str]) -> list[list[str]]:
    """Paths that one which is joined, cut, escaped or matched by a pattern could be taken for."""
    *above, last = path
    return [
        [*above, f"{last}1"],
        [*above, f"{last}%"],
        [*above, f"{last}/{last}"],
        [*path, last],
        path[:-1] or [last, last],
        [*above, last[:-1] or "_"],
        ["/".join(path)],
        [".".join(path)],
        [*above, last.replace("/", "~1")],
        [*above, "_" * len(last)],
        [*above, last.swapcase()],
    ]


@st.composite
def families(draw: st.DrawFn) -> list[list[str]]:
    """A path, and some that resemble it."""
    path = draw(labels)
    others = draw(
        st.lists(st.sampled_from(kin(path)), min_size=2, max_size=4) | st.lists(labels, min_size=1, max_size=3)
    )
    return [list(one) for one in dict.fromkeys(map(tuple, [path, *others]))]


def exact(garden: Garden, path: ScopePath) -> Any:
    """All that can be seen of a scope: its memories and chunks to the bit, their past, and what searches say of it."""
    scope = garden.scope(*path)
    entries = [entry for _, entry in garden._parts.source.entries(path, 0, 1000, utc_now())]
    chunks = [
        [(one.start, one.end, one.vector.tobytes(), one.postings.tobytes(), one.turn) for one in entry.chunks]
        for entry in entries
    ]
    answers = [
        [(hit.memory, hit.score, hit.start, hit.end, tuple(hit.legs)) for hit in scope.search(query, k=100)]
        for query in QUERIES
    ]
    memories = [entry.memory for entry in entries]
    return memories, chunks, {memory.id: scope.history(memory.id) for memory in memories}, answers


def letters(text: str) -> set[str]:
    """Whose secrets a text holds."""
    return set(re.findall("whoever (.) is", text))


class Family:
    """The scopes of a garden, each with secrets that tell whose they are."""

    def __init__(self, garden: Garden, paths: list[list[str]], data: st.DataObject) -> None:
        self.garden = garden
        self.own = fill(garden, paths, data)
        self.letter = {path: "abcdefgh"[paths.index(list(path))] for path in self.own}

    def drawn(self, data: st.DataObject) -> ScopePath:
        return data.draw(st.sampled_from(sorted(self.own)))

    def below(self, path: ScopePath) -> set[ScopePath]:
        return {one for one in self.own if one[: len(path)] == path}

    def leaves(self, work: Callable[[], Any], touched: set[ScopePath]) -> Any:
        """What the work returns, which changed no other scopes than `touched`."""
        before = {path: exact(self.garden, path) for path in self.own if path not in touched}
        result = work()
        assert {path: exact(self.garden, path) for path in before} == before
        assert set(self.garden.scopes()) <= set(self.own)
        return result


def records(garden: Garden, paths: set[ScopePath]) -> set[tuple[ScopePath, str, str]]:
    return {(path, memory.id, memory.text) for path in paths for memory in garden.scope(*path).list(limit=1000)}


@settings(max_examples=15)
@given(paths=families(), data=st.data())
def test_copying_and_packing_never_mix_scopes(paths: list[list[str]], data: st.DataObject) -> None:
    """Exported, imported, narrowed, compacted, backed up."""
    with TemporaryDirectory() as folder, Garden.open(Path(folder, "g"), embedder="hashing:16", chroma=None) as garden:
        family = Family(garden, paths, data)
        assume(len(family.own) > 1)
        victim, target, file = next(iter(family.own)), family.drawn(data), Path(folder, "export")
        mine = family.below(victim)
        expected = records(garden, mine)
        family.leaves(lambda: garden.export(file, *victim), set())
        lines = [json.loads(line) for line in file.read_text().split("\n")[1:-1]]
        assert {(tuple(line["scope"]), line["id"], line["text"]) for line in lines} == expected
        assert letters(file.read_text()) <= {family.letter[path] for path in mine}
        family.leaves(lambda: garden.import_(file), mine)
        assert records(garden, mine) == expected
        with Garden.open(Path(folder, "other"), embedder="hashing:16", chroma=None) as other:
            other.import_(file)
            assert set(other.scopes()) <= mine and records(other, mine) == expected
        family.leaves(lambda: garden.import_(file, scope=target), {target})
        family.leaves(lambda: garden.narrow("int8", *victim, older_than=timedelta(0), apply=True), mine)
        family.leaves(lambda: garden.compact(apply=True), set())
        family.leaves(lambda: garden.compact(full=True, apply=True), set())
        family.leaves(lambda: garden.backup(Path(folder, "copy")), set())
        with Garden.open(Path(folder, "copy"), embedder="hashing:16", chroma=None) as copy:
            for path in family.own:
                assert exact(copy, path) == exact(garden, path)


def given_to(client: Any, name: str) -> set[tuple[str, str, str]]:
    """Scope, id and text of each record of a collection."""
    found = client.get_collection(name).get()
    return {
        (told["mg.scope"], told["mg.memory_id"], text)
        for told, text in zip(found["metadatas"], found["documents"], strict=True)
    }


@settings(max_examples=15)
@given(paths=families(), layout=st.sampled_from(["langchain", "llama-index"]), data=st.data())
def test_taking_and_giving_never_mix_scopes(
    client: Any, paths: list[list[str]], layout: str, data: st.DataObject
) -> None:
    """Ingested, given to Chroma and adopted from it."""
    name = f"given-{uuid4()}"
    with TemporaryDirectory() as folder, Garden.open(Path(folder), embedder="hashing:16", chroma=None) as garden:
        family = Family(garden, paths, data)
        assume(len(family.own) > 1)
        victim, target, third = next(iter(family.own)), family.drawn(data), family.drawn(data)
        said = [{"content": f"the secret of whoever {family.letter[victim]} is, said {n} times"} for n in range(3)]
        talk = {"scope": list(victim), "session_id": data.draw(st.sampled_from(HOSTILE)), "messages": said}
        family.leaves(lambda: garden.ingest([talk]), {victim})

        def give(path: ScopePath) -> None:
            family.leaves(lambda: garden.give_chroma(client, name, scope=path, layout=layout), set())

        def adopt(path: ScopePath) -> None:
            family.leaves(lambda: garden.adopt_chroma(client, name, scope=path), {path})

        give(victim)
        first = {(encode_path(path), id, text) for path, id, text in records(garden, {victim})}
        assert given_to(client, name) == first
        adopt(target)
        assert {one[1:] for one in first} <= {one[1:] for one in records(garden, {target})}
        give(target)
        both = given_to(client, name)
        assert first <= both
        assert both - first <= {(encode_path(path), id, text) for path, id, text in records(garden, {target})}
        before, origins = records(garden, {third}), {scope for scope, _, _ in both}
        adopt(third)
        gained = {one[1:] for one in records(garden, {third}) - before}
        assert gained <= {one[1:] for one in both if len(origins) == 1 or one[0] == encode_path(third)}
        client.delete_collection(name)
