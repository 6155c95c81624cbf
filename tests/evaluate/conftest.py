"""What the tests of evaluations share: a small data set in BEIR's form, written to be changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

DOCUMENTS = [
    {"_id": "a1", "title": "", "text": "The olive tree is by the gate.", "metadata": {"user_id": "ann"}},
    {"_id": "a2", "title": "", "text": "We bought figs at the market.", "metadata": {"user_id": "ann"}},
    {"_id": "b1", "title": "", "text": "The olive tree was cut down.", "metadata": {"user_id": "bob"}},
    {"_id": "b2", "title": "Pump", "text": "Open the valve first.", "metadata": {"user_id": "bob"}},
]
QUERIES = [
    {"_id": "q1", "text": "where is the olive tree?", "metadata": {"user_id": "ann", "category_name": "place"}},
    {"_id": "q2", "text": "what happened to the olive tree?", "metadata": {"user_id": "bob", "category": 2}},
    {"_id": "q3", "text": "how does the pump start?", "metadata": {"user_id": "bob", "category_name": "place"}},
]
QRELS = ["query-id\tcorpus-id\tscore", "q1\ta1\t1", "q2\tb1\t2", "q3\tb2\t1"]

Beir = Callable[..., Path]


@pytest.fixture
def beir(tmp_path: Path) -> Beir:
    """Writes a data set of two users, or what is given in its place, and gives its folder."""

    def write(
        documents: Sequence[Mapping[str, Any]] = DOCUMENTS,
        queries: Sequence[Mapping[str, Any] | str] = QUERIES,
        qrels: Sequence[str] = QRELS,
        judged: str = "qrels.tsv",
    ) -> Path:
        folder = tmp_path / "orchard"
        (folder / judged).parent.mkdir(parents=True, exist_ok=True)
        for name, rows in (("corpus", documents), ("queries", queries)):
            lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
            (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (folder / judged).write_text("\n".join(qrels) + "\n", encoding="utf-8")
        return folder

    return write
