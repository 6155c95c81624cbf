"""A model of tokens that is instant, a tiny cross-encoder, and every reranker there is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from memgarden import Hit, Importance, Memory, Reranker, Shortlist
from memgarden.cache.arrays import BoundedArrays
from memgarden.embed.hashing import HashingEmbedder
from memgarden.lexical.analyzer import StandardAnalyzer
from memgarden.protocols import RerankerTools, Tokens
from memgarden.rerank import RERANKERS
from memgarden.rerank.choice import Rerankers

NOW = datetime(2025, 6, 1, tzinfo=UTC)


class WordEmbedder(HashingEmbedder):
    """Each word is a token, and its state does not depend on the words around it."""

    def __init__(self, dimension: int = 32) -> None:
        super().__init__(dimension)
        self.read: list[str] = []

    def token_states(self, texts: Sequence[str], *, query: bool = False) -> list[Tokens]:
        self.read += texts
        found = []
        for text in texts:
            words = list(re.finditer(r"\w+|[^\w\s]", text))
            found.append(Tokens(self.embed([word.group() for word in words]), [word.span() for word in words]))
        return found


@pytest.fixture
def words() -> WordEmbedder:
    return WordEmbedder()


@pytest.fixture(scope="session")
def tools() -> RerankerTools:
    return RerankerTools(WordEmbedder(), StandardAnalyzer(), BoundedArrays(2**22))


@pytest.fixture(scope="session")
def make_cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Writes a model of 16 dimensions, untrained, that gives so many scores a pair."""

    def make(labels: int) -> Path:
        import torch
        from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

        torch.set_num_threads(1)  # torch's threads spin, which on a busy machine takes minutes
        torch.manual_seed(7)
        folder = tmp_path_factory.mktemp("model")
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz", "olive", "fig", "tree"]
        (folder / "vocab.txt").write_text("\n".join(words + [f"##{word}" for word in words[5:31]]))
        BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
        sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
        config = BertConfig(vocab_size=len(words) + 26, num_labels=labels, initializer_range=1.0, **sizes)
        BertForSequenceClassification(config).save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def tiny(make_cross_encoder: Callable[[int], Path]) -> Iterator[str]:
    """The tiny cross-encoder as a setting, with nothing asked of the hub."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield f"cross-encoder:{make_cross_encoder(1)}"


@pytest.fixture(scope="session", params=[*RERANKERS, "memory:published"])
def setting(request: pytest.FixtureRequest) -> str:
    """Each reranker that is registered, and each form of it."""
    return request.getfixturevalue("tiny") if request.param == "cross-encoder" else request.param


@pytest.fixture(scope="session")
def named(setting: str, tools: RerankerTools) -> tuple[str, Reranker]:
    (pair,) = Rerankers(setting, tools)(None)
    return pair


@pytest.fixture(scope="session")
def shortlist() -> Callable[..., Shortlist]:
    """Makes a shortlist of texts; their scores fall by one a place unless they are given."""
    embedder = WordEmbedder()

    def make(
        query: str,
        texts: Sequence[str],
        scores: Sequence[float] | None = None,
        *,
        topic: str | None = None,
        days: Sequence[float] | None = None,
        importance: Sequence[Importance] | None = None,
    ) -> Shortlist:
        ages = [0.0] * len(texts) if days is None else days
        levels = [Importance.MEDIUM] * len(texts) if importance is None else importance
        hits = [
            Hit(
                Memory(text, id=str(place), created_at=NOW - timedelta(days=ages[place]), importance=levels[place]),
                float(-place if scores is None else scores[place]),
                0,
                len(text),
                (),
                0.5,
            )
            for place, text in enumerate(texts)
        ]
        vectors = embedder.embed(list(texts)) if texts else np.empty((0, 32), np.float32)
        return Shortlist(query, query if topic is None else topic, None, hits, NOW, lambda: vectors)

    return make
