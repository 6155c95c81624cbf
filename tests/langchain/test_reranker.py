"""memgarden's rerankers order Documents that come from anywhere."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import Document
from pydantic import ValidationError

from langchain_memgarden import MemGardenReranker, MemGardenRetriever
from memgarden import Garden, Shortlist, shared_garden
from memgarden.embed.hashing import HashingEmbedder

DOCUMENTS = [
    Document(page_content=text, metadata={"n": n}, id=str(n)) for n, text in enumerate(("aa", "a", "aaaa", "aaa"))
]


def longest(shortlist: Shortlist) -> list[int]:
    return [len(hit.text) for hit in shortlist.hits]


def test_the_best_come_first_with_their_scores(garden: Garden) -> None:
    """`top_n` of them, sync and async; the Documents that were given are not touched."""
    reranker = MemGardenReranker(garden=garden, reranker=longest, top_n=2)
    found = reranker.compress_documents(DOCUMENTS, "q")
    assert [(one.id, one.metadata) for one in found] == [
        ("2", {"n": 2, "relevance_score": 4.0}),
        ("3", {"n": 3, "relevance_score": 3.0}),
    ]
    assert DOCUMENTS[2].metadata == {"n": 2}
    assert asyncio.run(reranker.acompress_documents(DOCUMENTS, "q")) == found
    assert reranker.compress_documents([], "q") == []


def test_it_compresses_what_a_retriever_finds(garden: Garden) -> None:
    """In LangChain's own retriever for that."""
    scope = garden.scope("alice")
    scope.add_many(["green tea in the morning", "green tea in the morning", "a train to Lisbon"])
    retriever = ContextualCompressionRetriever(
        base_compressor=MemGardenReranker(garden=garden, reranker="mmr:0.3", top_n=2),
        base_retriever=MemGardenRetriever(scope=scope, k=3),
    )
    assert [one.page_content for one in retriever.invoke("green tea")] == [
        "green tea in the morning",
        "a train to Lisbon",
    ]


def test_an_address_will_do_and_unknown_fields_will_not(tmp_path: Path) -> None:
    """As for everything here."""
    garden = shared_garden(tmp_path, embedder=HashingEmbedder(64))
    assert len(MemGardenReranker(garden=str(tmp_path), reranker="mmr").compress_documents(DOCUMENTS, "q")) == 4
    with pytest.raises(ValidationError):
        MemGardenReranker(garden=garden, model="x")  # type: ignore[call-arg]
    garden.close()
