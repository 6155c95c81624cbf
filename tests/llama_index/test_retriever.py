"""The LlamaIndex retriever gives what the scope's search gives, as scored nodes."""

from __future__ import annotations

import asyncio
import threading

import pytest
from llama_index.core.schema import QueryBundle

from llama_index_memgarden import MemGardenRetriever
from memgarden import Garden, InvalidQuery, Scope


@pytest.fixture
def scope(garden: Garden) -> Scope:
    """A user with five memories about tea, two of them of equal text; another user has one."""
    alice = garden.scope("alice")
    for n in range(4):
        alice.add(f"tea number {n}", id=f"t{n}", metadata={"n": n, "nested": {"deep": [n, None]}})
    alice.add("tea number 3", id="again", metadata={"n": 3, "nested": {"deep": [3, None]}})
    garden.scope("bob").add("tea of bob")
    return alice


@pytest.mark.parametrize("asynchronous", [False, True])
def test_nodes_are_the_hits(scope: Scope, asynchronous: bool) -> None:
    """Ids, texts, scores, order and metadata are the search's; memories of equal text stay two."""
    retriever = MemGardenRetriever(scope, similarity_top_k=5)
    question = "tea number 3"
    nodes = asyncio.run(retriever.aretrieve(question)) if asynchronous else retriever.retrieve(question)
    hits = scope.search(question, k=5)
    assert [(found.node_id, found.text, found.score) for found in nodes] == [(h.id, h.text, h.score) for h in hits]
    assert [found.metadata for found in nodes] == [hit.memory.metadata for hit in hits]
    assert [found.node.ref_doc_id for found in nodes] == [hit.id for hit in hits]
    assert {"t3", "again"} <= {found.node_id for found in nodes}


def test_options_reach_the_search(scope: Scope) -> None:
    """k, where, mode and alpha do what they do in `Scope.search`; alpha 0 is no alpha left out."""
    assert len(MemGardenRetriever(scope).retrieve("tea")) == 4
    assert [found.node_id for found in MemGardenRetriever(scope, where={"n": 2}).retrieve("tea")] == ["t2"]
    for options in ({"mode": "lexical"}, {"mode": "dense"}, {"alpha": 0}, {"alpha": 1.0}):
        nodes = MemGardenRetriever(scope, **options).retrieve("number 3")  # type: ignore[arg-type]
        hits = scope.search("number 3", k=4, **options)  # type: ignore[arg-type]
        assert [(found.node_id, found.score) for found in nodes] == [(hit.id, hit.score) for hit in hits]
    with pytest.raises(InvalidQuery):
        MemGardenRetriever(scope, similarity_top_k=0).retrieve("tea")


def test_a_foreign_embedding_is_not_looked_at(scope: Scope) -> None:
    """A query's own embedding, of whatever model, changes nothing."""
    retriever = MemGardenRetriever(scope)
    plain = retriever.retrieve("tea")
    foreign = retriever.retrieve(QueryBundle("tea", embedding=[1.0, 2.0]))
    assert [one.node_id for one in foreign] == [one.node_id for one in plain]


def test_it_never_blocks_the_loop(scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    """`aretrieve` searches in a thread."""
    threads = []
    search = Scope.search
    monkeypatch.setattr(Scope, "search", lambda *a, **k: threads.append(threading.current_thread()) or search(*a, **k))
    asyncio.run(MemGardenRetriever(scope).aretrieve("tea"))
    assert threading.main_thread() not in threads and len(threads) == 1
