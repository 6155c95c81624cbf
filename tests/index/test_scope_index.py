"""An index that was kept up to date, one that was loaded, and a plain look at everything give the same answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from memgarden import Garden, Memory
from memgarden.lexical.analyzer import StandardAnalyzer

WORDS = ["olive", "basil", "mint", "thyme", "sage", "rose", "fern"]
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
ids = st.sampled_from([f"m{n}" for n in range(12)])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), ids, texts),
        st.tuples(st.just("delete"), ids, texts),
        st.tuples(st.just("update"), ids, texts),
        st.tuples(st.just("search"), ids, texts),
    ),
    min_size=1,
    max_size=40,
)


def answers(garden: Garden, query: str) -> list[tuple[str, float, tuple[float, ...]]]:
    hits = garden.scope("alice").search(query, k=20)
    return [(hit.id, round(hit.score, 4), tuple(round(leg.score, 4) for leg in hit.legs)) for hit in hits]


@settings(max_examples=40)
@given(steps=steps)
def test_caught_up_loaded_and_reference_agree(steps: list[tuple[str, str, str]], tmp_path_factory) -> None:
    """After any additions, replacements, updates and deletions by two gardens in turn."""
    folder = tmp_path_factory.mktemp("g")
    options = {"embedder": "hashing:32", "chroma": None}
    model: dict[str, str] = {}
    with Garden.open(folder, **options) as one, Garden.open(folder, **options) as two:
        for number, (action, id, text) in enumerate(steps):
            garden = (one, two)[number % 2]
            scope = garden.scope("alice")
            if action == "add":
                scope.add(text, id=id)
                model[id] = text
            elif action == "delete":
                assert scope.delete(id) == (id in model)
                model.pop(id, None)
            elif action == "update" and id in model:
                scope.update(id, text=text)
                model[id] = text
            else:
                answers(garden, text)
        with Garden.open(folder, **options) as fresh:
            query = "mint and sage"
            expected = answers(fresh, query)
            assert answers(one, query) == answers(two, query) == expected
            lexical = {hit.id: hit.score for hit in fresh.scope("alice").search(query, k=20, mode="lexical")}
            assert lexical.keys() == {id for id, text in model.items() if {"mint", "sage"} & set(text.split())}
            for id, score in lexical.items():
                assert math.isclose(score, bm25(model, query, id), rel_tol=1e-4)


def bm25(model: dict[str, str], query: str, id: str) -> float:
    """Lucene's BM25 (k1 1.2, b .5), from the texts."""
    stop = {"and"}
    documents = {key: [word for word in text.split() if word not in stop] for key, text in model.items()}
    mean = sum(map(len, documents.values())) / len(documents)
    score = 0.0
    for term in set(query.split()) - stop:
        frequency = documents[id].count(term)
        holders = sum(term in words for words in documents.values())
        idf = math.log(1 + (len(documents) - holders + 0.5) / (holders + 0.5))
        score += idf * frequency / (frequency + 1.2 * (0.5 + 0.5 * len(documents[id]) / mean))
    return score


def test_dense_scores_are_cosines(garden: Garden) -> None:
    """Of every memory, in the order of a plain product of matrices; filters change which, not how much."""
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(300, 64)).astype(np.float32)
    scope, name = garden.scope("alice"), garden.embedder.name
    scope.add_many([Memory("x", id=str(n), metadata={"n": n}) for n in range(300)], vectors=vectors, embedder=name)
    query = rng.normal(size=64)
    cosines = vectors @ query / np.linalg.norm(vectors, axis=1) / np.linalg.norm(query)
    for where, allowed in [(None, range(300)), ({"n": {"$lt": 5}}, range(5)), ({"n": {"$gte": 20}}, range(20, 300))]:
        hits = scope.search("", mode="dense", vector=query, embedder=name, k=50, where=where)
        best = sorted(allowed, key=lambda n: -cosines[n])[:50]
        assert [hit.id for hit in hits] == [str(n) for n in best]
        np.testing.assert_allclose([hit.score for hit in hits], cosines[best], atol=1e-5)


def test_the_pool_forgets_the_least_recently_used_and_answers_all_the_same(
    open_garden: Callable[..., Garden],
) -> None:
    """With room for two indexes of twenty, every scope is still answered, and memory stays bounded."""
    garden = open_garden(index_bytes=200_000)
    for user in range(20):
        garden.scope(f"u{user}").add_many([f"note {n} of user {user}" for n in range(50)])
    for _ in range(2):
        for user in range(20):
            assert garden.scope(f"u{user}").search("note 7")[0].text == f"note 7 of user {user}"
    health = garden.health()
    assert 1 <= health.indexes < 20 and health.index_bytes <= 200_000


def test_an_index_that_is_mostly_dead_rows_is_loaded_anew(garden: Garden) -> None:
    """Replacing one memory thousands of times does not make its scope grow in memory."""
    scope = garden.scope("alice")
    scope.add_many([f"note {n}" for n in range(3)])
    for n in range(1500):
        scope.add(f"version {n}", id="same", created_at=datetime(2024, 1, 1, tzinfo=UTC))
        if n % 50 == 0:
            scope.search("version")
    hits = scope.search("version 1499", k=1)
    assert hits[0].text == "version 1499"
    rows = garden._parts.pool.use(("alice",), lambda index: 0 if index is None else len(index.rows))
    assert 0 < rows < 1300


def test_stop_words_alone_are_searched_as_they_are(garden: Garden) -> None:
    """`to be or not to be` finds what holds it."""
    scope = garden.scope("alice")
    scope.add_many(["to be or not to be", "olive trees"])
    assert [hit.text for hit in scope.search("to be or not to be", mode="lexical")] == ["to be or not to be"]
    assert StandardAnalyzer().query("to be")[0].size
