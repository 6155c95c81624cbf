"""A LangChain embedding model as a garden's embedder, and a garden's embedder as one of LangChain's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from langchain_core.embeddings import Embeddings

from memgarden import Embedder, Garden

__all__ = ["LangChainEmbedder", "MemGardenEmbeddings", "as_embedder"]

MODEL_FIELDS = ("model", "model_name", "model_id", "deployment", "repo_id")
CHARACTERS_A_TOKEN = 4  # of English; what is cut too long by it the model itself cuts off
WINDOW = 512


class LangChainEmbedder:
    """What a garden asks of an embedder, of any LangChain `Embeddings`.

    A garden knows its vectors by the embedder's name: the class and its `model`, unless `name` says otherwise. Two
    models of one name would be taken for one, so name those that do not say which model they are.
    """

    def __init__(self, embeddings: Embeddings, *, name: str | None = None, window: int = WINDOW) -> None:
        """`window` is how many tokens of a text the model reads."""
        self.embeddings = embeddings
        self.name = name or _name(embeddings)
        self._window = window
        self._dimension: int | None = None

    @property
    def dimension(self) -> int:
        """The length of a vector; the model is asked for one the first time."""
        if self._dimension is None:
            self._dimension = len(self.embeddings.embed_query("dimension"))
        return self._dimension

    def embed(self, texts: Sequence[str], *, query: bool = False) -> npt.NDArray[np.float32]:
        """Vectors `(len(texts), dimension)` float32, L2-normalised."""
        if query:
            vectors = [self.embeddings.embed_query(text) for text in texts]
        else:
            vectors = self.embeddings.embed_documents(list(texts)) if texts else []
        found = np.asarray(vectors, dtype=np.float32).reshape(len(texts), -1 if len(texts) else self.dimension)
        norms = np.linalg.norm(found, axis=1, keepdims=True)
        # What has no direction stays as it is: the garden says which text it was, and stores nothing.
        np.divide(found, norms, out=found, where=norms > 0)
        return found

    def window(self) -> tuple[int, Callable[[str], int]]:
        """How many tokens of a text are read, and a guess at how many it has: LangChain's models do not say."""
        return self._window, lambda text: -(-len(text.encode("utf-8", "replace")) // CHARACTERS_A_TOKEN)


def _name(embeddings: Embeddings) -> str:
    model = next((found for field in MODEL_FIELDS if isinstance(found := getattr(embeddings, field, None), str)), None)
    return f"langchain:{type(embeddings).__name__}" + (f":{model}" if model else "")


def as_embedder(embeddings: Embeddings | None) -> Embedder | None:
    """What a garden takes as `embedder`; an embedder that we gave to LangChain comes back as itself."""
    if isinstance(embeddings, MemGardenEmbeddings):
        return embeddings.embedder
    return None if embeddings is None else LangChainEmbedder(embeddings)


class MemGardenEmbeddings(Embeddings):
    """A garden's embedder for everything in LangChain that wants `Embeddings`."""

    def __init__(self, garden: Garden | Embedder) -> None:
        """A garden, or an embedder of one."""
        self.embedder: Embedder = garden.embedder if isinstance(garden, Garden) else garden

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """A vector for each text, L2-normalised."""
        vectors: list[list[float]] = self.embedder.embed(texts).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question, L2-normalised."""
        vector: list[float] = self.embedder.embed([text], query=True)[0].tolist()
        return vector
