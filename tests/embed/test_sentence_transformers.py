"""A sentence-transformers model takes the default's place, with the prompts it was trained with and no others."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from memgarden.embed.sentence_transformers import SentenceTransformerEmbedder
from memgarden.errors import InvalidSetting, MissingExtra


def prompted(original, **prompts: str) -> SentenceTransformerEmbedder:
    """An embedder of the same model under other prompts, without loading it again."""
    other = SentenceTransformerEmbedder("model", **prompts)
    other._model = original._model
    return other


def test_it_gives_the_defaults_vectors(original, embedder, texts):
    few = texts[:60]
    cosines = (original.embed(few) * embedder.embed(few)).sum(axis=1)
    assert cosines.min() >= 0.99
    assert np.array_equal(original.embed(few[30:33], query=True), original.embed(few[30:33]))


def test_it_has_a_dimension_a_window_and_an_empty_answer(original, embedder):
    assert original.dimension == 384
    assert original.embed([]).shape == (0, 384) and original.embed([]).dtype == np.float32
    window, count = original.window()
    ours, ours_count = embedder.window()
    assert window == ours
    for text in ("", "hello world", "東京 \ud800", "word " * 3000):
        assert count(text) == ours_count(text)


def test_the_name_is_the_space_without_the_organisation():
    name = SentenceTransformerEmbedder("sentence-transformers/all-MiniLM-L6-v2").name
    assert name == SentenceTransformerEmbedder("all-MiniLM-L6-v2").name == "all-MiniLM-L6-v2"
    assert SentenceTransformerEmbedder("BAAI/bge-small-en-v1.5").name == "BAAI/bge-small-en-v1.5"


def test_a_document_prompt_makes_another_space_and_a_query_prompt_does_not():
    plain, asking = SentenceTransformerEmbedder("m"), SentenceTransformerEmbedder("m", query_prompt="query: ")
    one, two = (SentenceTransformerEmbedder("m", document_prompt=prompt) for prompt in ("passage: ", "text: "))
    assert asking.name == plain.name
    assert len({plain.name, one.name, two.name}) == 3


def test_prompts_that_are_given_are_put_before_the_text(original):
    embedder = prompted(original, query_prompt="query: ", document_prompt="passage: ")
    assert np.allclose(embedder.embed(["a garden"], query=True), original.embed(["query: a garden"]), atol=1e-6)
    assert np.allclose(embedder.embed(["a garden"]), original.embed(["passage: a garden"]), atol=1e-6)
    assert embedder.window()[0] == original.window()[0] - 2


def test_the_models_own_prompts_are_used_unless_others_are_given(original, monkeypatch):
    monkeypatch.setattr(original._model, "prompts", {"query": "ask: ", "passage": "say: "})
    monkeypatch.setattr(original._model, "default_prompt_name", "query")
    plain = prompted(original, query_prompt="", document_prompt="")
    assert np.allclose(original.embed(["a garden"], query=True), plain.embed(["ask: a garden"]), atol=1e-6)
    assert np.allclose(original.embed(["a garden"]), plain.embed(["say: a garden"]), atol=1e-6)
    assert not np.allclose(plain.embed(["a garden"]), plain.embed(["ask: a garden"]), atol=1e-3)


def test_a_missing_package_is_an_error_that_names_the_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None)
    with pytest.raises(MissingExtra, match=r"pip install sentence-transformers"):
        SentenceTransformerEmbedder("any").embed(["text"])


def test_a_batch_size_below_one_is_refused():
    with pytest.raises(InvalidSetting):
        SentenceTransformerEmbedder("any", batch_size=0)
