"""all-MiniLM-L6-v2 on ONNX Runtime: no torch, and no hub when the package with the weights is installed."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from memgarden.embed.model import locate
from memgarden.errors import InvalidSetting, ModelNotFound
from memgarden.protocols import Tokens
from memgarden.records import Floats

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["OnnxEmbedder"]

DIMENSION = 384
OUTPUT = "last_hidden_state"
WINDOW = 254
"""Tokens of content that are read: 256 less [CLS] and [SEP]."""

# Texts that share a run share its overhead, until their activations no longer fit the processor's cache. Measured
# on one core of an EPYC: 8 tokens 4.0 ms alone and 2.0 ms in such a run, 64 tokens 18.1 and 16.5; larger runs lose.
TOKENS_PER_RUN = 256


@dataclass(frozen=True, slots=True)
class _Loaded:
    session: Any
    inputs: frozenset[str]
    tokenizer: Tokenizer


class OnnxEmbedder:
    """Embeds with all-MiniLM-L6-v2 (384 dimensions, 256 tokens); the vector of a text depends on that text alone.

    Texts run together only with texts of exactly as many tokens, so nothing is ever padded, and every run keeps to
    one thread, so neither company nor `threads` changes a vector (the tests hold it to the last bit; across kinds of
    processor expect 1e-6). The model is loaded by the first text, once, whatever the number of threads that ask.

    `model`: an ONNX file or a folder holding one, see `memgarden.embed.model`. `fast`: the model quantised to int8,
    about twice as fast, in a vector space of its own; its first use makes a file in `cache_dir` and needs the
    extra `fast`. `threads`: runs at a time, by default the processors this process may use. `batch_size`: most
    texts in a run.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        fast: bool = False,
        threads: int | None = None,
        batch_size: int = 32,
        cache_dir: str | Path | None = None,
    ) -> None:
        if threads is not None and threads < 1:
            raise InvalidSetting(f"threads is 1 or more, not {threads}")
        if batch_size < 1:
            raise InvalidSetting(f"batch_size is 1 or more, not {batch_size}")
        self._model = model
        self._fast = fast
        self._threads = threads or _processors()
        # int8 activations are scaled by the largest value of the whole run: only alone is a text's scale its own.
        self._batch_size = 1 if fast else batch_size
        self._cache_dir = cache_dir
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None

    @property
    def name(self) -> str:
        """`all-MiniLM-L6-v2`, with `-fast` for int8: its vectors differ too much to be mixed."""
        return "all-MiniLM-L6-v2-fast" if self._fast else "all-MiniLM-L6-v2"

    @property
    def dimension(self) -> int:
        """384."""
        return DIMENSION

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Floats:
        """Vectors `(len(texts), 384)`, float32, L2-normalised; this model treats queries as any other text.

        Past 254 tokens a text is not read. An empty text has a vector too. Raises `ModelNotFound` and, for the
        first use of `fast`, `MissingExtra`.
        """
        vectors = np.empty((len(texts), DIMENSION), np.float32)
        if not texts:
            return vectors
        from memgarden.embed.wordpiece import encode

        def pool(rows: list[int], states: Floats) -> None:
            vectors[rows] = _normalised(states.mean(axis=1))

        loaded = self._load()
        self._run(loaded, encode(loaded.tokenizer, texts), pool)
        return vectors

    def token_states(self, texts: Sequence[str], *, query: bool = False) -> list[Tokens]:
        """The states of each text's tokens, [CLS] and [SEP] left out, from a run as `embed` makes it."""
        if not texts:
            return []
        from memgarden.embed.wordpiece import encode_with_spans

        states: dict[int, Floats] = {}

        def keep(rows: list[int], found: Floats) -> None:
            states.update(zip(rows, _normalised(found[:, 1:-1]), strict=True))

        loaded = self._load()
        encoded = encode_with_spans(loaded.tokenizer, texts)
        self._run(loaded, [ids for ids, _ in encoded], keep)
        return [Tokens(states[row], spans) for row, (_, spans) in enumerate(encoded)]

    def _run(self, loaded: _Loaded, ids: Sequence[list[int]], take: Callable[[list[int], Floats], None]) -> None:
        """Run texts of equal length together and hand their rows and states `(texts, tokens, 384)` to `take`."""

        def run(rows: list[int]) -> None:
            take(rows, _states(loaded, np.array([ids[row] for row in rows], np.int64)))

        runs = list(self._runs([len(item) for item in ids]))
        if len(runs) == 1 or self._threads == 1:
            for rows in runs:
                run(rows)
            return
        pool = ThreadPoolExecutor(min(self._threads, len(runs)), "memgarden-embed")
        try:
            for _ in pool.map(run, runs):
                pass
        finally:
            pool.shutdown(cancel_futures=True)  # an interrupt must not wait for a hundred thousand texts

    def window(self) -> tuple[int, Callable[[str], int]]:
        """254, and the function that counts a text's tokens however long it is."""
        return WINDOW, self._count

    def _count(self, text: str) -> int:
        from memgarden.embed.wordpiece import count

        return count(self._load().tokenizer, text)

    def _runs(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Rows of equal length, longest first so that no thread is left with a long text at the end."""
        by_length: dict[int, list[int]] = {}
        for row, length in enumerate(lengths):
            by_length.setdefault(length, []).append(row)
        for length in sorted(by_length, reverse=True):
            rows = by_length[length]
            size = max(1, min(self._batch_size, TOKENS_PER_RUN // length))
            for start in range(0, len(rows), size):
                yield rows[start : start + size]

    def _load(self) -> _Loaded:
        if self._loaded is None:
            with self._lock:
                if self._loaded is None:
                    self._loaded = self._open()
        return self._loaded

    def _open(self) -> _Loaded:
        from memgarden.embed.wordpiece import load_tokenizer

        files = locate(self._model)
        weights = files.weights
        if self._fast:
            from memgarden.embed.quantize import quantized

            weights = quantized(weights, self._cache_dir)
        session = _session(weights)
        return _Loaded(session, frozenset(item.name for item in session.get_inputs()), load_tokenizer(files.tokenizer))


def _session(weights: Path) -> Any:
    import onnxruntime
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidProtobuf

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the texts are what runs in parallel
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
    except (Fail, InvalidProtobuf) as error:
        raise ModelNotFound(f"{weights} is not an ONNX model, or is damaged: {error}") from error
    shapes = {item.name: item.shape for item in session.get_outputs()}
    if OUTPUT not in shapes or shapes[OUTPUT][-1] != DIMENSION:
        raise ModelNotFound(f"{weights} is not all-MiniLM-L6-v2: it has no output {OUTPUT!r} of {DIMENSION} columns")
    return session


def _states(loaded: _Loaded, ids: npt.NDArray[np.int64]) -> Floats:
    """The token states `(texts, tokens, 384)` of texts of equal length, [CLS] and [SEP] included."""
    # Without padding the mask is all ones, and pooling over it is the plain mean.
    feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    states: Floats = loaded.session.run([OUTPUT], {name: feed[name] for name in feed if name in loaded.inputs})[0]
    return states


def _normalised(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.finfo(np.float32).tiny), np.float32)


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
