"""LangChain's own suite for retrievers passes whole."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_tests.integration_tests import RetrieversIntegrationTests

from langchain_memgarden import MemGardenRetriever
from memgarden import Garden


class TestStandard(RetrieversIntegrationTests):
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
