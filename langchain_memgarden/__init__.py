"""memgarden for LangChain and LangGraph.

from langchain_memgarden import MemGardenRetriever

retriever = MemGardenRetriever(garden="./garden", user="alice", k=4)
retriever.invoke("where does she live?")

Each name is imported when it is first used: the store needs the extra `langgraph`, the middleware and the tools the
extra `agents`, `langchain_memgarden.classic` the extra `classic`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from memgarden import MissingExtra

if TYPE_CHECKING:
    from langchain_memgarden.chroma import from_chroma
    from langchain_memgarden.embeddings import LangChainEmbedder, MemGardenEmbeddings
    from langchain_memgarden.history import MemGardenChatMessageHistory
    from langchain_memgarden.middleware import MemGardenMiddleware
    from langchain_memgarden.namespaces import decode_label, encode_label
    from langchain_memgarden.reranker import MemGardenReranker
    from langchain_memgarden.retriever import MemGardenRetriever
    from langchain_memgarden.store import MemGardenStore
    from langchain_memgarden.summarising import summarizer
    from langchain_memgarden.tools import memory_tools
    from langchain_memgarden.vectorstore import MemGardenVectorStore

__all__ = [
    "LangChainEmbedder",
    "MemGardenChatMessageHistory",
    "MemGardenEmbeddings",
    "MemGardenMiddleware",
    "MemGardenReranker",
    "MemGardenRetriever",
    "MemGardenStore",
    "MemGardenVectorStore",
    "decode_label",
    "encode_label",
    "from_chroma",
    "memory_tools",
    "summarizer",
]

MODULES = {
    "LangChainEmbedder": "embeddings",
    "MemGardenChatMessageHistory": "history",
    "MemGardenEmbeddings": "embeddings",
    "MemGardenMiddleware": "middleware",
    "MemGardenReranker": "reranker",
    "MemGardenRetriever": "retriever",
    "MemGardenStore": "store",
    "MemGardenVectorStore": "vectorstore",
    "decode_label": "namespaces",
    "encode_label": "namespaces",
    "from_chroma": "chroma",
    "memory_tools": "tools",
    "summarizer": "summarising",
}
EXTRAS = {
    "langchain_core": ("langchain-core", "langchain"),
    "langgraph": ("langgraph-checkpoint", "langgraph"),
    "langchain": ("langchain", "agents"),
}
"""What a missing module is called on the package index, and the extra that brings it."""


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(f"{__name__}.{MODULES[name]}"), name)
    except ModuleNotFoundError as error:
        # An import that fails inside an installed package is not ours to explain.
        missing = next((root for root in EXTRAS if error.name in (root, f"{root}.store", f"{root}.store.base")), None)
        if missing is None:
            raise
        raise MissingExtra(*EXTRAS[missing]) from error


def __dir__() -> list[str]:
    return sorted(__all__)
