"""The comparison of Chroma with the record knows the collections of large scopes, and `reindex` builds them anew."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from memgarden import Garden
from memgarden.store.audit import SqlAudit
from memgarden.store.outbox import SqlOutbox
from memgarden.vector.collection import collection_name
from tests.large.conftest import DIMENSION, fill, near, settled, vectors
from tests.plain_chroma import by_hand
from tests.survival.damage import garbage, problems
from tests.survival.mirror import same_as_record

OPEN = Callable[..., Garden]
COUNT = 1_300  # above 1,000, Chroma's sync threshold: below it there are no files of vectors to destroy


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A closed garden with a large scope and a small one, and the name of the large one's collection."""
    where = tmp_path_factory.mktemp("large") / "garden"
    with Garden.open(where, embedder=f"hashing:{DIMENSION}", exact_limit=500) as garden:
        fill(garden, "alice", COUNT)
        fill(garden, "bob", 30)
        settled(garden, alice="chroma")
        assert garden.health(deep=True).problems == []
        ((number, _),) = garden._parts.catalogue.large().items()
    assert same_as_record(garden) == COUNT + 30
    return where, collection_name(garden._parts.id, number)


@pytest.fixture
def copied(sound: tuple[Path, str], folder: Path) -> str:
    """A copy of it in the test's own folder; the name of the collection."""
    shutil.copytree(sound[0], folder)
    return sound[1]


def answers(garden: Garden) -> None:
    """Searches find what an exact one does, and adds are found."""
    stored = vectors(COUNT)
    for query in vectors(3, seed=12):
        assert near(garden, "alice", query, k=1) == [str(np.argmax(stored @ query))]


def mended(garden: Garden) -> None:
    """`reindex` is all it takes."""
    garden.reindex()
    answers(garden)
    settled(garden, alice="chroma")
    assert garden.health(deep=True).problems == []
    garden.close()
    assert same_as_record(garden) == COUNT + 30


CHANGES = {
    "a chunk is missing": "own.delete(ids=[own.get(limit=1)['ids'][0]])",
    "a vector is another": "own.update(ids=own.get()['ids'], embeddings=[[1.0] + [0.0] * 63] * own.count())",
    "the collection is gone": "client.delete_collection(given[0])",
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_wrong_in_a_scopes_own_collection_is_found_and_mended(
    copied: str, open_large: OPEN, folder: Path, change: str
) -> None:
    """By the comparison alone: the shared collection is sound all the while."""
    own = "own = client.get_collection(given[0], embedding_function=None)"
    by_hand(folder / "chroma", f"{own}\n{CHANGES[change]}", copied)
    with open_large(exact_limit=500) as garden:
        assert any("memgarden reindex" in problem for problem in problems(garden))
        mended(garden)


def test_what_a_comparison_found_holds_until_all_is_built_anew(copied: str, folder: Path) -> None:
    """Until then a search does not ask Chroma; what is found of the old one while the new is made is not kept."""
    with Garden.open(folder, embedder=f"hashing:{DIMENSION}", chroma=None) as garden:
        audit, outbox = cast(SqlAudit, garden._parts.audit), cast(SqlOutbox, garden._parts.outbox)
        (scope,) = garden._parts.catalogue.large()
        assert outbox.waiting(scope, 10) is not None
        audit.note("a chunk is missing from what small scopes share")
        assert audit.finding() and outbox.waiting(scope, 10) is not None
        audit.note(f"a chunk is missing, in {copied}")
        assert audit.finding() and outbox.waiting(scope, 10) is None
        audit.note(None)
        assert audit.finding() is None and outbox.waiting(scope, 10) is not None
        outbox.refill()
        audit.note("seen before it was built anew")
        assert audit.finding() is None


def test_a_collection_that_belongs_to_no_large_scope_is_removed(copied: str, open_large: OPEN, folder: Path) -> None:
    """Left behind by a database that was restored since; those of other gardens and of other programs stay."""
    by_hand(
        folder / "chroma",
        "told = client.get_collection(given[0], embedding_function=None).metadata\n"
        "client.create_collection('orphan', embedding_function=None, metadata=told | {'mg.scope_id': 77})\n"
        "client.create_collection('other', embedding_function=None, metadata={'mg.garden': 'x', 'mg.scope_id': 77})\n"
        "client.create_collection('theirs', embedding_function=None)",
        copied,
    )
    with open_large(exact_limit=500) as garden:
        before = garden._parts.id
        name = collection_name(before, 77)
    by_hand(folder / "chroma", f"client.get_collection('orphan', embedding_function=None).modify(name='{name}')")
    with open_large(exact_limit=500) as garden:
        assert garden.health(deep=True).problems == []
        answers(garden)
    left = by_hand(folder / "chroma", "print(sorted(each.name for each in client.list_collections()))")
    assert name not in left and "orphan" not in left and all(kept in left for kept in (copied, "other", "theirs"))


def _segments(folder: Path) -> list[Path]:
    return [child for child in (folder / "chroma").iterdir() if child.is_dir()]


def _delete(folder: Path) -> None:
    """Gone, though the process that serves it may write into it meanwhile."""
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "folder deleted": lambda folder: _delete(folder / "chroma"),
    "sqlite garbage": lambda folder: garbage(folder / "chroma" / "chroma.sqlite3"),
    "vectors deleted": lambda folder: [_delete(each) for each in _segments(folder)],
    # SIGSEGV, chromadb 1.5.9
    "vectors garbage": lambda folder: [garbage(each / "data_level0.bin") for each in _segments(folder)],
    "header truncated": lambda folder: [os.truncate(each / "header.bin", 50) for each in _segments(folder)],
}
QUICK = (("folder deleted", True), ("vectors garbage", False))
MOMENTS = [(damage, open_at_the_time) for damage in DAMAGES for open_at_the_time in (False, True)]


@pytest.mark.parametrize(
    ("damage", "open_at_the_time"),
    [pytest.param(*moment, marks=() if moment in QUICK else pytest.mark.slow) for moment in MOMENTS],
)
def test_chroma_destroyed_with_a_large_scope_in_it(
    copied: str, open_large: OPEN, folder: Path, damage: str, open_at_the_time: bool
) -> None:
    """Searches go on and adds are found; `health` says so; from then on they are exact, and `reindex` mends it.

    What Chroma lost while it ran it may answer from what is left, until the comparison finds it.
    """
    if not open_at_the_time:
        DAMAGES[damage](folder)
    with open_large(exact_limit=500) as garden:
        if open_at_the_time:
            settled(garden, alice="chroma")
            answers(garden)
            DAMAGES[damage](folder)
        fresh = vectors(1, seed=13)[0]
        added = garden.scope("alice").add("fresh", vector=fresh, embedder=garden.embedder.name)
        assert near(garden, "alice", fresh, k=1) == [added.id]
        garden.scope("alice").delete(added.id)
        assert all(len(near(garden, "alice", query)) == 10 for query in vectors(3, seed=12))
        assert any("memgarden reindex" in problem for problem in problems(garden))
        answers(garden)
        mended(garden)
