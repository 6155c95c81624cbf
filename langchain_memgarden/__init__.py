"""memgarden for LangChain.

from langchain_memgarden import MemGardenRetriever

retriever = MemGardenRetriever(scope=garden.scope("alice"), k=4)
retriever.invoke("where does she live?")
"""

from __future__ import annotations

from memgarden import MissingExtra

try:
    from langchain_memgarden.retriever import MemGardenRetriever
except ModuleNotFoundError as error:
    if error.name != "langchain_core":  # an import that fails inside an installed LangChain is not ours to explain
        raise
    raise MissingExtra("langchain-core", "langchain") from error

__all__ = ["MemGardenRetriever"]
