"""What holds of the default embedder and of its fast form."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgarden.embed import onnx
from memgarden.embed.onnx import OnnxEmbedder
from memgarden.errors import InvalidSetting
from memgarden.readable import readable
from tests.embed.conftest import varied


@pytest.fixture(scope="module", params=["default", "fast"])
def either(request: pytest.FixtureRequest) -> OnnxEmbedder:
    return request.getfixturevalue("embedder" if request.param == "default" else "fast")


@pytest.fixture(scope="module")
def reference(original, texts):
    """What sentence-transformers itself gives, through nothing of ours."""
    return original._load().encode(texts, normalize_embeddings=True, batch_size=8, show_progress_bar=False)


def test_the_default_agrees_with_sentence_transformers(embedder, texts, reference):
    cosines = (embedder.embed(texts) * reference).sum(axis=1)
    assert cosines.mean() >= 0.995
    assert cosines.min() >= 0.99


@pytest.mark.slow
def test_both_agree_over_a_thousand_texts(embedder, fast, original):
    texts = varied(1_000, seed=8)
    reference = original._load().encode(texts, normalize_embeddings=True, batch_size=8, show_progress_bar=False)
    for one, mean, least in ((embedder, 0.995, 0.99), (fast, 0.985, 0.95)):
        cosines = (one.embed(texts) * reference).sum(axis=1)
        assert cosines.mean() >= mean
        assert cosines.min() >= least


def test_fast_stays_close_to_sentence_transformers(fast, texts, reference):
    cosines = (fast.embed(texts) * reference).sum(axis=1)
    assert cosines.mean() >= 0.985
    assert cosines.min() >= 0.95


@settings(max_examples=15)
@given(data=st.data())
def test_a_vector_is_the_same_to_the_last_bit_whatever_its_company(either, texts, data):
    company = data.draw(st.lists(st.sampled_from([text for text in texts if len(text) < 200]), min_size=1, max_size=12))
    together = either.embed(company)
    for text, vector in zip(company, together, strict=True):
        assert np.array_equal(either.embed([text])[0], vector)


def test_texts_of_equal_length_share_runs_without_changing_a_bit(embedder):
    texts = [f"{word} is a word" for word in ("garden", "river", "train", "coffee", "house", "tree", "cat")] * 5
    together = embedder.embed(texts)
    assert len(list(embedder._runs([6] * len(texts)))) == 2
    assert np.array_equal(together, np.concatenate([embedder.embed([text]) for text in texts]))


def test_neither_threads_nor_batch_size_change_a_vector(embedder, texts):
    few = texts[:30]
    assert np.array_equal(OnnxEmbedder(threads=1, batch_size=3).embed(few), embedder.embed(few))


def test_vectors_come_in_the_order_of_the_texts(embedder):
    texts = ["a long text about the garden and the river " * 4, "short", "a text of middling length here", "short"]
    vectors = embedder.embed(texts)
    for text, vector in zip(texts, vectors, strict=True):
        assert np.array_equal(embedder.embed([text])[0], vector)


def test_every_text_has_a_finite_unit_vector(either, texts):
    vectors = either.embed([*texts, "\ud800 lone", "\udfff"])
    assert vectors.dtype == np.float32 and vectors.shape == (len(texts) + 2, 384)
    assert np.isfinite(vectors).all()
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_no_texts_give_no_rows_and_load_no_model():
    embedder = OnnxEmbedder(model="/nowhere")
    assert embedder.embed([]).shape == (0, 384)
    assert embedder.embed([]).dtype == np.float32


def test_the_vector_says_what_the_text_means(either):
    texts = ["She moved to Lisbon in May.", "The invoice is overdue.", "O gato dorme."]
    question = either.embed(["Where does she live now?"], query=True)[0]
    assert int(np.argmax(either.embed(texts) @ question)) == 0


def test_the_window_is_what_is_read(embedder):
    window, count = embedder.window()
    words = ["river", "train", "coffee"] * 100
    assert window == 254 and count(" ".join(words)) == 300
    read, beyond, short = embedder.embed(
        [" ".join(words[:window]), " ".join([*words[:window], "elephant"]), " ".join(words[: window - 1])]
    )
    assert np.array_equal(read, beyond)
    assert not np.array_equal(read, short)


def test_token_states_are_those_of_sentence_transformers(embedder, original, texts):
    few = [text for text in texts if len(text) < 300][:60]
    reference = original._load().encode(few, output_value="token_embeddings", batch_size=1, show_progress_bar=False)
    for text, tokens, states in zip(few, embedder.token_states(few), reference, strict=True):
        states = states.cpu().numpy()[1:-1]  # without [CLS] and [SEP]
        assert tokens.states.dtype == np.float32 and len(tokens.states) == len(states) == len(tokens.spans), text
        lengths = np.linalg.norm(states, axis=1)
        cosines = (tokens.states * states).sum(axis=1) / lengths
        assert len(cosines) == 0 or cosines.min() >= 0.95, text


def test_token_states_are_the_same_to_the_last_bit_in_any_company(embedder, texts):
    few = [text for text in texts if len(text) < 300][:40]
    for text, together in zip(few, embedder.token_states(few), strict=True):
        (alone,) = embedder.token_states([text])
        assert np.array_equal(alone.states, together.states) and list(alone.spans) == list(together.spans)


def test_a_token_stands_where_its_span_says(embedder):
    text = "Über \ud83d\ude00 Lisbon's re-embed"
    (tokens,) = embedder.token_states([text])
    read = readable(text)
    found = [read[start:end] for start, end in tokens.spans]
    assert [piece for piece in found if piece.isalnum()][:3] == ["Über", "Lisbon", "s"] and "😀" in found
    assert len(tokens.states) == len(found)


def test_as_many_tokens_have_states_as_are_read(embedder):
    empty, long = embedder.token_states(["", "river " * 400])
    assert empty.states.shape == (0, 384) and list(empty.spans) == []
    assert long.states.shape == (254, 384) and list(long.spans)[-1] == (253 * 6, 253 * 6 + 5)
    assert embedder.token_states([]) == []


def test_eight_threads_load_one_model_and_get_the_same_answers(embedder, texts, monkeypatch):
    opened = []
    real = onnx._session
    monkeypatch.setattr(onnx, "_session", lambda weights: opened.append(weights) or real(weights))
    fresh = OnnxEmbedder(threads=2)
    few = texts[24:34]
    start = Barrier(8)

    def ask(_: int):
        start.wait()
        return fresh.embed(few)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert len(opened) == 1
    assert all(np.array_equal(answer, embedder.embed(few)) for answer in answers)


def test_the_default_and_fast_are_two_spaces():
    assert OnnxEmbedder().name == "all-MiniLM-L6-v2"
    assert OnnxEmbedder(fast=True).name == "all-MiniLM-L6-v2-fast"
    assert OnnxEmbedder().dimension == OnnxEmbedder(fast=True).dimension == 384


@pytest.mark.parametrize("wrong", [{"threads": 0}, {"batch_size": 0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(InvalidSetting):
        OnnxEmbedder(**wrong)


def test_importing_and_making_embedders_loads_neither_a_runtime_nor_a_model():
    script = """
import sys
import memgarden.embed, memgarden.embed.onnx, memgarden.embed.hashing, memgarden.embed.sentence_transformers
from memgarden.registry import resolve
for name in memgarden.embed.EMBEDDERS:
    resolve("embedder", memgarden.embed.EMBEDDERS, name)
memgarden.embed.onnx.OnnxEmbedder().window()
memgarden.embed.sentence_transformers.SentenceTransformerEmbedder("any")
heavy = {"onnxruntime", "onnx", "torch", "transformers", "sentence_transformers", "huggingface_hub", "tokenizers"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
