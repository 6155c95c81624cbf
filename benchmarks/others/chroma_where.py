"""Plain Chroma: one collection, users told apart by `where`. Dense only: it has no hybrid search locally."""

import chromadb

SETTINGS = chromadb.Settings(anonymized_telemetry=False)


class Contender:
    def open(self, folder):
        client = chromadb.PersistentClient(str(folder), SETTINGS)
        self.collection = client.get_or_create_collection(
            "memories", embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
        )

    def load(self, user, ids, texts, vectors):
        self.collection.add(list(ids), vectors, [{"user": user}] * len(ids), list(texts))

    def add(self, user, id, text, vector):
        self.collection.add([id], vector[None], [{"user": user}], [text])

    def query(self, user, text, vector):
        found = self.collection.query(vector[None], n_results=10, where={"user": user}, include=["documents"])
        return found["ids"][0]

    def close(self):
        pass
