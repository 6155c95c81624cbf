"""The stand-in behaves as a model does, only at once."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgarden.embed.hashing import HashingEmbedder
from memgarden.errors import InvalidSetting

ANY_TEXT = st.text(st.characters(), max_size=80)  # lone surrogates among them


@given(st.lists(ANY_TEXT, max_size=6), st.sampled_from([1, 2, 16, 384]))
def test_every_text_has_a_finite_unit_vector(texts, dimension):
    vectors = HashingEmbedder(dimension).embed(texts)
    assert vectors.shape == (len(texts), dimension) and vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


@given(st.lists(ANY_TEXT, min_size=1, max_size=6))
def test_company_changes_no_vector(texts):
    embedder = HashingEmbedder()
    for text, vector in zip(texts, embedder.embed(texts), strict=True):
        assert np.array_equal(embedder.embed([text], query=True)[0], vector)


def test_another_process_gives_the_same_vector():
    script = "from memgarden.embed.hashing import HashingEmbedder as E; "
    script += "print(E(8).embed(['Olá, garden!'])[0].tobytes().hex())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == HashingEmbedder(8).embed(["Olá, garden!"])[0].tobytes().hex()


def test_texts_that_share_words_are_nearer_than_texts_that_do_not():
    near, form, far, text = HashingEmbedder().embed(
        ["the dog sleeps in the garden", "dogs sleeping", "invoice overdue since March", "a dog sleeps"]
    )
    assert text @ near > text @ far
    assert text @ form > text @ far
    assert abs(text @ far) < 0.2


def test_texts_without_words_are_told_apart():
    smile, tree, nothing = HashingEmbedder().embed(["😀", "🌳", ""])
    assert smile @ tree < 0.9 and smile @ nothing < 0.9


def test_the_window_is_256_words():
    embedder = HashingEmbedder()
    window, count = embedder.window()
    words = [f"word{number}" for number in range(300)]
    assert window == 256 and count(" ".join(words)) == 300 and count(" \n") == 0
    read, beyond, short = embedder.embed([" ".join(words[:n]) for n in (256, 300, 255)])
    assert np.array_equal(read, beyond) and not np.array_equal(read, short)


def test_the_name_holds_the_dimension():
    assert HashingEmbedder(64).name == "hashing-64" and HashingEmbedder(64).dimension == 64
    with pytest.raises(InvalidSetting):
        HashingEmbedder(0)
