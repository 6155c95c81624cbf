"""A BEIR folder is read as it is meant, and what cannot be meant is refused with its file and line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from memgarden import InvalidDataset
from memgarden.evaluate import read_beir

Beir = Callable[..., Path]
PLAIN = [{"_id": "d1", "text": "Figs are ripe."}, {"_id": "d2", "title": "Pump", "text": "Open the valve."}]
ASK = [{"_id": "q1", "text": "what is ripe?"}]


def test_each_user_is_a_scope_and_is_asked_there(beir: Beir) -> None:
    """Documents go to their user in the order of the corpus, and a query to its own user's."""
    data = read_beir(beir())
    assert {path: [one.id for one in own] for path, own in data.memories.items()} == {
        ("ann",): ["a1", "a2"],
        ("bob",): ["b1", "b2"],
    }
    assert [(one.id, one.scope, dict(one.relevant)) for one in data.questions] == [
        ("q1", ("ann",), {"a1": 1}),
        ("q2", ("bob",), {"b1": 2}),
        ("q3", ("bob",), {"b2": 1}),
    ]
    assert data.name == "orchard" and data.notes == ()


def test_categories_are_named_or_numbered(beir: Beir) -> None:
    """`category_name` counts, else `category`; either becomes a text."""
    data = read_beir(beir())
    assert [one.category for one in data.questions] == ["place", "2", "place"]
    assert data.categories == ("2", "place")


def test_without_users_there_is_one_scope(beir: Beir) -> None:
    """Whatever user a query names."""
    ask = [{"_id": "q1", "text": "what is ripe?", "metadata": {"user_id": "ann"}}]
    data = read_beir(beir(PLAIN, ask, ["q1\td1\t1"]))
    assert list(data.memories) == [("orchard",)] == list(data.asked)
    assert [one.text for one in data.memories["orchard",]] == ["Figs are ripe.", "Pump\nOpen the valve."]


def test_metadata_stays_and_naive_times_are_utc(beir: Beir) -> None:
    """A turn keeps speaker and session, and its timestamp is when it was said."""
    metadata = {"user_id": "ann", "speaker": "Ann", "session_id": "s1", "timestamp": "2024-03-09T10:05:00"}
    turn = {"_id": "a1", "text": "The olive tree is by the gate.", "metadata": metadata}
    (memory,) = read_beir(beir([turn], qrels=["q1\ta1\t1"])).memories["ann",]
    assert memory.created_at == datetime(2024, 3, 9, 10, 5, tzinfo=UTC)
    assert dict(memory.metadata) == metadata


@pytest.mark.parametrize("judged", ["qrels.tsv", "qrels/test.tsv"])
@pytest.mark.parametrize("header", [[], ["query-id\tcorpus-id\tscore"]])
def test_judgements_are_found_with_or_without_a_header(beir: Beir, judged: str, header: list[str]) -> None:
    """In the folder, or in BEIR's own place below it."""
    data = read_beir(beir(PLAIN, ASK, [*header, "q1\td1\t1"], judged))
    assert [dict(one.relevant) for one in data.questions] == [{"d1": 1}]


def test_other_judgements_can_be_named(beir: Beir) -> None:
    """`qrels` is a file of the folder."""
    assert len(read_beir(beir(judged="dev.tsv"), "dev.tsv").questions) == 3
    with pytest.raises(InvalidDataset, match=r"has no train\.tsv"):
        read_beir(beir(), "train.tsv")


def test_what_is_left_out_or_missing_is_said(beir: Beir) -> None:
    """Queries without an answer, documents without text, and answers that are not in the corpus."""
    documents = [*PLAIN, {"_id": "d3", "text": " "}]
    queries = [*ASK, {"_id": "q2", "text": "what is blue?"}]
    data = read_beir(beir(documents, queries, ["q1\td1\t1", "q1\td3\t1", "q2\td1\t0"]))
    assert [one.id for one in data.questions] == ["q1"]
    assert data.notes == (
        "1 queries without a relevant document are left out",
        "1 documents have no text",
        "1 relevant documents are not there to be found and count as missed",
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"queries": [*ASK, "{oops"]}, r"queries\.jsonl:2 is not JSON"),
        ({"queries": [{"_id": "q1"}]}, r"queries\.jsonl:1: a query needs `_id` and `text`"),
        ({"queries": [{"_id": "q1", "text": ""}]}, "'q1' has no text"),
        ({"queries": ASK * 2}, "two questions of one id"),
        ({"qrels": ["q1\td1\t1", "q1 d2 1"]}, r"qrels\.tsv:2: 'q1 d2 1' is not"),
        ({"qrels": ["q1\td1\t1", "q1\td2\thigh"]}, r"qrels\.tsv:2: "),
        ({"qrels": ["q1\td1\t0"]}, "no query has a relevant document"),
        ({"qrels": ["q1\td1\t1", "q9\td1\t1"]}, "judges answers to 'q9', a query that"),
        ({"documents": [{"_id": "d1", "text": ""}]}, "no document with text"),
        ({"documents": [PLAIN[0], PLAIN[1] | {"metadata": {"user_id": "ann"}}]}, "'d1' has no `user_id`"),
        ({"documents": [PLAIN[0] | {"metadata": {"user_id": ""}}]}, "'d1' has no `user_id`"),
        ({"documents": [PLAIN[0] | {"metadata": {"user_id": "ann"}}]}, r"queries\.jsonl:1: the query 'q1' has no"),
    ],
)
def test_bad_input_is_named(beir: Beir, changes: dict[str, Any], said: str) -> None:
    """The file, the line where there is one, and what is due."""
    with pytest.raises(InvalidDataset, match=said):
        read_beir(beir(**{"documents": PLAIN, "queries": ASK, "qrels": ["q1\td1\t1"]} | changes))


def test_a_query_of_a_user_without_documents_is_refused(beir: Beir) -> None:
    """It could never be answered."""
    queries = [{"_id": "q1", "text": "where?", "metadata": {"user_id": "cleo"}}]
    with pytest.raises(InvalidDataset, match="asked of 'cleo', who has no documents"):
        read_beir(beir(queries=queries, qrels=["q1\ta1\t1"]))


@pytest.mark.parametrize("missing", ["corpus.jsonl", "queries.jsonl", "qrels.tsv"])
def test_a_folder_without_a_file_is_told_what_it_lacks(beir: Beir, missing: str) -> None:
    """And what a BEIR folder is."""
    folder = beir()
    (folder / missing).unlink()
    with pytest.raises(InvalidDataset, match=rf"has no {missing}.*a BEIR folder holds"):
        read_beir(folder)
