"""What LangChain wrote in a scope LlamaIndex finds, and the other way round; and the library finds both.

pip install "memgarden[langgraph,llama-index]"; python examples/both_frameworks.py [FOLDER]
"""

from __future__ import annotations

import sys

from langchain_core.documents import Document
from llama_index.core.schema import TextNode

from langchain_memgarden import MemGardenRetriever as LangChainRetriever
from langchain_memgarden import MemGardenStore, MemGardenVectorStore
from llama_index_memgarden import MemGardenRetriever as LlamaIndexRetriever
from llama_index_memgarden import MemGardenVectorStore as NodeStore
from memgarden import Garden


def main(folder: str = "./both") -> None:
    """Three writers, three readers, one user."""
    with Garden.open(folder) as garden:
        MemGardenVectorStore(garden, user="alice").add_documents([Document(id="tea", page_content="Tea grows in Uji.")])
        NodeStore(garden, user="alice").add([TextNode(id_="train", text="The train to Porto leaves at nine.")])
        MemGardenStore(garden).put(("alice",), "food", {"content": "Alice prefers Italian food."})

        for question in ("Where does tea grow?", "When does the train leave?", "Which food does she like?"):
            print(question)
            print("  LangChain: ", LangChainRetriever(garden=garden, user="alice", k=1).invoke(question)[0].id)
            print(
                "  LlamaIndex:", LlamaIndexRetriever(garden, "alice", similarity_top_k=1).retrieve(question)[0].node_id
            )
            print("  memgarden: ", garden.scope("alice").search(question, k=1)[0].id)


if __name__ == "__main__":
    main(*sys.argv[1:2])
