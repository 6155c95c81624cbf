"""An index that has seen any adds and removals is one that was built from what is left."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from memgarden.lexical import bm25
from memgarden.lexical.bm25 import BM25
from memgarden.protocols import LexicalRows
from memgarden.records import POSTING
from tests.lexical.rows import Row, pack, pack_query, rows_of_text


def reference(rows: list[Row], query: Row, k1: float = 1.2, b: float = 0.5) -> list[float]:
    """BM25 as Lucene writes it, word for word."""
    lengths = [sum(row.values()) for row in rows]
    average = sum(lengths) / len(rows) if sum(lengths) else 1.0
    df = Counter(term for row in rows for term in row)
    return [
        sum(
            weight
            * math.log(1 + (len(rows) - df[term] + 0.5) / (df[term] + 0.5))
            * row[term]
            / (row[term] + k1 * (1 - b + b * length / average))
            for term, weight in query.items()
            if term in row
        )
        for row, length in zip(rows, lengths, strict=True)
    ]


class ChangingIndex(RuleBasedStateMachine):
    """Adds, replacements and removals in any order; tails of a few postings, so that segments come and merge."""

    @initialize(capacity=st.sampled_from([1, 8, 64]), bulk=st.lists(rows_of_text, max_size=20))
    def begin(self, capacity: int, bulk: list[Row]) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bm25, "TAIL_CAPACITY", capacity)
            self.index = BM25()
        self.rows: list[Row | None] = []
        self.add(bulk)

    @rule(rows=st.lists(rows_of_text, min_size=1, max_size=8))
    def add(self, rows: list[Row]) -> None:
        self.index.add(pack(rows))
        self.rows += rows

    @rule(data=st.data(), row=rows_of_text)
    def replace(self, data: st.DataObject, row: Row) -> None:
        self.remove(data)
        self.add([row])

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        alive = [i for i, row in enumerate(self.rows) if row is not None]
        gone = data.draw(st.lists(st.sampled_from(alive), unique=True)) if alive else []
        self.index.remove(np.array(gone, np.int64))
        for i in gone:
            self.rows[i] = None

    @invariant()
    def it_answers_like_one_built_from_the_survivors(self) -> None:
        alive = [i for i, row in enumerate(self.rows) if row is not None]
        survivors = [row for row in self.rows if row is not None]
        fresh = BM25()
        fresh.add(pack(survivors))
        for query in ({0: 1}, {1: 1, 2: 2, 11: 1}, dict.fromkeys(range(13), 1), {99: 1}):
            found = self.index.rank(pack_query(query), np.ones(len(self.rows), np.bool_), 10)
            expected = fresh.rank(pack_query(query), np.ones(len(survivors), np.bool_), 10)
            assert found.rows.tolist() == [alive[i] for i in expected.rows]
            scores = found.score_of(np.arange(len(self.rows)))
            assert np.array_equal(scores[alive], expected.score_of(np.arange(len(survivors))))
            assert scores[alive] == pytest.approx(reference(survivors, query) if survivors else [], abs=1e-5)
            assert not np.delete(scores, alive).any()


TestChangingIndex = ChangingIndex.TestCase
TestChangingIndex.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def test_ten_thousand_single_adds_make_few_segments_and_lose_nothing() -> None:
    index = BM25()
    rng = np.random.default_rng(3)
    for _ in range(10_000):
        terms = rng.choice(200, 8, replace=False)
        index.add(LexicalRows(np.array([(t, 1) for t in terms.tolist()], POSTING), np.array([8]), np.array([8])))
    assert len(index._segments) <= 5
    ranking = index.rank(pack_query(dict.fromkeys(range(200), 1)), np.ones(10_000, np.bool_), 10_000)
    assert len(ranking.rows) == 10_000


def test_memory_of_removed_rows_is_given_back() -> None:
    index = BM25()
    index.add(pack([dict.fromkeys(range(i, i + 10), 1) for i in range(2000)]))
    full = index.nbytes
    index.remove(np.arange(1900))
    assert index.nbytes < full / 2
