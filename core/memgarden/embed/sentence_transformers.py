"""Any model that sentence-transformers can load, for gardens in another language or with a larger model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import numpy as np

from memgarden.errors import InvalidSetting
from memgarden.readable import readable
from memgarden.records import Floats
from memgarden.registry import require

__all__ = ["SentenceTransformerEmbedder"]

# The names under which models keep the prompt they were trained with, as sentence-transformers looks for them.
QUERY_PROMPTS = ("query",)
DOCUMENT_PROMPTS = ("document", "passage", "corpus")
UNLIMITED = 1_000_000
"""The window of a model that reads texts whole (static embeddings)."""


class SentenceTransformerEmbedder:
    """Embeds with the sentence-transformers model `model`: a hub name or a folder.

    A prompt that is not given is the model's own, if it has one, and otherwise none: prefixes belong to the models
    that were trained with them. `device` is torch's (`"cpu"`, `"cuda"`), chosen by sentence-transformers if None.
    The model is loaded when it is first needed. Raises `MissingExtra` without sentence-transformers.
    """

    def __init__(
        self,
        model: str,
        *,
        device: str | None = None,
        query_prompt: str | None = None,
        document_prompt: str | None = None,
        batch_size: int = 32,
    ) -> None:
        if batch_size < 1:
            raise InvalidSetting(f"batch_size is 1 or more, not {batch_size}")
        self._model_name = model
        self._device = device
        self._query_prompt = query_prompt
        self._document_prompt = document_prompt
        self._batch_size = batch_size
        self._lock = threading.Lock()
        self._model: Any = None

    @property
    def name(self) -> str:
        """The model's name; a document prompt of the caller's makes it another space, and adds `+` and a digest."""
        name = self._model_name.removeprefix("sentence-transformers/")
        if self._document_prompt is None:
            return name
        return f"{name}+{sha256(self._document_prompt.encode()).hexdigest()[:8]}"

    @property
    def dimension(self) -> int:
        """The length of a vector, as the model says."""
        model = self._load()
        # Renamed in sentence-transformers 5.
        ask = getattr(model, "get_embedding_dimension", None) or model.get_sentence_embedding_dimension
        return int(ask())

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Floats:
        """Vectors `(len(texts), dimension)`, float32, L2-normalised; `query` picks the prompt."""
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        vectors = self._load().encode(
            [readable(text) for text in texts],
            prompt=self._prompt(query),  # "" too: None would bring in the model's default prompt
            batch_size=self._batch_size,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return np.asarray(vectors, np.float32)

    def window(self) -> tuple[int, Callable[[str], int]]:
        """The model's `max_seq_length` less what the special tokens and the document prompt take, and its counter."""
        limit = self._load().max_seq_length
        if limit is None or limit >= UNLIMITED:
            return UNLIMITED, self._count
        taken = len(self._tokens("", special=True)) + self._count(self._prompt(query=False))
        return max(1, int(limit) - taken), self._count

    def _prompt(self, query: bool) -> str:
        given = self._query_prompt if query else self._document_prompt
        if given is not None:
            return given
        own: Mapping[str, str | None] = self._load().prompts
        return next((own[name] or "" for name in (QUERY_PROMPTS if query else DOCUMENT_PROMPTS) if own.get(name)), "")

    def _count(self, text: str) -> int:
        return len(self._tokens(text, special=False))

    def _tokens(self, text: str, *, special: bool) -> Sequence[int]:
        tokenizer = self._load().tokenizer
        text = readable(text)
        if not callable(tokenizer):  # static embeddings bring a bare `tokenizers.Tokenizer`
            ids: Sequence[int] = tokenizer.encode(text, add_special_tokens=special).ids
            return ids
        encoded: Sequence[int] = tokenizer(text, add_special_tokens=special, truncation=False, verbose=False)[
            "input_ids"
        ]
        return encoded

    def _load(self) -> Any:
        if self._model is None:
            with self._lock:
                if self._model is None:
                    library = require("sentence_transformers", "sentence-transformers")
                    self._model = library.SentenceTransformer(self._model_name, device=self._device)
        return self._model
