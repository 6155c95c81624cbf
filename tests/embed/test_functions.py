"""Any two functions are an embedder."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from memgarden import EmbedderMismatch, FunctionEmbedder, Garden, InvalidMemory, InvalidSetting

OPEN = Callable[..., Garden]


def lengths(texts: Sequence[str]) -> list[list[float]]:
    """A vector for each text: how long it is, how many words it has, and how many vowels."""
    return [[float(len(text)), len(text.split()), sum(text.count(vowel) for vowel in "aeiou")] for text in texts]


def question(text: str) -> list[float]:
    return [0.0, 0.0, 2.0]


def test_vectors_are_the_functions_at_length_one() -> None:
    """Texts by the one, questions by the other; what has no direction stays as it is."""
    embedder = FunctionEmbedder("lengths", lengths, question)
    vectors = embedder.embed(["a cat", "", "the river"])
    raw = np.array([[5.0, 2.0, 2.0], [0.0, 0.0, 0.0], [9.0, 2.0, 3.0]])
    expected = raw / [[np.sqrt(33)], [1], [np.sqrt(94)]]
    assert vectors.dtype == np.float32 and vectors == pytest.approx(expected, abs=1e-6)
    assert embedder.embed(["x", "y"], query=True).tolist() == [[0.0, 0.0, 1.0]] * 2


def test_what_a_function_gave_stays_its_own() -> None:
    """An array that it keeps is not changed."""
    kept = np.array([[3.0, 4.0]], np.float32)
    embedder = FunctionEmbedder("kept", lambda texts: kept, lambda text: kept[0])
    assert embedder.embed(["x"]) == pytest.approx(np.array([[0.6, 0.8]])) and kept.tolist() == [[3.0, 4.0]]


def test_no_texts_are_no_call() -> None:
    """Of the function for texts; the dimension is asked of the other, once."""
    asked: list[str] = []

    def ask(text: str) -> list[float]:
        asked.append(text)
        return [1.0, 0.0]

    embedder = FunctionEmbedder("none", lambda texts: pytest.fail("called"), ask)
    assert embedder.embed([]).shape == (0, 2) and embedder.embed([], query=True).shape == (0, 2)
    assert embedder.dimension == 2 and len(asked) == 1


def test_the_window_is_the_callers() -> None:
    """And a token is taken to be four characters."""
    window, count = FunctionEmbedder("lengths", lengths, question, window=7).window()
    assert (window, count(""), count("four"), count("fives"), count("\ud800")) == (7, 0, 1, 2, 1)
    with pytest.raises(InvalidSetting, match="window"):
        FunctionEmbedder("lengths", lengths, question, window=0)


def test_a_garden_takes_it(open_garden: OPEN) -> None:
    """Memories are found by its vectors; too few of them, and one without direction, are errors that store nothing."""
    given: list[list[float]] = []
    embedder = FunctionEmbedder("mine", lambda texts: given or lengths(texts), lambda text: lengths([text])[0])
    alice = open_garden(embedder=embedder).scope("alice")
    alice.add_many(["a cat", "the very long river of the north"])
    assert alice.search("the very long rivers of the north", mode="dense", k=1)[0].text.startswith("the very")
    given[:] = [[1.0, 2.0, 3.0]]
    with pytest.raises(EmbedderMismatch, match=r"\(1, 3\) for 2 texts"):
        alice.add_many(["one", "two"])
    given[:] = [[0.0, 0.0, 0.0]]
    with pytest.raises(InvalidMemory):
        alice.add("three")
    assert alice.count() == 2


@pytest.mark.parametrize("given", [[[1.0, 2.0], [3.0]], ["a", "b"], iter([[1.0], [2.0]]), None])
def test_what_is_no_vectors_is_an_error_that_names_the_function(given: object) -> None:
    """Vectors of several lengths, no numbers, and what cannot be counted."""
    embedder = FunctionEmbedder("ragged", lambda texts: given, question)  # type: ignore[arg-type, return-value]
    with pytest.raises(EmbedderMismatch, match="the function of 'ragged'"):
        embedder.embed(["a", "b"])
