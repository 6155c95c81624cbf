"""LangChain's own suite for retrievers; `pip install langchain-tests` to have it run."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("langchain_core")
suites = pytest.importorskip("langchain_tests.integration_tests")

from langchain_memgarden import MemGardenRetriever  # noqa: E402
from memgarden import Garden  # noqa: E402


@pytest.mark.asyncio
class TestStandard(suites.RetrieversIntegrationTests):  # type: ignore[name-defined, misc]
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
