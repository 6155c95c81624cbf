"""The words of a text as term hashes, and BM25 over them: what can be named in the settings."""

from __future__ import annotations

__all__ = ["LEGS"]

LEGS = {"bm25": "memgarden.lexical.bm25:BM25"}
