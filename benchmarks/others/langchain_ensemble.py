"""LangChain's composition: EnsembleRetriever over BM25Retriever and Chroma with a filter, built for each user.

BM25Retriever has no filter and no persistence, so each user has one, built from what Chroma holds when first asked
and built anew after an add: there is no incremental one.
"""

import chromadb
from langchain_chroma import Chroma
from langchain_classic.retrievers import EnsembleRetriever
from langchain_community.retrievers import BM25Retriever
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings


class Given(Embeddings):
    """Vectors that the workload gives, by text."""

    def __init__(self):
        self.known = {}

    def embed_documents(self, texts):
        return [self.known[text] for text in texts]

    def embed_query(self, text):
        return self.known[text]


class Contender:
    def open(self, folder):
        self.given = Given()
        self.store = Chroma(
            "memories",
            self.given,
            client=chromadb.PersistentClient(str(folder), chromadb.Settings(anonymized_telemetry=False)),
            collection_configuration={"hnsw": {"space": "cosine"}},
        )
        self.retrievers = {}

    def load(self, user, ids, texts, vectors):
        self.given.known = dict(zip(texts, vectors.tolist(), strict=True))
        metadatas = [{"user": user, "id": id} for id in ids]
        self.store.add_texts(list(texts), metadatas, list(ids))

    def add(self, user, id, text, vector):
        self.given.known = {text: vector.tolist()}
        self.store.add_texts([text], [{"user": user, "id": id}], [id])
        self.retrievers.pop(user, None)

    def query(self, user, text, vector):
        if user not in self.retrievers:
            held = self.store.get(where={"user": user})
            documents = [
                Document(page_content=text, metadata=metadata)
                for text, metadata in zip(held["documents"], held["metadatas"], strict=True)
            ]
            lexical = BM25Retriever.from_documents(documents, k=10)
            dense = self.store.as_retriever(search_kwargs={"k": 10, "filter": {"user": user}})
            self.retrievers[user] = EnsembleRetriever(retrievers=[lexical, dense], weights=[0.5, 0.5])
        self.given.known = {text: vector.tolist()}
        return [document.metadata["id"] for document in self.retrievers[user].invoke(text)][:10]

    def close(self):
        pass
