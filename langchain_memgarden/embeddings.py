"""A LangChain embedding model as a garden's embedder, and a garden's embedder as one of LangChain's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from langchain_core.embeddings import Embeddings

from memgarden import Embedder, FunctionEmbedder, Garden

__all__ = ["LangChainEmbedder", "MemGardenEmbeddings", "as_embedder"]

MODEL_FIELDS = ("model", "model_name", "model_id", "deployment", "repo_id")
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
        self._functions = FunctionEmbedder(self.name, embeddings.embed_documents, embeddings.embed_query, window=window)

    @property
    def dimension(self) -> int:
        """The length of a vector; the model is asked for one the first time."""
        return self._functions.dimension

    def embed(self, texts: Sequence[str], *, query: bool = False) -> npt.NDArray[np.float32]:
        """Vectors `(len(texts), dimension)` float32, L2-normalised."""
        return self._functions.embed(texts, query=query)

    def window(self) -> tuple[int, Callable[[str], int]]:
        """How many tokens of a text are read, and a guess at how many it has: LangChain's models do not say."""
        return self._functions.window()


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
