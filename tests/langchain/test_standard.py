"""LangChain's own suites for retrievers and vector stores pass whole, sync and async."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests import RetrieversIntegrationTests, VectorStoreIntegrationTests

from langchain_memgarden import LangChainEmbedder, MemGardenRetriever, MemGardenVectorStore
from memgarden import Garden


class TestRetriever(RetrieversIntegrationTests):
    @pytest.fixture(autouse=True)
    def _fill(self, garden: Garden) -> None:
        self._scope = garden.scope("alice")
        self._scope.add_many([f"tea number {n}" for n in range(5)])

    @property
    def retriever_constructor(self) -> type[MemGardenRetriever]:
        return MemGardenRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"scope": self._scope}

    @property
    def retriever_query_example(self) -> str:
        return "tea"


class TestVectorStore(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, open_garden: Callable[..., Garden]) -> VectorStore:  # type: ignore[override]
        embeddings = self.get_embeddings()
        garden = open_garden(embedder=LangChainEmbedder(embeddings))
        return MemGardenVectorStore(garden, "alice", embedding=embeddings)


class TestVectorStoreRetriever(RetrieversIntegrationTests):
    @pytest.fixture(autouse=True)
    def _fill(self, garden: Garden) -> None:
        self._store = MemGardenVectorStore(garden, "alice")
        self._store.add_texts([f"tea number {n}" for n in range(5)])

    @property
    def retriever_constructor(self) -> Any:
        return self._store.as_retriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {}

    @property
    def retriever_query_example(self) -> str:
        return "tea"
