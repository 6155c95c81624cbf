"""memgarden for LlamaIndex.

from llama_index_memgarden import MemGardenRetriever

retriever = MemGardenRetriever(garden.scope("alice"), similarity_top_k=4)
retriever.retrieve("where does she live?")
"""

from __future__ import annotations

from memgarden import MissingExtra

try:
    from llama_index_memgarden.retriever import MemGardenRetriever
except ModuleNotFoundError as error:
    # `llama_index` is a namespace that other packages share. Imports that fail further inside are not ours to explain.
    if error.name not in ("llama_index", "llama_index.core"):
        raise
    raise MissingExtra("llama-index-core", "llama-index") from error

__all__ = ["MemGardenRetriever"]
