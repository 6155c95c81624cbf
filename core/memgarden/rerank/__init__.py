"""How the best hits are ordered anew; a file a strategy."""

from __future__ import annotations

__all__ = ["RERANKERS"]

RERANKERS = {
    "cross-encoder": "memgarden.rerank.cross_encoder:make",
    "maxsim": "memgarden.rerank.maxsim:make",
    "memory": "memgarden.rerank.memory:make",
    "mmr": "memgarden.rerank.mmr:make",
}
