"""memgarden, with vectors given and no Chroma to drain to."""

from memgarden import Garden, Memory


class Contender:
    def open(self, folder):
        self.garden = Garden.open(folder, embedder="hashing:384", chroma=None)
        self.name = self.garden.embedder.name

    def load(self, user, ids, texts, vectors):
        memories = [Memory(text, id=id) for id, text in zip(ids, texts, strict=True)]
        self.garden.scope(user).add_many(memories, vectors=vectors, embedder=self.name)

    def add(self, user, id, text, vector):
        self.garden.scope(user).add(text, id=id, vector=vector, embedder=self.name)

    def query(self, user, text, vector):
        return [hit.id for hit in self.garden.scope(user).search(text, k=10, vector=vector, embedder=self.name)]

    def close(self):
        self.garden.close()
