"""Any cross-encoder that sentence-transformers can load: it reads the query and a text together."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from memgarden.errors import InvalidSetting
from memgarden.protocols import Reranker, RerankerTools, Shortlist
from memgarden.readable import readable
from memgarden.records import Floats
from memgarden.registry import require

__all__ = ["CrossEncoderReranker", "make"]


class CrossEncoderReranker:
    """Scores by the cross-encoder `model`, a hub name or a folder; it is loaded when it is first needed.

    `device` is torch's (`"cpu"`, `"cuda"`), chosen by sentence-transformers if None. One call at a time: the model uses
    all processors anyway, and its tokenizer is not safe for threads. Raises `MissingExtra` without
    sentence-transformers and `InvalidSetting` for a model that tells classes.
    """

    def __init__(self, model: str, *, device: str | None = None, batch_size: int = 32) -> None:
        if batch_size < 1:
            raise InvalidSetting(f"batch_size is 1 or more, not {batch_size}")
        self._model_name = model
        self._device = device
        self._batch_size = batch_size
        self._lock = threading.Lock()
        self._model: Any = None

    def __call__(self, shortlist: Shortlist) -> Floats:
        """The model's own scores `(n,)`."""
        query = readable(shortlist.query)
        texts = [readable(hit.text) for hit in shortlist.hits]
        # Each text once: in a batch equal pairs come out a rounding apart, which must not change their order.
        pairs = {text: (query, text) for text in texts}
        with self._lock:
            found = self._load().predict(list(pairs.values()), batch_size=self._batch_size, show_progress_bar=False)
        scores = dict(zip(pairs, np.asarray(found, np.float32), strict=True))
        return np.array([scores[text] for text in texts])

    def _load(self) -> Any:
        if self._model is None:
            library = require("sentence_transformers", "sentence-transformers")
            model = library.CrossEncoder(self._model_name, device=self._device)
            labels = model.config.num_labels
            if labels != 1:
                raise InvalidSetting(
                    f"{self._model_name!r} tells {labels} classes: choose a model that gives one score"
                )
            self._model = model
        return self._model


def make(argument: str, tools: RerankerTools) -> Reranker:
    """`cross-encoder:MODEL`."""
    if not argument:
        raise InvalidSetting("name the model, as in reranker='cross-encoder:/path/to/model'")
    return CrossEncoderReranker(argument)
