"""How texts become vectors of one space."""

from __future__ import annotations

__all__ = ["EMBEDDERS"]

EMBEDDERS = {
    "fast": "memgarden.embed.onnx:OnnxEmbedder",
    "hashing": "memgarden.embed.hashing:HashingEmbedder",
    "onnx": "memgarden.embed.onnx:OnnxEmbedder",
    "sentence-transformers": "memgarden.embed.sentence_transformers:SentenceTransformerEmbedder",
}
