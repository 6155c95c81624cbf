"""The tokenizer built from the shipped vocabulary is the official one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgarden.embed.wordpiece import MAX_TOKENS, count, encode, load_tokenizer
from tests.embed.conftest import varied

OURS = load_tokenizer()


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return varied(1_000)


@pytest.fixture(scope="module")
def theirs(official: Path):
    return load_tokenizer(official / "tokenizer.json")


def test_token_ids_are_those_of_the_official_tokenizer(theirs, texts):
    for text in texts:
        assert OURS.encode(text).ids == theirs.encode(text).ids, text[:80]


def test_token_ids_are_the_official_ones_for_any_text(theirs):
    @given(st.text(max_size=60))
    def law(text: str) -> None:
        assert OURS.encode(text).ids == theirs.encode(text).ids

    law()


def test_the_vocabulary_is_the_official_one_to_the_byte(official: Path):
    from memgarden.embed import wordpiece

    assert wordpiece.VOCABULARY.read_bytes() == (official / "vocab.txt").read_bytes()


def test_a_folder_with_only_a_vocabulary_gives_the_same_tokenizer(official: Path, texts):
    assert encode(load_tokenizer(official / "vocab.txt"), texts) == encode(OURS, texts)


def test_a_long_text_is_cut_to_256_tokens_as_the_official_tokenizer_cuts(official: Path, texts):
    from tokenizers import Tokenizer

    reference = Tokenizer.from_file(str(official / "tokenizer.json"))
    reference.no_padding()
    reference.enable_truncation(MAX_TOKENS)
    assert encode(OURS, texts) == [item.ids for item in reference.encode_batch(texts)]


def test_counting_sees_the_whole_text_and_no_special_tokens():
    assert count(OURS, "") == 0
    assert count(OURS, "hello world") == 2
    assert count(OURS, "hello " * 10_000) == 10_000


def test_lone_surrogates_are_dropped_and_pairs_joined():
    assert encode(OURS, ["a\ud800b", "\udfff", "hi \ud83d\ude00"]) == encode(OURS, ["ab", "", "hi 😀"])
    assert count(OURS, "one\udc00 two") == count(OURS, "one two")
