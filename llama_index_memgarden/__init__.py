"""memgarden for LlamaIndex.

from llama_index_memgarden import MemGardenRetriever

retriever = MemGardenRetriever("./garden", user="alice", similarity_top_k=4)
retriever.retrieve("where does she live?")
"""

from __future__ import annotations

from memgarden import MissingExtra

try:
    from llama_index_memgarden.chroma import from_chroma
    from llama_index_memgarden.embeddings import LlamaIndexEmbedder, MemGardenEmbedding
    from llama_index_memgarden.index import MemGardenIndex
    from llama_index_memgarden.memory import MemGardenMemory, MemGardenMemoryBlock
    from llama_index_memgarden.postprocessors import MemGardenRecencyPostprocessor, MemGardenReranker
    from llama_index_memgarden.records import MemGardenChatStore, MemGardenDocumentStore, MemGardenKVStore
    from llama_index_memgarden.retriever import MemGardenRetriever
    from llama_index_memgarden.summarising import summarizer
    from llama_index_memgarden.tools import MemGardenToolSpec
    from llama_index_memgarden.vectorstore import MemGardenVectorStore
except ModuleNotFoundError as error:
    # `llama_index` is a namespace that other packages share. Imports that fail further inside are not ours to explain.
    if error.name not in ("llama_index", "llama_index.core"):
        raise
    raise MissingExtra("llama-index-core", "llama-index") from error

__all__ = [
    "LlamaIndexEmbedder",
    "MemGardenChatStore",
    "MemGardenDocumentStore",
    "MemGardenEmbedding",
    "MemGardenIndex",
    "MemGardenKVStore",
    "MemGardenMemory",
    "MemGardenMemoryBlock",
    "MemGardenRecencyPostprocessor",
    "MemGardenReranker",
    "MemGardenRetriever",
    "MemGardenToolSpec",
    "MemGardenVectorStore",
    "from_chroma",
    "summarizer",
]
