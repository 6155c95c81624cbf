"""Operations in a batch: their order, equal texts, and one transaction for a namespace."""

from __future__ import annotations

import pytest
from langgraph.store.base import GetOp, ListNamespacesOp, PutOp, SearchOp

from langchain_memgarden import MemGardenStore
from memgarden import InvalidMemory


def test_a_batch_reads_what_was_before_it(store: MemGardenStore) -> None:
    """Results in the order of the operations; of several puts of one key the last holds, and None deletes."""
    store.put(("u",), "k", {"n": 0})
    results = store.batch(
        [
            PutOp(("u",), "k", {"n": 1}),
            GetOp(("u",), "k"),
            PutOp(("u",), "k", {"n": 2}),
            PutOp(("u",), "gone", {"n": 3}),
            PutOp(("u",), "gone", None),
            PutOp(("u",), "back", None),
            PutOp(("u",), "back", {"n": 4}),
            SearchOp(("u",)),
            ListNamespacesOp(),
        ]
    )
    assert [results[n] for n in (0, 2, 3, 4, 5, 6)] == [None] * 6
    assert results[1].value == {"n": 0}  # type: ignore[union-attr]
    assert [item.value for item in results[7]] == [{"n": 0}]  # type: ignore[union-attr]
    assert results[8] == [("u",)]
    assert {item.key: item.value for item in store.search(("u",))} == {"k": {"n": 2}, "back": {"n": 4}}
    assert store.batch([]) == []


def test_equal_texts_in_one_batch(store: MemGardenStore) -> None:
    """Each is stored and found: LangGraph's store in memory fails here."""
    store.batch([PutOp(("u", str(n)), f"k{n}", {"text": "the same"}) for n in range(5)])
    store.batch([PutOp(("v",), f"k{n}", {"text": "the same"}) for n in range(5)])
    assert len(store.search(("u",), query="the same")) == len(store.search(("v",), query="the same")) == 5


def test_a_batch_in_one_namespace_is_one_transaction(store: MemGardenStore) -> None:
    """However many it holds, indexed or not: one that cannot be stored leaves nothing of it."""
    ops = [PutOp(("u",), f"k{n}", {"n": n}, index=False if n % 2 else None) for n in range(200)]
    with pytest.raises(InvalidMemory):
        store.batch([*ops, PutOp(("u",), "bad", {"n": float("nan")})])
    assert store.search(("u",)) == []
    store.batch(ops)
    assert len(store.search(("u",), limit=500)) == 200
