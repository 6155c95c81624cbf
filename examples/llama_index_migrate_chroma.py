"""From LlamaIndex's ChromaVectorStore to a hybrid store in one line, and what alpha does there.

pip install "memgarden[llama-index]" llama-index-vector-stores-chroma; python examples/llama_index_migrate_chroma.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import chromadb
from llama_index.core import Document, StorageContext, VectorStoreIndex
from llama_index.vector_stores.chroma import ChromaVectorStore

from llama_index_memgarden import MemGardenEmbedding, from_chroma
from memgarden import Garden

ORDERS = {
    "4711": "Order 4711: two kilos of hard pears, to be picked up on Friday.",
    "4712": "Order 4712: a tin of varnish, delivered to the boat shed.",
    "4713": "Order 4713: forty envelopes for seeds, paid.",
}


def main(folder: str = "./migrated") -> None:
    """Fill a Chroma store as any program would, take it over, and ask with several alphas."""
    with Garden.open(Path(folder) / "garden") as garden:
        model = MemGardenEmbedding(garden)
        client = chromadb.PersistentClient(str(Path(folder) / "chroma"))
        old = ChromaVectorStore(chroma_collection=client.get_or_create_collection("orders"))
        VectorStoreIndex.from_documents(
            [Document(id_=id_, text=text) for id_, text in ORDERS.items()],
            storage_context=StorageContext.from_defaults(vector_store=old),
            embed_model=model,
        )

        new = from_chroma(old, garden, user="shop")

        print(new.adoption)
        index = VectorStoreIndex.from_vector_store(new, embed_model=new.embed_model)
        for alpha in (0.0, 0.5, 1.0):
            retriever = index.as_retriever(vector_store_query_mode="hybrid", alpha=alpha, similarity_top_k=1)
            print(f"alpha {alpha}:", retriever.retrieve("4712 paint for a ship")[0].node.ref_doc_id)


if __name__ == "__main__":
    main(*sys.argv[1:2])
