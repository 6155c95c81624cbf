"""Questions to a folder whose files change: what is new is stored, what changed replaced, what went deleted.

pip install "memgarden[llama-index]"; python examples/llama_index_folder.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

from llama_index.core import SimpleDirectoryReader

from llama_index_memgarden import MemGardenIndex, MemGardenVectorStore
from memgarden import Garden

NOTES = {
    "allotment.md": "Plot 27 is Nadia's, for forty euros a year. Hoses are not allowed; use cans.",
    "chutney.md": "Pear chutney simmers uncovered for ninety minutes.",
    "yacht.md": "The yacht Meeuw is 6.20 m long and for sale.",
}


def update(index: MemGardenIndex, notes: Path) -> None:
    """Bring the index to what the folder holds now, and say what was done."""
    documents = SimpleDirectoryReader(str(notes), filename_as_id=True).load_data()
    changed = index.refresh_ref_docs(documents)
    for document in [known for known in index.ref_doc_info if known not in {one.id_ for one in documents}]:
        index.delete_ref_doc(document)
        print("deleted:", Path(document).name)
    print("stored: ", sorted(Path(one.id_).name for one, new in zip(documents, changed, strict=True) if new))


def main(folder: str = "./folder-garden") -> None:
    """Three notes, a question; then one note changes and one goes."""
    notes = Path(folder) / "notes"
    notes.mkdir(parents=True, exist_ok=True)
    for name, text in NOTES.items():
        (notes / name).write_text(text, encoding="utf-8")
    with Garden.open(Path(folder) / "garden") as garden:
        index = MemGardenIndex(MemGardenVectorStore(garden, user="nadia"))
        update(index, notes)
        update(index, notes)
        retriever = index.as_retriever(vector_store_query_mode="hybrid", similarity_top_k=1)
        print("found:  ", retriever.retrieve("How long does the chutney simmer?")[0].get_content())

        (notes / "chutney.md").write_text("Pear chutney simmers for two hours, says the aunt.", encoding="utf-8")
        (notes / "yacht.md").unlink()
        update(index, notes)
        print("found:  ", retriever.retrieve("How long does the chutney simmer?")[0].get_content())


if __name__ == "__main__":
    main(*sys.argv[1:2])
