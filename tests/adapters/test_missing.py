"""Without its framework, an adapter says which extra to install; a framework that is broken says so itself."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

import pytest

from memgarden import MissingExtra

ROOTS = {
    *("langchain_memgarden", "llama_index_memgarden", "llama_index"),
    *("langchain", "langchain_classic", "langchain_core", "langgraph"),
}


class Absent(MetaPathFinder):
    """Makes a module impossible to import."""

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name == self._name:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of the adapters or frameworks counts as imported, until the test is over."""
    before = dict(sys.modules)
    for name in before:
        if name.split(".")[0] in ROOTS:
            del sys.modules[name]
    yield
    sys.modules.clear()
    sys.modules.update(before)


@pytest.mark.parametrize(
    ("name", "framework", "extra"),
    [
        ("langchain_memgarden:MemGardenRetriever", "langchain_core", "pip install langchain-core"),
        ("langchain_memgarden:MemGardenStore", "langgraph", "pip install langgraph-checkpoint"),
        ("langchain_memgarden:MemGardenStore", "langgraph.store", "pip install langgraph-checkpoint"),
        ("langchain_memgarden:MemGardenMiddleware", "langchain", "pip install langchain "),
        ("langchain_memgarden:memory_tools", "langchain", "pip install langchain "),
        ("langchain_memgarden.classic:MemGardenMemory", "langchain_classic", "pip install langchain-classic"),
        ("llama_index_memgarden:MemGardenRetriever", "llama_index", "pip install llama-index-core"),
        ("llama_index_memgarden:MemGardenRetriever", "llama_index.core", "pip install llama-index-core"),
    ],
)
def test_a_missing_framework_is_named(monkeypatch: pytest.MonkeyPatch, name: str, framework: str, extra: str) -> None:
    """The error is memgarden's and gives the command that mends it."""
    module, _, attribute = name.partition(":")
    monkeypatch.setattr(sys, "meta_path", [Absent(framework), *sys.meta_path])
    with pytest.raises(MissingExtra) as caught:
        getattr(importlib.import_module(module), attribute)
    assert extra in str(caught.value).replace("`", " ")


@pytest.mark.parametrize("adapter", ["langchain_memgarden", "llama_index_memgarden"])
def test_a_broken_framework_is_not_called_missing(monkeypatch: pytest.MonkeyPatch, adapter: str) -> None:
    """An import that fails inside an installed framework is passed on as it is."""
    monkeypatch.setattr(sys, "meta_path", [Absent("pydantic_core"), *sys.meta_path])
    monkeypatch.setitem(sys.modules, "pydantic", None)
    with pytest.raises(ImportError) as caught:
        importlib.import_module(adapter).MemGardenRetriever  # noqa: B018  # imported when it is asked for
    assert not isinstance(caught.value, MissingExtra)
