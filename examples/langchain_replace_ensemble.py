"""EnsembleRetriever over BM25Retriever and Chroma, and one retriever in its place.

pip install "memgarden[classic]" langchain-community rank-bm25; python examples/langchain_replace_ensemble.py [FOLDER]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from langchain_chroma import Chroma
from langchain_classic.retrievers import EnsembleRetriever
from langchain_community.retrievers import BM25Retriever

from langchain_memgarden import MemGardenEmbeddings, MemGardenRetriever
from memgarden import Garden

NOTES = [
    "Nadia keeps the medicine for her allergy in the red tin.",
    "Wim sold the yacht Meeuw in August.",
    "The bees next door belong to Mr Okafor.",
    "Rye bread needs three hours in the tin.",
]


def main(folder: str = "./ensemble") -> None:
    """The same notes in both, the same question to both, then one note more."""
    with Garden.open(Path(folder) / "garden") as garden:
        # Before: two copies of everything, one of them in memory only, and no way to add to it.
        chroma = Chroma("notes", MemGardenEmbeddings(garden), persist_directory=str(Path(folder) / "chroma"))
        chroma.add_texts(NOTES, ids=[str(n) for n in range(len(NOTES))])
        before = EnsembleRetriever(
            retrievers=[BM25Retriever.from_texts(NOTES, k=2), chroma.as_retriever(search_kwargs={"k": 2})],
            weights=[0.5, 0.5],
        )

        # After: one retriever, kept for good, for one user.
        scope = garden.scope("nadia")
        scope.add_many([{"text": text, "id": str(n)} for n, text in enumerate(NOTES)])
        after = MemGardenRetriever(garden=garden, user="nadia", k=2)

        for name, retriever in (("EnsembleRetriever ", before), ("MemGardenRetriever", after)):
            start = time.perf_counter()
            found = retriever.invoke("Where is the allergy medicine?")
            print(f"{name} {(time.perf_counter() - start) * 1000:5.1f} ms: {found[0].page_content}")

        scope.add("The allergy medicine is now in the blue tin.")
        print("one note more:    ", after.invoke("Which tin has the allergy medicine now?")[0].page_content)


if __name__ == "__main__":
    main(*sys.argv[1:2])
