"""An adoption that is run again leaves in the archives what went there, however it did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from memgarden import Adoption, Garden, Policy, Retention, Summarisation
from memgarden.maintain.archive import list_archives, read_archive
from memgarden.vector.client import connect, disconnect
from tests.moving.conftest import everything
from tests.moving.test_mem0 import key, payload, write

STORES = ["chroma", "mem0 chroma", "mem0 qdrant"]
TEXTS = [f"the {n // 2}th boat to {('Porto', 'Bergen', 'Quito')[n // 2 % 3]} was late" for n in range(12)]
KINDS = ("note", "document")
POLICIES = {
    "archived": Policy(deduplicate=None, archive=Retention(older_than=0)),
    "merged": Policy(archive=None),
    "summarised": Policy(
        deduplicate=None, archive=None, summarise=Summarisation(older_than=0, similarity=0.1, kinds=KINDS)
    ),
}


def kept_in(store: str, garden: Garden, place: Path) -> Callable[[], Adoption]:
    """Each text of an even number is there twice; what adopts all of it."""
    vectors = garden.embedder.embed(TEXTS)
    if store.startswith("mem0"):
        write(store.split()[1], place, [payload(text, "alice") for text in TEXTS], vectors)
        return lambda: garden.adopt_mem0(place)
    client = connect(place)
    client.create_collection("notes", embedding_function=None).add(
        [key(n) for n in range(len(TEXTS))], vectors, None, TEXTS
    )
    disconnect(client)
    return lambda: garden.adopt_chroma(place, "notes", scope="alice")


def archived(garden: Garden) -> Counter[str]:
    """How often each id is in an archive."""
    folder = garden._parts.archives
    assert folder is not None
    return Counter(line.memory.id for one in list_archives(folder) for line in read_archive(folder, one))


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("policy", POLICIES)
def test_what_went_to_an_archive_stays_there(garden: Garden, tmp_path: Path, store: str, policy: str) -> None:
    """It is counted, what it was merged into keeps what it has of it, and once it was restored it is adopted again."""
    adopt = kept_in(store, garden, tmp_path / "store")
    first = adopt()
    assert (first.adopted, first.archived) == (12, 0)
    garden.maintain(POLICIES[policy])
    away, before = archived(garden), everything(garden)
    assert away and set(away.values()) == {1}
    again = adopt()
    assert (again.adopted, again.archived, again.refused) == (12 - len(away), len(away), {})
    assert everything(garden) == before and archived(garden) == away
    for one in garden.archives():
        garden.restore(one)
    last = adopt()
    assert (last.adopted, last.archived, garden.scope("alice").count()) == (12, 0, 12)


def test_what_was_stored_anew_under_an_archived_id_is_adopted(garden: Garden, tmp_path: Path) -> None:
    """And what another scope archived under that id says nothing of this one."""
    adopt = kept_in("chroma", garden, tmp_path / "store")
    garden.scope("bob").add("bob's", id=key(2))
    for scope in ("alice", "bob"):
        garden.scope(scope).add("another", id=key(1))
        garden.maintain(POLICIES["archived"], scope)
    garden.scope("alice").add("anew", id=key(1))
    done = adopt()
    assert (done.adopted, done.archived) == (12, 0)
    assert {memory.id: memory.text for memory in garden.scope("alice").list()} == {
        key(n): text for n, text in enumerate(TEXTS)
    }
