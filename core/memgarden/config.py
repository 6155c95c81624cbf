"""The settings of a garden, with their defaults and the reason for each."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from memgarden.errors import InvalidSetting
from memgarden.protocols import Chunker, Embedder, Reranking
from memgarden.turns import Signals

__all__ = ["ARCHIVES", "AUTO", "Settings"]

AUTO = "auto"
ARCHIVES = "archives"  # the folder of archives in a garden's own


@dataclass(frozen=True, slots=True)
class Settings:
    """What `Garden.open` takes; `InvalidSetting` for what is out of range.

    `embedder`: a name (`onnx`, `fast`, `hashing`, `onnx:/path`, `sentence-transformers:MODEL`), an `Embedder`, or
    None for the one the garden was made with. `language`: of the stemmer, `auto` for each text's own (extra
    `languages`), `none` for no stemming, None for the garden's own. `chroma`: `auto` (a folder inside the
    garden's), a path, an `http://` URL, a client, None for no Chroma. `alpha`: weight of the dense leg. `signals`:
    what else counts, most of it in conversations. `reranker`: a name (`memory`, `maxsim`, `cross-encoder:MODEL`,
    `mmr`), a callable, or several that work one after another. `rerank_bytes`: memory for what rerankers keep.
    `index_bytes`: memory for scope indexes. `cached_embeddings`: how many vectors the garden's embedding cache
    keeps. `lock_timeout`: seconds that a write waits for another process. `chunker`: what cuts the texts whose kind
    does not say it: `auto` (by what a text is), `code`, `conversation`, `plain`, `prose`, `technical`, or a
    `Chunker`. `chunk_size` and `chunk_overlap` in tokens, `None` for what the chunker thinks best, at most what the
    embedder reads. `headings`: chunks are embedded and indexed with the headings they lie under, and with the
    `title` in their memory's metadata. `threads` of the embedder, `None` for its own choice. `exact_limit`: chunks
    from which a scope gets a Chroma collection of its own and its vectors leave memory; of several processes, that
    of the one that owns Chroma counts. `archives`: the folder for what leaves the garden, None for one inside the
    garden's own; a garden in a server has none unless it is named.
    """

    embedder: str | Embedder | None = None
    language: str | None = None
    chroma: Any = AUTO
    fusion: str = "zscore"
    alpha: float = 0.5
    signals: Signals = field(default_factory=Signals)
    reranker: Reranking = ()
    rerank_bytes: int = 256 * 2**20
    index_bytes: int = 512 * 2**20
    cached_embeddings: int = 50_000
    lock_timeout: float = 10.0
    chunker: str | Chunker = AUTO
    chunk_size: int | None = None
    chunk_overlap: int | None = None
    headings: bool = True
    threads: int | None = None
    # An exact search of 100,000 chunks of 384 dimensions takes 8 ms, Chroma's answer 2 to 3 with the way: what
    # is won is memory, 150 MB at that size in every process that searches. Below this it is not worth a move.
    exact_limit: int = 50_000
    archives: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1:
            raise InvalidSetting(f"alpha, the weight of the dense leg, is from 0 to 1, not {self.alpha}")
        if self.index_bytes < 0 or self.rerank_bytes < 0 or self.cached_embeddings < 0:
            raise InvalidSetting("index_bytes, rerank_bytes and cached_embeddings are 0 or more")
        if self.lock_timeout <= 0:
            raise InvalidSetting(f"lock_timeout is a number of seconds above 0, not {self.lock_timeout}")
        if self.chunk_size is not None and self.chunk_size < 16:
            raise InvalidSetting(f"chunk_size is 16 tokens or more, not {self.chunk_size}")
        if self.threads is not None and self.threads < 1:
            raise InvalidSetting(f"threads is 1 or more, not {self.threads}")
        if self.exact_limit < 1:
            raise InvalidSetting(f"exact_limit is a number of chunks from 1, not {self.exact_limit}")
