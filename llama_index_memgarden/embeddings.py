"""A LlamaIndex embedding model as a garden's embedder, and a garden's embedder as one of LlamaIndex's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr

from memgarden import Embedder, FunctionEmbedder, Garden, shared_garden

__all__ = ["LlamaIndexEmbedder", "MemGardenEmbedding", "as_embedder"]

WINDOW = 512


class LlamaIndexEmbedder:
    """What a garden asks of an embedder, of any LlamaIndex `BaseEmbedding`.

    A garden knows its vectors by the embedder's name: the class and its `model_name`, unless `name` says otherwise.
    """

    def __init__(self, model: BaseEmbedding, *, name: str | None = None, window: int = WINDOW) -> None:
        """`window` is how many tokens of a text the model reads."""
        self.model = model
        self.name = name or f"llama-index:{model.class_name()}:{model.model_name}"
        self._functions = FunctionEmbedder(
            self.name, model.get_text_embedding_batch, model.get_query_embedding, window=window
        )

    @property
    def dimension(self) -> int:
        """The length of a vector; the model is asked for one the first time."""
        return self._functions.dimension

    def embed(self, texts: Sequence[str], *, query: bool = False) -> npt.NDArray[np.float32]:
        """Vectors `(len(texts), dimension)` float32, L2-normalised."""
        return self._functions.embed(texts, query=query)

    def window(self) -> tuple[int, Callable[[str], int]]:
        """How many tokens of a text are read, and a guess at how many it has: LlamaIndex's models do not say."""
        return self._functions.window()


def as_embedder(model: BaseEmbedding | None) -> Embedder | None:
    """What a garden takes as `embedder`; an embedder that we gave to LlamaIndex comes back as itself."""
    if isinstance(model, MemGardenEmbedding):
        return model.embedder
    return None if model is None else LlamaIndexEmbedder(model)


class MemGardenEmbedding(BaseEmbedding):
    """A garden's embedder for everything in LlamaIndex that wants an `embed_model`."""

    garden: str | None = None
    _embedder: Any = PrivateAttr(default=None)

    def __init__(self, garden: Garden | Embedder, **kwargs: Any) -> None:
        """A garden, or an embedder of one; the keywords are `BaseEmbedding`'s.

        One of a garden may be sent to another process, which opens the garden there.
        """
        place, embedder = (garden.where, garden.embedder) if isinstance(garden, Garden) else (None, garden)
        super().__init__(model_name=kwargs.pop("model_name", embedder.name), **kwargs)
        self.garden = place
        self._embedder = embedder

    @classmethod
    def class_name(cls) -> str:
        """What LlamaIndex calls it."""
        return "MemGardenEmbedding"

    @property
    def embedder(self) -> Embedder:
        """The garden's own."""
        if getattr(self, "_embedder", None) is None:
            if self.garden is None:
                raise ValueError("this model was made of an embedder, which did not come along: make it of a garden")
            self._embedder = shared_garden(self.garden).embedder
        embedder: Embedder = self._embedder
        return embedder

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        private = {key: value for key, value in (state.get("__pydantic_private__") or {}).items() if key != "_embedder"}
        return state | {"__pydantic_private__": private | {"_embedder": None}}

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = self.embedder.embed(texts).tolist()
        return vectors

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return await asyncio.to_thread(self._get_text_embeddings, texts)

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return await asyncio.to_thread(self._get_text_embedding, text)

    def _get_query_embedding(self, query: str) -> list[float]:
        vector: list[float] = self.embedder.embed([query], query=True)[0].tolist()
        return vector

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return await asyncio.to_thread(self._get_query_embedding, query)
