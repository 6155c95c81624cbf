"""A real CrossEncoder, though a tiny one that was never trained."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from memgarden import InvalidSetting, MissingExtra, RerankerFailed, Shortlist
from memgarden.rerank.cross_encoder import CrossEncoderReranker
from memgarden.retrieve.rerank import rerank

TEXTS = ["olive", "fig tree", "a tree of olive", "zebra"]


def test_its_scores_are_those_of_sentence_transformers(tiny: str, shortlist: Callable[..., Shortlist]) -> None:
    """Of the query as it was asked, with each text that matched."""
    from sentence_transformers import CrossEncoder

    folder = tiny.partition(":")[2]
    expected = CrossEncoder(folder, device="cpu").predict([("olive tree", text) for text in TEXTS])
    found = CrossEncoderReranker(folder, device="cpu")(shortlist("olive tree", TEXTS, topic="tree"))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert len(set(found.round(4).tolist())) == len(TEXTS)


def test_a_model_that_tells_classes_is_refused(
    make_cross_encoder: Callable[[int], Path], shortlist: Callable[..., Shortlist]
) -> None:
    """Which of three scores is relevance nobody can know."""
    with pytest.raises(InvalidSetting, match="3 classes: choose a model that gives one score"):
        CrossEncoderReranker(str(make_cross_encoder(3)))(shortlist("q", TEXTS))


def test_a_model_that_is_not_there_is_named(shortlist: Callable[..., Shortlist], tmp_path: Path, tiny: str) -> None:
    """With what sentence-transformers said of it."""
    missing = str(tmp_path / "nothing")
    with pytest.raises(RerankerFailed, match="nothing"):
        rerank([(f"cross-encoder:{missing}", CrossEncoderReranker(missing))], shortlist("q", TEXTS))


def test_a_missing_package_is_an_error_that_names_the_extra(
    shortlist: Callable[..., Shortlist], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no failure of the reranker."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None)
    with pytest.raises(MissingExtra, match=r"pip install sentence-transformers"):
        rerank([("cross-encoder", CrossEncoderReranker("any"))], shortlist("q", TEXTS))


def test_a_batch_size_below_one_is_refused() -> None:
    """When it is made."""
    with pytest.raises(InvalidSetting):
        CrossEncoderReranker("any", batch_size=0)
