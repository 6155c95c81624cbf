"""Two processes, or eight threads, on one garden: each sees at once what the other was told is done."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from memgarden import Garden

PARTNER = """
import sys
from memgarden import Garden
from tests.survival.test_processes import turn
with Garden.open(sys.argv[1], chroma="auto" if sys.argv[2] == "chroma" else None) as garden:
    for line in sys.stdin:
        print(turn(garden, *line.split()), flush=True)
"""


def turn(garden: Garden, kind: str, label: str, one: str, word: str) -> str:
    """One operation, and what it answered."""
    scope = garden.scope(label)
    if kind == "add":
        scope.add(f"note {word}", id=one)
    elif kind == "delete":
        return str(scope.delete(one))
    elif kind == "count":  # the counter of one who changes the metadata, beside another who changes the tags
        memory = scope.get(one)
        assert memory is not None
        scope.update(one, metadata={"count": memory.metadata.get("count", 0) + 1})
    elif kind == "tag":
        memory = scope.get(one)
        assert memory is not None
        scope.update(one, tags=[str(int(memory.tags[0]) + 1 if memory.tags else 1)])
    else:
        return ",".join(sorted(f"{hit.id}={hit.text.split()[1]}" for hit in scope.search("note", k=100)))
    return "done"


class Partner:
    """Another process on the garden."""

    def __init__(self, where: Path, chroma: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PARTNER, str(where), chroma],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words: str) -> str:
        assert self.process.stdin is not None and self.process.stdout is not None
        print(*words, file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()

    def close(self) -> int:
        self.process.communicate(timeout=120)
        return self.process.returncode


OPERATIONS = [200, pytest.param(2_000, marks=pytest.mark.slow)]


@pytest.mark.parametrize("operations", OPERATIONS)
def test_what_one_of_two_processes_wrote_the_other_finds_with_its_next_search(tmp_path: Path, operations: int) -> None:
    """Turn by turn, in four scopes: after each write the one that did not write searches, and sees exactly what is."""
    Garden.open(tmp_path, embedder="hashing:64", chroma=None).close()
    one, other = Partner(tmp_path, "chroma"), Partner(tmp_path, "chroma")
    rng, expected = random.Random(operations), {label: dict[str, str]() for label in "abcd"}
    for number in range(operations):
        writer, reader = (one, other) if rng.random() < 0.5 else (other, one)
        label, key = rng.choice("abcd"), f"m{rng.randrange(20)}"
        if rng.random() < 0.7:
            assert writer("add", label, key, f"w{number}") == "done"
            expected[label][key] = f"w{number}"
        else:
            assert writer("delete", label, key, "-") == str(int(expected[label].pop(key, None) is not None))
        assert reader("search", label, "-", "-") == ",".join(sorted(f"{k}={v}" for k, v in expected[label].items()))
    assert (one.close(), other.close()) == (0, 0)
    with Garden.open(tmp_path) as garden:
        garden.flush(120)
        assert garden.health(deep=True).problems == []


@pytest.mark.parametrize("operations", OPERATIONS)
def test_two_processes_that_write_at_once_lose_no_update(tmp_path: Path, operations: int) -> None:
    """Each counts in a field of its own of the same memory, and adds; nothing of either is lost."""
    with Garden.open(tmp_path, embedder="hashing:64", chroma=None) as garden:
        garden.scope("shared").add("counters", id="c")
        partners = {"count": Partner(tmp_path, "chroma"), "tag": Partner(tmp_path, "chroma")}

        def work(kind: str) -> None:
            for n in range(operations // 4):
                assert partners[kind](kind, "shared", "c", "-") == "done"
                assert partners[kind]("add", "shared", f"{kind}{n}", f"w{n}") == "done"

        _at_once([lambda kind=kind: work(kind) for kind in partners])  # type: ignore[misc]
        memory = garden.scope("shared").get("c")
        assert memory is not None
        assert (memory.metadata, memory.tags) == ({"count": operations // 4}, (str(operations // 4),))
        expected = {f"{kind}{n}" for kind in partners for n in range(operations // 4)} | {"c"}
        assert {hit.id for hit in garden.scope("shared").search("note counters", k=5_000)} == expected
        assert [partner.close() for partner in partners.values()] == [0, 0]


@pytest.mark.parametrize("operations", OPERATIONS)
def test_eight_threads_see_each_other_and_lose_nothing(tmp_path: Path, operations: int) -> None:
    """Each adds to a shared scope and finds its own at once, deletes every third, and counts in a memory of its own."""
    with Garden.open(tmp_path, embedder="hashing:64") as garden:
        scope = garden.scope("shared")
        each = operations // 8
        for thread in range(8):
            scope.add("counter", id=f"c{thread}")

        def work(thread: int) -> None:
            for n in range(each):
                key = f"t{thread}n{n}"
                scope.add(f"note {key}", id=key)
                assert scope.search(f"note {key}", mode="lexical", k=1)[0].id == key
                turn(garden, "count", "shared", f"c{thread}", "-")
                if n % 3 == 0:
                    assert scope.delete(key) == 1
                    assert all(hit.id != key for hit in scope.search(f"note {key}", k=50))

        _at_once([lambda thread=thread: work(thread) for thread in range(8)])  # type: ignore[misc]
        expected = {f"t{thread}n{n}" for thread in range(8) for n in range(each) if n % 3}
        assert {hit.id for hit in scope.search("note", k=10_000, mode="lexical")} == expected
        for thread in range(8):
            memory = scope.get(f"c{thread}")
            assert memory is not None and memory.metadata == {"count": each}
        garden.flush(300)
        assert garden.health(deep=True).problems == []


def _at_once(works: Sequence[Callable[[], None]]) -> None:
    errors: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # raised below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
