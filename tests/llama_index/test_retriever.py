"""The LlamaIndex retriever gives what the scope's search gives, as scored nodes."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import Document, StorageContext
from llama_index.core.base.base_selector import BaseSelector, SelectorResult, SingleSelection
from llama_index.core.llms import MockLLM
from llama_index.core.node_parser import HierarchicalNodeParser, get_leaf_nodes, get_root_nodes
from llama_index.core.query_engine import RetrieverQueryEngine, RouterQueryEngine
from llama_index.core.retrievers import AutoMergingRetriever, QueryFusionRetriever
from llama_index.core.schema import MetadataMode, QueryBundle, TextNode
from llama_index.core.tools import QueryEngineTool
from llama_index.core.vector_stores.types import FilterOperator, MetadataFilter, MetadataFilters

from llama_index_memgarden import MemGardenRetriever, MemGardenVectorStore
from memgarden import Garden, InvalidQuery, InvalidScope, Scope, shared_garden
from memgarden.embed.hashing import HashingEmbedder


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
    assert [found.metadata for found in nodes] == [
        {"created_at": hit.memory.created_at.isoformat(), **hit.memory.metadata} for hit in hits
    ]
    assert "created_at" not in nodes[0].node.get_content(MetadataMode.LLM)
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


def test_whose_memories(garden: Garden, tmp_path: Path) -> None:
    """A scope's, a user's, or those of the user that a call names; never those of another than the retriever's own."""
    garden.scope("alice").add("tea of alice", id="a")
    garden.scope("acme", "bob").add("tea of bob", id="b")
    anyone = MemGardenRetriever(garden)
    assert [found.node_id for found in anyone.retrieve("tea", user="alice")] == ["a"]
    assert [found.node_id for found in asyncio.run(anyone.aretrieve("tea", user=("acme", "bob")))] == ["b"]
    with pytest.raises(InvalidScope, match="whose memories"):
        anyone.retrieve("tea")
    for own in (MemGardenRetriever(garden, "alice"), MemGardenRetriever(garden.scope("alice"))):
        assert [found.node_id for found in own.retrieve("tea", user="alice")] == ["a"]
        with pytest.raises(InvalidScope, match="nobody else's"):
            own.retrieve("tea", user="bob")
    with pytest.raises(InvalidScope, match="already"):
        MemGardenRetriever(garden.scope("alice"), "alice")
    shared = shared_garden(tmp_path / "g", embedder=HashingEmbedder(64))
    shared.scope("alice").add("tea", id="s")
    assert [found.node_id for found in MemGardenRetriever(str(tmp_path / "g"), "alice").retrieve("tea")] == ["s"]
    shared.close()


def test_a_calls_filters_narrow(scope: Scope) -> None:
    """The retriever's own hold too, LlamaIndex's and memgarden's."""
    many = MetadataFilters(filters=[MetadataFilter(key="n", value=1, operator=FilterOperator.GTE)])
    odd = MetadataFilters(filters=[MetadataFilter(key="n", value=[1, 3], operator=FilterOperator.IN)])
    retriever = MemGardenRetriever(scope, similarity_top_k=9, filters=many, where={"n": {"$lt": 3}})
    assert {found.node_id for found in retriever.retrieve("tea")} == {"t1", "t2"}
    assert {found.node_id for found in retriever.retrieve("tea", filters=odd)} == {"t1"}
    assert {found.node_id for found in asyncio.run(retriever.aretrieve("tea", filters=odd))} == {"t1"}
    assert {found.node_id for found in retriever.retrieve("tea")} == {"t1", "t2"}


def test_rerankers_and_neighbours(garden: Garden) -> None:
    """A reranker orders, and `context` brings the turns around a hit."""
    scope = garden.scope("alice")
    turns = [("Ann", "Where did you go?"), ("Ben", "To Lisbon, by train."), ("Ann", "How nice!")]
    scope.add_conversation([{"name": name, "content": text} for name, text in turns], session_id="s")
    (found,) = MemGardenRetriever(scope, similarity_top_k=1, context=1).retrieve("Lisbon train")
    assert found.text == "Ann: Where did you go?\nBen: To Lisbon, by train.\nAnn: How nice!"
    shortest = MemGardenRetriever(scope, reranker=lambda shortlist: [-len(hit.text) for hit in shortlist.hits])
    assert shortest.retrieve("Lisbon train")[0].text == "How nice!"


def test_it_composes(garden: Garden) -> None:
    """In a fusion, a query engine and a router, as any retriever does."""
    store = MemGardenVectorStore(garden, "alice")
    store.add([TextNode(text=f"tea number {n}", id_=f"t{n}") for n in range(5)])
    retriever = MemGardenRetriever(garden, "alice", similarity_top_k=3)
    llm = MockLLM(max_tokens=8)
    fusion = QueryFusionRetriever(
        [retriever, MemGardenRetriever(garden, "alice", mode="lexical")], llm=llm, num_queries=1
    )
    assert "t3" in {found.node_id for found in fusion.retrieve("tea number 3")}
    engine = RetrieverQueryEngine.from_args(retriever, llm=llm)
    response = engine.query("tea number 3")
    assert response.source_nodes[0].node_id == "t3"
    assert asyncio.run(engine.aquery("tea number 3")).source_nodes[0].node_id == "t3"
    tool = QueryEngineTool.from_defaults(engine, description="tea")

    class First(BaseSelector):
        def _get_prompts(self) -> Any:
            return {}

        def _update_prompts(self, prompts: Any) -> None:
            return None

        def _select(self, choices: Any, query: Any) -> SelectorResult:
            return SelectorResult(selections=[SingleSelection(index=0, reason="the only one")])

        async def _aselect(self, choices: Any, query: Any) -> SelectorResult:
            return self._select(choices, query)

    router = RouterQueryEngine(selector=First(), query_engine_tools=[tool], llm=llm)
    assert router.query("tea number 3").source_nodes[0].node_id == "t3"


def test_nodes_merge_into_their_parents(garden: Garden) -> None:
    """Relationships survive, so that AutoMergingRetriever gives a parent in place of most of its children."""
    text = " ".join(f"Sentence number {n} is about tea." for n in range(40))
    parser = HierarchicalNodeParser.from_defaults(chunk_sizes=[256, 64])
    nodes = parser.get_nodes_from_documents([Document(text=text, id_="d")])
    store = MemGardenVectorStore(garden, "alice")
    context = StorageContext.from_defaults(vector_store=store, docstore=store.docstore)
    context.docstore.add_documents(nodes)
    store.add(get_leaf_nodes(nodes))
    merging = AutoMergingRetriever(
        MemGardenRetriever(garden, "alice", similarity_top_k=20), context, simple_ratio_thresh=0.3
    )
    merged = {found.node_id for found in merging.retrieve("tea")}
    assert merged & {node.node_id for node in get_root_nodes(nodes)}
