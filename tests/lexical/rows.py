"""Rows of terms and counts, and how BM25 takes them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from memgarden.protocols import LexicalRows
from memgarden.records import POSTING, Floats, Terms

__all__ = ["Row", "pack", "pack_query", "rows_of_text"]

Row = dict[int, int]
"""Term -> count."""

rows_of_text = st.dictionaries(st.integers(0, 12), st.integers(1, 5), max_size=6)


def pack(rows: list[Row]) -> LexicalRows:
    """The rows as an index is given them."""
    pairs = [pair for row in rows for pair in row.items()]
    return LexicalRows(
        np.array(pairs, dtype=POSTING),
        np.array([len(row) for row in rows], np.int64),
        np.array([sum(row.values()) for row in rows], np.int64),
    )


def pack_query(query: Row) -> tuple[Terms, Floats]:
    """The terms of a query and their weights."""
    return np.array(list(query), np.uint64), np.array(list(query.values()), np.float32)
