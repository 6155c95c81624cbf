"""BM25 against other people's BM25, and its laws."""

from __future__ import annotations

import math

import bm25s
import numpy as np
import pytest
import rank_bm25
from hypothesis import given
from hypothesis import strategies as st

from memgarden.errors import InvalidSetting
from memgarden.lexical.bm25 import BM25
from memgarden.protocols import LexicalRows
from memgarden.records import POSTING, Floats
from tests.lexical.rows import Row, pack, pack_query, rows_of_text

queries = st.dictionaries(st.integers(0, 14), st.integers(1, 3), max_size=4)


def indexed(rows: list[Row], k1: float = 1.2, b: float = 0.5) -> BM25:
    index = BM25(k1, b)
    index.add(pack(rows))
    return index


def all_scores(index: BM25, query: Row, rows: int) -> Floats:
    return index.rank(pack_query(query), np.ones(rows, np.bool_), 10).score_of(np.arange(rows))


def random_rows(count: int) -> list[Row]:
    rng = np.random.default_rng(7)
    texts = [np.minimum(rng.zipf(1.4, rng.integers(1, 40)), 300).tolist() for _ in range(count)]
    return [{term: text.count(term) for term in sorted(set(text))} for text in texts]


QUERIES = [{1: 1}, {2: 1, 3: 1, 50: 1}, {1: 2, 4: 1, 300: 1}, {9: 1, 17: 1, 999: 1}]


@pytest.mark.parametrize("settings", [(1.2, 0.5), (0.9, 0.4), (1.5, 0.75), (0.5, 1.0), (2.0, 0.0)])
def test_scores_are_those_of_bm25s(settings: tuple[float, float]) -> None:
    rows = random_rows(300)
    theirs = bm25s.BM25(*settings, method="lucene", dtype="float64")
    tokens = [[str(term) for term, count in row.items() for _ in range(count)] for row in rows]
    theirs.index(tokens, show_progress=False)
    for query in QUERIES:
        words = [str(term) for term, weight in query.items() for _ in range(weight)]
        assert all_scores(indexed(rows, *settings), query, 300) == pytest.approx(theirs.get_scores(words), abs=1e-5)


def test_scores_are_those_of_rank_bm25_with_the_idf_of_lucene() -> None:
    rows = random_rows(300)
    theirs = rank_bm25.BM25Okapi([[t for t, n in row.items() for _ in range(n)] for row in rows], k1=1.2, b=0.5)
    for term in theirs.idf:
        df = sum(term in row for row in rows)
        theirs.idf[term] = math.log(1 + (300 - df + 0.5) / (df + 0.5))
    for query in QUERIES:
        words = [term for term, weight in query.items() for _ in range(weight)]
        expected = theirs.get_scores(words) / (1.2 + 1)
        assert all_scores(indexed(rows), query, 300) == pytest.approx(expected, abs=1e-5)


@given(st.lists(rows_of_text, max_size=12), queries, st.data())
def test_a_ranking_is_the_best_of_its_own_scores_under_the_mask(
    rows: list[Row], query: Row, data: st.DataObject
) -> None:
    """Highest first, ties to the lower row, no masked row, and never a row without a term of the query."""
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))), np.bool_)
    depth = data.draw(st.integers(0, 14))
    ranking = indexed(rows).rank(pack_query(query), mask, depth)
    scores = ranking.score_of(np.arange(len(rows)))
    matching = [i for i, row in enumerate(rows) if mask[i] and row.keys() & query.keys()]
    assert ranking.rows.tolist() == sorted(matching, key=lambda i: (-scores[i], i))[:depth]
    assert (ranking.rows.dtype, scores.dtype) == (np.int64, np.float32)


@given(st.lists(rows_of_text, min_size=1, max_size=12), queries, st.data())
def test_a_mask_hides_rows_and_changes_no_score(rows: list[Row], query: Row, data: st.DataObject) -> None:
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))), np.bool_)
    index = indexed(rows)
    masked = index.rank(pack_query(query), mask, 20)
    assert np.array_equal(masked.score_of(np.arange(len(rows))), all_scores(index, query, len(rows)))
    assert mask[masked.rows].all()


@given(st.lists(rows_of_text, min_size=1, max_size=12), queries)
def test_a_row_scores_nothing_exactly_if_it_holds_no_term_of_the_query(rows: list[Row], query: Row) -> None:
    for row, score in zip(rows, all_scores(indexed(rows), query, len(rows)), strict=True):
        assert (score > 0) == bool(row.keys() & query.keys())


def test_equal_rows_are_ranked_in_order_of_arrival_at_every_depth() -> None:
    index = indexed([{1: 1}] * 50 + [{1: 1, 2: 1}] * 3)
    for depth in (1, 7, 49, 53, 100):
        ranking = index.rank(pack_query({1: 1}), np.ones(53, np.bool_), depth)
        assert ranking.rows.tolist() == list(range(53))[:depth]


def test_an_empty_index_answers_with_nothing() -> None:
    ranking = BM25().rank(pack_query({1: 1}), np.zeros(0, np.bool_), 5)
    assert len(ranking.rows) == 0


def test_rows_without_a_counted_term_can_be_found_and_divide_by_nothing() -> None:
    index = BM25(k1=0, b=1)
    index.add(LexicalRows(np.array([(1, 1), (2, 2)], POSTING), np.array([1, 1]), np.array([0, 0])))
    assert index.rank(pack_query({1: 1}), np.ones(2, np.bool_), 5).rows.tolist() == [0]


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3,\) needed"):
        indexed([{1: 1}] * 3).rank(pack_query({1: 1}), np.ones(2, np.bool_), 5)


def test_rows_whose_sizes_do_not_add_up_are_refused_and_nothing_is_added() -> None:
    index = BM25()
    for sizes, lengths in (([1], [1]), ([1, 1], [1]), ([3], [3])):
        with pytest.raises(ValueError, match="sizes of"):
            index.add(LexicalRows(np.array([(1, 1), (2, 2)], POSTING), np.array(sizes), np.array(lengths)))
    index.add(pack([{1: 1}]))
    assert index.rank(pack_query({1: 1}), np.ones(1, np.bool_), 5).rows.tolist() == [0]


@pytest.mark.parametrize("rows", [[3], [-1], [0, 0], [1], [0, 1]])
def test_removing_a_row_that_is_not_there_is_refused_and_nothing_is_removed(rows: list[int]) -> None:
    index = indexed([{1: 1}] * 3)
    index.remove(np.array([1]))
    with pytest.raises(ValueError, match="not yet removed"):
        index.remove(np.array(rows))
    assert index.rank(pack_query({1: 1}), np.ones(3, np.bool_), 5).rows.tolist() == [0, 2]


@pytest.mark.parametrize(
    "settings", [(-0.1, 0.5), (math.nan, 0.5), (math.inf, 0.5), (1.2, -0.1), (1.2, 1.1), (1.2, math.nan)]
)
def test_settings_outside_their_range_are_refused(settings: tuple[float, float]) -> None:
    with pytest.raises(InvalidSetting, match="BM25 needs"):
        BM25(*settings)


def test_memory_is_about_eight_bytes_a_posting_and_is_told() -> None:
    rng = np.random.default_rng(1)
    postings = np.zeros(200_000, POSTING)
    postings["term"], postings["count"] = rng.integers(0, 500, 200_000), 1
    index = BM25()
    index.add(LexicalRows(postings, np.full(10_000, 20), np.full(10_000, 20)))
    query, mask = (postings["term"][:2], np.ones(2, np.float32)), np.ones(10_000, np.bool_)
    for _ in range(2):  # sorted once it is searched again
        index.rank(query, mask, 10)
    assert 8 * 200_000 < index.nbytes < 10 * 200_000
