"""Late interaction: what it computes, what it keeps, and of which words."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgarden import Garden, InvalidSetting, Shortlist
from memgarden.cache.arrays import BoundedArrays
from memgarden.lexical.analyzer import StandardAnalyzer
from memgarden.rerank.maxsim import TEXTS_PER_BATCH, MaxSim, interaction, packed

TEXTS = ["The cat sleeps.", "A dog barks", "cats and dogs", "nothing of that", "cat"]


@pytest.fixture
def make(words: object) -> Callable[..., MaxSim]:
    """Makes rerankers over one counting embedder."""

    def make(nbytes: int = 2**20, *, arrays: BoundedArrays | None = None, name: str = "w", weight: float = 1) -> MaxSim:
        analyzer = StandardAnalyzer()
        kept = BoundedArrays(nbytes) if arrays is None else arrays
        return MaxSim(words, name, lambda word: analyzer.index(word)[1] > 0, kept, weight=weight)  # type: ignore[arg-type]

    return make


@given(sizes=st.lists(st.integers(0, 9), min_size=1, max_size=12), asked=st.integers(1, 6), seed=st.integers(0, 99))
def test_it_is_the_mean_of_the_highest_cosines(sizes: list[int], asked: int, seed: int) -> None:
    """As ColBERT defines it, to the rounding of a byte; a text without tokens is no better than the worst."""
    rng = np.random.default_rng(seed)

    def states(count: int) -> np.ndarray:
        found = rng.normal(size=(count, 24)).astype(np.float32)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    query, texts = states(asked), [states(size) for size in sizes]
    found = interaction(query, [packed(text) for text in texts])
    known = [float((query @ text.T).max(axis=1).mean()) for text in texts if len(text)]
    expected = iter(known)
    for size, value in zip(sizes, found.tolist(), strict=True):
        assert value == pytest.approx(next(expected) if size else min(known, default=0), abs=0.01)


def test_bytes_are_within_half_a_step_of_the_states() -> None:
    """A step is a 127th of the token's largest number; a state of zeros stays one."""
    states = np.random.default_rng(1).normal(size=(50, 24)).astype(np.float32)
    states[3] = 0
    kept = packed(states)
    step = np.abs(states).max(axis=1, keepdims=True) / 127
    assert (np.abs(kept["state"] * kept["scale"][:, None] - states) <= step * 0.501).all()
    assert kept.nbytes == 50 * (24 + 4)


def test_only_the_content_words_of_the_topic_count(
    make: Callable[..., MaxSim], shortlist: Callable[..., Shortlist]
) -> None:
    """Not what any question holds, nor punctuation, nor the names that were taken out of what was asked."""
    rank = make()
    plain = rank(shortlist("cat dog", TEXTS))
    np.testing.assert_allclose(rank(shortlist("What's the cat and the dog?!", TEXTS)), plain, atol=1e-5)
    np.testing.assert_allclose(rank(shortlist("Nina's cat dog", TEXTS, topic="cat dog")), plain, atol=1e-5)
    assert not np.allclose(rank(shortlist("Nina's cat dog", TEXTS)), plain, atol=1e-2)


def test_where_all_are_stop_words_all_count(make: Callable[..., MaxSim], shortlist: Callable[..., Shortlist]) -> None:
    """And where there is no token at all the order stays."""
    assert make()(shortlist("and", TEXTS)).argmax() == 2
    for nothing in ("", "  "):
        assert make(weight=0.5)(shortlist(nothing, TEXTS)).argsort().tolist() == [4, 3, 2, 1, 0]


def test_the_weight_goes_from_the_order_there_was_to_late_interaction_alone(
    make: Callable[..., MaxSim], shortlist: Callable[..., Shortlist]
) -> None:
    """In standard scores: neither the scale of the one nor that of the other matters."""
    given_list = shortlist("cat", TEXTS)
    assert make(weight=0)(given_list).argsort().tolist() == [4, 3, 2, 1, 0]
    assert set(make(weight=1)(given_list).argsort()[-2:].tolist()) == {0, 4}
    large = shortlist("cat", TEXTS, [hit.score * 1e6 for hit in given_list.hits])
    np.testing.assert_allclose(make(weight=0.3)(large), make(weight=0.3)(given_list), atol=1e-5)


def test_a_text_is_read_once_while_it_is_remembered(
    make: Callable[..., MaxSim], words: object, shortlist: Callable[..., Shortlist]
) -> None:
    """By whatever query, at whatever place, however often in one list; and forgetting it changes no score."""
    rank = make()
    first = rank(shortlist("cat", [*TEXTS, *TEXTS]))
    assert sorted(words.read) == sorted(["cat", *TEXTS])  # type: ignore[attr-defined]
    assert np.array_equal(first[:5], first[5:]) and len(set(first.tolist())) > 1
    rank(shortlist("dog", TEXTS[::-1]))
    rank(shortlist("cat", TEXTS))
    assert len(words.read) == len(TEXTS) + 2  # type: ignore[attr-defined]
    assert np.array_equal(make(0)(shortlist("cat", [*TEXTS, *TEXTS])), first)


def test_the_states_of_two_spaces_are_kept_apart(
    make: Callable[..., MaxSim], words: object, shortlist: Callable[..., Shortlist]
) -> None:
    """And so are a query and a text of the same words, for models that read them differently."""
    arrays = BoundedArrays(2**20)
    for name in ("one", "two"):
        make(arrays=arrays, name=name)(shortlist("cat", ["cat"]))
    assert words.read == ["cat"] * 4  # type: ignore[attr-defined]


def test_a_long_list_is_scored_as_its_parts_are(
    make: Callable[..., MaxSim], shortlist: Callable[..., Shortlist]
) -> None:
    """Batches bound the memory and change nothing."""
    texts = [f"cat {n} dog {n % 13}" for n in range(3 * TEXTS_PER_BATCH + 1)]
    scores = make()(shortlist("cat 7 dog", texts, [0] * len(texts)))
    few = [7, 100, 192, 3]
    part = make()(shortlist("cat 7 dog", [texts[n] for n in few], [0] * len(few)))
    assert part.argsort().tolist() == scores[few].argsort().tolist() and scores.argmax() == 7


def test_with_the_default_model_it_puts_the_answer_first(open_garden: Callable[..., Garden]) -> None:
    """From the model's own states, once made; the second search reads no text."""
    garden = open_garden(embedder="onnx", reranker="maxsim")
    scope = garden.scope("alice")
    scope.add_many(["We ate grilled sardines by the sea.", "The meeting is on Friday.", "She bought a new bicycle."])
    assert scope.search("what did they have for lunch?")[0].text == "We ate grilled sardines by the sea."
    assert scope.search("what did they have for lunch?")[0].reranks[0].reranker == "maxsim"


def test_an_embedder_without_token_states_is_told_what_to_do(open_garden: Callable[..., Garden]) -> None:
    """By a search and by the opening of a garden."""
    with pytest.raises(InvalidSetting, match=r"'hashing-64' gives whole vectors only: take another reranker"):
        open_garden().scope("alice").search("q", reranker="maxsim")
    with pytest.raises(InvalidSetting, match="maxsim"):
        open_garden(reranker="maxsim")


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_a_weight_out_of_range_is_refused(make: Callable[..., MaxSim], wrong: float) -> None:
    """When it is made."""
    with pytest.raises(InvalidSetting, match="from 0 to 1"):
        make(weight=wrong)
