"""From langchain-chroma to a hybrid store in one line, and what that changes.

pip install "memgarden[langchain]"; python examples/langchain_migrate_chroma.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

from langchain_chroma import Chroma

from langchain_memgarden import MemGardenEmbeddings, MemGardenVectorStore, from_chroma
from memgarden import Garden

TEXTS = {
    "order-4711": "Order 4711: two kilos of hard pears, to be picked up on Friday.",
    "order-4712": "Order 4712: a tin of varnish, delivered to the boat shed.",
    "order-4713": "Order 4713: forty envelopes for seeds, paid.",
    "opening": "The shop is open on weekdays from nine to six.",
}


def main(folder: str = "./migrated") -> None:
    """Fill a Chroma store as any program would, take it over, and ask both."""
    with Garden.open(Path(folder) / "garden") as garden:
        old = Chroma("shop", MemGardenEmbeddings(garden), persist_directory=str(Path(folder) / "chroma"))
        old.add_texts(list(TEXTS.values()), [{"kind": key.split("-")[0]} for key in TEXTS], ids=list(TEXTS))

        new: MemGardenVectorStore = from_chroma(old, garden, user="shop")

        print(new.adoption)
        for question in ("4712", "when can I come by?"):
            print(f"{question!r}: Chroma {old.similarity_search(question, k=1)[0].id}, ", end="")
            print(f"memgarden {new.similarity_search(question, k=1)[0].id}")
        found = new.similarity_search("order", k=10, filter={"kind": "order"})
        print("filtered:", sorted(str(document.id) for document in found))


if __name__ == "__main__":
    main(*sys.argv[1:2])
