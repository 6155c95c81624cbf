"""mem0 with `infer=False` (no LLM in the loop) over Chroma, with the given vectors in place of its embedder."""

import os

os.environ["MEM0_TELEMETRY"] = "False"

from mem0 import Memory
from mem0.configs.base import MemoryConfig


class Given:
    """The vector of the text at hand."""

    current: list = []

    def embed(self, text, memory_action=None):
        return self.current


class Contender:
    def open(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        os.environ.setdefault("OPENAI_API_KEY", "unused: no model is called")
        config = MemoryConfig(
            vector_store={
                "provider": "chroma",
                "config": {"collection_name": "memories", "path": str(folder / "chroma")},
            },
            history_db_path=str(folder / "history.db"),
        )
        self.memory = Memory(config)
        self.given = self.memory.embedding_model = Given()

    def load(self, user, ids, texts, vectors):
        for id, text, vector in zip(ids, texts, vectors, strict=True):
            self.add(user, id, text, vector)

    def add(self, user, id, text, vector):
        self.given.current = vector.tolist()
        self.memory.add(text, user_id=user, metadata={"own": id}, infer=False)

    def query(self, user, text, vector):
        self.given.current = vector.tolist()
        try:
            found = self.memory.search(text, filters={"user_id": user}, top_k=10)
        except TypeError:
            found = self.memory.search(text, user_id=user, limit=10)
        return [one["metadata"]["own"] for one in found["results"]]

    def close(self):
        pass
