"""What Chroma is given is what it gives back, and says what the user said."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

import chromadb
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from memgarden.paths import encode_path
from memgarden.vector.client import connect, disconnect
from memgarden.vector.limits import CLOUD, LOCAL, Limits
from memgarden.vector.metadata import Flat, flatten
from tests.vector.outbox import record

numbers = st.integers(-(2**70), 2**70) | st.floats() | st.sampled_from([2**63 - 1, 2**63, -(2**63), float("inf")])
texts = st.text(max_size=20) | st.text(st.characters(), max_size=3) | st.just("ü" * 3_000)
scalars = st.none() | st.booleans() | numbers | texts
keys = texts | st.sampled_from(["", "#a", "$and", "chroma:document", "chroma:x", "mg.scope", "a", "a.b", "a.sha256"])
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=20
)
metadata = st.dictionaries(keys, json_values, max_size=8)


def flat(data: dict[str, Any], limits: Limits = LOCAL) -> Flat:
    """The user's part."""
    return {key: value for key, value in flatten(record("1", metadata=data), limits)[1].items() if key[:3] != "mg."}


def near(value: Any) -> Any:
    """Floats to within two units in the last place; all else as it is."""
    if isinstance(value, list):
        return [near(item) for item in value]
    return pytest.approx(value, rel=4.5e-16, abs=1e-323) if isinstance(value, float) else value


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[chromadb.Collection]:
    client = connect(tmp_path_factory.mktemp("metadata"))
    yield client.create_collection("metadata", embedding_function=None)
    disconnect(client)


numbered = count()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(st.tuples(metadata, texts), min_size=1, max_size=20), st.sampled_from([LOCAL, CLOUD]))
@example([({"far": 9.262950479250279e145}, "off by two")], LOCAL)
def test_chroma_takes_any_json_and_gives_it_back_unchanged(
    collection: chromadb.Collection, data: list[tuple[dict[str, Any], str]], limits: Limits
) -> None:
    sent = {str(next(numbered)): flatten(record("1", text or "-", each), limits) for each, text in data}
    collection.upsert(
        ids=list(sent),
        embeddings=np.ones((len(sent), 4), np.float32),
        documents=[document for document, _ in sent.values()],
        metadatas=[dict(flat) for _, flat in sent.values()],
    )
    found = collection.get(ids=list(sent))
    assert sorted(found["ids"]) == sorted(sent)
    for key, document, metadata in zip(found["ids"], found["documents"] or [], found["metadatas"] or [], strict=True):
        assert document == sent[key][0]
        # Chroma changes some floats in the last place; times in seconds, to the microsecond, come back exactly.
        assert {name: near(value) for name, value in metadata.items()} == sent[key][1]
        assert {name: type(value) for name, value in metadata.items()} == {
            name: type(value) for name, value in sent[key][1].items()
        }


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(metadata)
def test_no_record_exceeds_the_quotas_of_chroma_cloud(data: dict[str, Any]) -> None:
    document, sent = flatten(record("1", "x" * 20_000, data), CLOUD)
    assert len(sent) <= 32
    assert all(len(key.encode()) <= 36 for key in sent)
    assert all(len(value.encode()) <= 4_096 for value in sent.values() if isinstance(value, str))
    assert all(len(json.dumps(value)) <= 6 * 4_096 for value in sent.values())
    assert len(document.encode()) <= 16_384


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(metadata)
def test_the_users_values_never_take_the_place_of_our_own(data: dict[str, Any]) -> None:
    sent = flatten(record("1", metadata=data))[1]
    assert sent["mg.scope"] == "/acme/alice"
    assert (sent["mg.kind"], sent["mg.importance"], sent["mg.created_at"]) == ("note", 2, 1.5)


def test_keys_keep_their_names_and_nesting_becomes_dots() -> None:
    assert flat({"topic": "home", "author": {"name": "Ann", "age": 7}, "gone": None}) == {
        "topic": "home",
        "author.name": "Ann",
        "author.age": 7,
    }


def test_lists_of_one_kind_stay_lists_and_others_become_json() -> None:
    data = {"tags": ["b", "a"], "ints": [1, 2], "mixed": [1, "a"], "empty": [], "inf": [1.0, float("inf")], "none": {}}
    assert flat(data) == {
        "tags": ["b", "a"],
        "ints": [1, 2],
        "mixed": '[1, "a"]',
        "empty": "[]",
        "inf": "[1.0, Infinity]",
        "none": "{}",
    }


def test_numbers_that_chroma_would_change_become_text() -> None:
    data = {"big": 2**63, "least": -(2**63), "nan": float("nan"), "many": [2**63]}
    assert flat(data) == {"big": str(2**63), "least": -(2**63), "nan": "nan", "many": f"[{2**63}]"}


def test_times_become_epoch_seconds() -> None:
    assert flat({"at": datetime(1970, 1, 1, 0, 1, tzinfo=UTC), "naive": datetime(1970, 1, 2)}) == {
        "at": 60.0,
        "naive": 86_400.0,
    }


def test_a_long_text_is_cut_with_the_hash_of_the_whole_beside_it() -> None:
    text = "ü" * 3_000
    sent = flat({"story": text})
    assert sent == {"story": "ü" * 2_048, "story.sha256": hashlib.sha256(text.encode()).hexdigest()}


def test_the_name_that_the_user_wrote_wins_over_a_dotted_one() -> None:
    assert flat({"a": {"b": 1}, "a.b": 2}) == {"a.b": 2, "a.b~2": 1}
    assert flat({"s": "x" * 5_000, "s.sha256": "mine"})["s.sha256"] == "mine"


def test_names_that_chroma_or_memgarden_reserves_get_an_underscore() -> None:
    assert flat({"#a": 1, "$b": 2, "": 3, "mg.scope": "/other"}) == {"_#a": 1, "_$b": 2, "_": 3, "_mg.scope": "/other"}


def test_what_nests_too_deep_becomes_json_and_too_many_keys_stand_together() -> None:
    assert flat({"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}) == {"a.b.c.d.e": '{"f": 1}'}
    sent = flatten(record("1", metadata={f"k{n}": n for n in range(50)}), CLOUD)[1]
    assert len(sent) <= 32
    assert json.loads(str(sent["mg.rest"]))["k49"] == 49


def test_long_names_are_told_apart_by_a_hash() -> None:
    sent = flat({"k" * 300 + "a": 1, "k" * 300 + "b": 2})
    assert sorted(sent.values(), key=str) == [1, 2]
    assert all(len(key) <= LOCAL.key_bytes for key in sent)


@given(st.lists(st.text(), min_size=1), st.lists(st.text(), min_size=1))
def test_two_scopes_never_have_the_same_pointer(one: list[str], other: list[str]) -> None:
    assert (encode_path(tuple(one)) == encode_path(tuple(other))) == (one == other)
