"""Plain Chroma: a collection a user. Dense only."""

import chromadb

SETTINGS = chromadb.Settings(anonymized_telemetry=False)


class Contender:
    def open(self, folder):
        self.client = chromadb.PersistentClient(str(folder), SETTINGS)

    def _of(self, user):
        return self.client.get_or_create_collection(
            user, embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
        )

    def load(self, user, ids, texts, vectors):
        self._of(user).add(list(ids), vectors, documents=list(texts))

    def add(self, user, id, text, vector):
        self._of(user).add([id], vector[None], documents=[text])

    def query(self, user, text, vector):
        return self._of(user).query(vector[None], n_results=10, include=["documents"])["ids"][0]

    def close(self):
        pass
