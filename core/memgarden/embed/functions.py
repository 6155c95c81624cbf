"""An embedder of two functions, such as those of a provider's client or of another framework's model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from memgarden.errors import EmbedderMismatch, InvalidSetting
from memgarden.records import Floats

__all__ = ["FunctionEmbedder"]

CHARACTERS_A_TOKEN = 4  # of English; what is cut too long by it the model itself cuts off
WINDOW = 512


class FunctionEmbedder:
    """What a garden asks of an embedder, of a function for texts and one for a question.

    A garden knows its vectors by `name`: two models of one name would be taken for one.
    """

    def __init__(
        self,
        name: str,
        texts: Callable[[list[str]], Sequence[Sequence[float]]],
        question: Callable[[str], Sequence[float]],
        *,
        window: int = WINDOW,
    ) -> None:
        """`texts` gives a vector for each, `question` gives one; `window` is how many tokens of a text are read."""
        if window < 1:
            raise InvalidSetting(f"window is 1 or more, not {window}")
        self.name = name
        self._texts = texts
        self._question = question
        self._window = window
        self._dimension: int | None = None

    @property
    def dimension(self) -> int:
        """The length of a vector; the function for questions is asked for one the first time."""
        if self._dimension is None:
            self._dimension = len(self._question("dimension"))
        return self._dimension

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Floats:
        """Vectors `(len(texts), dimension)`, float32, L2-normalised; `query` picks the function.

        `EmbedderMismatch` unless there is a vector for each text.
        """
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        given = [self._question(text) for text in texts] if query else self._texts([*texts])
        try:
            found = np.array(given, np.float32)  # a copy: what a function gave is its own
        except (TypeError, ValueError) as error:
            raise EmbedderMismatch(
                f"the function of {self.name!r} gave no vectors of one length ({error}): give a list of numbers a text"
            ) from error
        if found.ndim != 2 or len(found) != len(texts):
            raise EmbedderMismatch(
                f"the function of {self.name!r} gave numbers of shape {found.shape} for {len(texts)} texts: "
                "give a vector for each"
            )
        norms = np.linalg.norm(found, axis=1, keepdims=True)
        # What has no direction stays as it is: the garden says which text it was, and stores nothing.
        np.divide(found, norms, out=found, where=norms > 0)
        return found

    def window(self) -> tuple[int, Callable[[str], int]]:
        """How many tokens of a text are read, and a guess at how many it has: functions do not say."""
        return self._window, lambda text: -(-len(text.encode("utf-8", "replace")) // CHARACTERS_A_TOKEN)
