"""Late interaction: each word asked looks for the token of a text that is nearest to it in meaning.

Khattab, Zaharia 2020, "ColBERT: Efficient and Effective Passage Search via Contextualized Late Interaction over BERT",
SIGIR, arXiv:2004.12832; here with the states of the embedder's own model, which was not trained for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from memgarden.errors import InvalidSetting
from memgarden.protocols import ArrayCache, Reranker, RerankerTools, Shortlist, Span, TokenEmbedder
from memgarden.ranking import standardised
from memgarden.readable import readable
from memgarden.records import Floats

__all__ = ["MaxSim", "make"]

Packed = npt.NDArray[np.void]

WEIGHT = 0.3
"""Chosen before score regularization, on a plateau from .2 to .4; at .5 and above, chats and Cranfield lost. Beside
that it adds little on the project's sets: between .2 and -.1 nDCG@10 (`python -m benchmarks.ablation`)."""

LARGEST = 127
WORD = re.compile(r"\w+(?:['’]\w+)*")
TEXTS_PER_BATCH = 64  # so that a shortlist of thousands needs no more memory than one of fifty, the default


class MaxSim:
    """The shortlist's order and late interaction, as standard scores, with `weight` for the latter.

    Late interaction is the mean, over the tokens of the query's content words, of the highest cosine to a token of the
    text. The states of texts are kept in `arrays` under the space's `name`, a byte a number: a text that is not there
    is read by the model, which takes as long as to embed it.
    """

    def __init__(
        self,
        embedder: TokenEmbedder,
        name: str,
        is_content: Callable[[str], bool],
        arrays: ArrayCache,
        *,
        weight: float = WEIGHT,
    ) -> None:
        """`is_content` tells the words that a query is about from those that any query holds."""
        if not 0 <= weight <= 1:
            raise InvalidSetting(f"the weight of maxsim is from 0 to 1, not {weight}")
        self._embedder = embedder
        self._name = name
        self._is_content = is_content
        self._arrays = arrays
        self._weight = np.float32(weight)

    def __call__(self, shortlist: Shortlist) -> Floats:
        """`(n,)`."""
        scores = (1 - self._weight) * standardised(np.array([hit.score for hit in shortlist.hits], np.float32))
        query = self._query(shortlist.topic)
        if not len(query):
            return scores
        texts = [hit.text for hit in shortlist.hits]
        parts = [
            interaction(query, self._states(texts[start : start + TEXTS_PER_BATCH]))
            for start in range(0, len(texts), TEXTS_PER_BATCH)
        ]
        scores += self._weight * standardised(np.concatenate(parts))
        return scores

    def _query(self, text: str) -> Floats:
        """The states `(q, d)` of the content words' tokens, of all tokens if there is no such word."""
        text = readable(text)
        key = (self._name, "query", text)
        (known,) = self._arrays.load([key])
        if known is None:
            (tokens,) = self._embedder.token_states([text], query=True)
            known = tokens.states[self._content(text, tokens.spans)]
            self._arrays.save([key], [known])
        return known

    def _content(self, text: str, spans: Sequence[Span]) -> list[int]:
        words = [word.span() for word in WORD.finditer(text) if self._is_content(word.group())]
        within = [
            place
            for place, (start, end) in enumerate(spans)
            if any(first <= start and end <= last for first, last in words)
        ]
        return within or list(range(len(spans)))

    def _states(self, texts: Sequence[str]) -> list[Packed]:
        """The packed states `(t,)` of each text."""
        keys = [(self._name, "text", text) for text in texts]
        known = dict(zip(texts, self._arrays.load(keys), strict=True))
        found = {text: states for text, states in known.items() if states is not None}
        missing = [text for text in known if text not in found]
        if missing:
            fresh = [packed(tokens.states) for tokens in self._embedder.token_states(missing)]
            self._arrays.save([(self._name, "text", text) for text in missing], fresh)
            found.update(zip(missing, fresh, strict=True))
        return [found[text] for text in texts]


def packed(states: Floats) -> Packed:
    """States `(t, d)` as bytes, each token's in parts of its largest number.

    Half the size of float16, and numpy turns them into float32 sixteen times as fast; on the sets it costs .02 nDCG@10
    at most.
    """
    found = np.empty(len(states), [("scale", np.float32), ("state", np.int8, states.shape[1:])])
    scale = np.maximum(np.abs(states).max(axis=1), np.finfo(np.float32).tiny) / LARGEST
    found["scale"], found["state"] = scale, np.rint(states / scale[:, np.newaxis])
    return found


def interaction(query: Floats, texts: Sequence[Packed]) -> Floats:
    """The mean over the rows of `query` `(q, d)` of the highest cosine to a token of each text: `(n,)`.

    A text without tokens gets what the worst of the others gets.
    """
    sizes = np.array([len(tokens) for tokens in texts])
    some = sizes.nonzero()[0].tolist()
    means = np.zeros(len(texts), np.float32)
    if some:
        tokens = np.concatenate([texts[place] for place in some])
        states = tokens["state"].astype(np.float32)
        # Not a product of matrices: BLAS would spread it over threads, and wait for them on a machine that is busy.
        cosines = np.vecdot(states[:, np.newaxis], query) * tokens["scale"][:, np.newaxis]
        starts = np.concatenate([[0], sizes[some].cumsum()[:-1]])
        means[some] = np.maximum.reduceat(cosines, starts).mean(axis=1)
        means[sizes == 0] = means[some].min()
    return means


def make(argument: str, tools: RerankerTools) -> Reranker:
    """`maxsim`, or `maxsim:0.5` with the weight of late interaction."""
    embedder = tools.embedder
    if not isinstance(embedder, TokenEmbedder):
        raise InvalidSetting(
            f"maxsim compares token by token, and the embedder {embedder.name!r} gives whole vectors only: take "
            "another reranker, or a garden whose embedder is 'onnx' or 'fast' or has a method token_states"
        )
    try:
        weight = float(argument) if argument else WEIGHT
    except ValueError as error:
        raise InvalidSetting(f"write the weight of maxsim, from 0 to 1, as in 'maxsim:0.5': {error}") from error
    return MaxSim(embedder, embedder.name, lambda word: tools.analyzer.index(word)[1] > 0, tools.arrays, weight=weight)
