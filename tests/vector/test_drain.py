"""One step from the outbox to the index."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgarden.errors import ChromaError
from memgarden.protocols import ChunkRecord, OutboxItem
from memgarden.records import ScopePath
from memgarden.vector.drain import drain_once
from tests.vector.outbox import ListOutbox, Op


class DictIndex:
    """The index as a dictionary, with a log of calls; `fails` names the call that refuses."""

    def __init__(self, fails: str = "") -> None:
        self.held: dict[str, ChunkRecord] = {}
        self.calls: list[str] = []
        self.fails = fails
        self.left = 0

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name == self.fails:
            raise ChromaError("refused")

    def upsert(self, records: Sequence[ChunkRecord], own: int | None = None) -> None:
        self._called("upsert")
        self.held |= {record.id: record for record in records}

    def delete(self, ids: Sequence[str], own: int | None = None) -> None:
        self._called("delete")
        for key in ids:
            self.held.pop(key, None)

    def promote(self, own: int, path: ScopePath) -> None:
        self._called("promote")

    def demote(self, own: int) -> None:
        self._called("demote")

    def rebuild(self, own: int | None, most: int) -> int | None:
        self._called(f"rebuild {own} {most}")
        self.left -= most
        return None if self.left > 0 else len(self.held)

    def reset(self) -> None:
        self._called("reset")
        self.held.clear()

    def close(self) -> None:
        self._called("close")


def replayed(changes: Sequence[tuple[Op, str]]) -> set[str]:
    """The ids that are there when each change is made by itself, in order."""
    held: set[str] = set()
    for op, key in changes:
        if op == "upsert":
            held.add(key)
        elif op == "delete":
            held.discard(key)
        else:
            held.clear()
    return held


ops: st.SearchStrategy[list[tuple[Op, str]]] = st.lists(
    st.tuples(st.sampled_from(["upsert", "upsert", "delete", "delete", "reset"]), st.sampled_from("abcd"))
)


@given(ops, st.integers(1, 7))
def test_batches_of_any_size_end_where_one_change_at_a_time_ends(changes: list[tuple[Op, str]], limit: int) -> None:
    outbox, index = ListOutbox(*changes), DictIndex()
    drained = 0
    while step := drain_once(outbox, index, limit):
        drained += step
    assert set(index.held) == replayed(changes)
    assert (drained, outbox.count()) == (len(changes), 0)


def test_a_batch_is_one_upsert_and_one_delete() -> None:
    index = DictIndex()
    drain_once(ListOutbox(("upsert", "a"), ("delete", "b"), ("upsert", "c"), ("delete", "a")), index, 10)
    assert index.calls == ["delete", "upsert"]
    assert set(index.held) == {"c"}


@pytest.mark.parametrize("call", ["upsert", "delete", "reset"])
def test_a_failure_leaves_everything_in_the_outbox(call: str) -> None:
    outbox = ListOutbox(("reset", ""), ("upsert", "a"), ("delete", "b"))
    with pytest.raises(ChromaError):
        drain_once(outbox, DictIndex(call), 10)
    assert outbox.count() == 3


def test_an_empty_outbox_does_not_touch_the_index() -> None:
    index = DictIndex()
    assert drain_once(ListOutbox(), index, 10) == 0
    assert index.calls == []


def test_a_chunk_that_is_gone_since_is_deleted() -> None:
    outbox = ListOutbox(("upsert", "a"))
    index = DictIndex()
    drain_once(outbox, index, 10)
    outbox.put(("upsert", "a"))
    outbox.items[0] = outbox.items[0].__class__(outbox.items[0].seq, "upsert", "a", None)
    drain_once(outbox, index, 10)
    assert index.held == {}


class Rebuilding(ListOutbox):
    """One in which a rebuild waits beside the changes."""

    def __init__(self, *changes: tuple[Op, str]) -> None:
        super().__init__(*changes)
        self.rebuild: OutboxItem | None = OutboxItem(1_000, "rebuild", "0", None, 7, True)
        self.held: int | None = None

    def pending(self, limit: int) -> Sequence[OutboxItem]:
        return [*super().pending(limit), *([] if self.rebuild is None else [self.rebuild])]

    def settle(self, seqs: Sequence[int], held: int | None = None) -> None:
        super().settle(seqs)
        if self.rebuild is not None and self.rebuild.seq in seqs:
            self.rebuild, self.held = None, held


def test_a_rebuild_holds_up_no_change_and_is_struck_off_at_its_end() -> None:
    outbox, index = Rebuilding(*(("upsert", key) for key in "abcd")), DictIndex()
    index.left = 6
    drain_once(outbox, index, 2)
    assert index.calls == ["upsert", "rebuild 7 2"] and outbox.count() == 2
    drain_once(outbox, index, 2)
    assert outbox.count() == 0 and outbox.rebuild is not None
    drain_once(outbox, index, 2)
    assert outbox.rebuild is None and outbox.held == 4


def test_a_rebuild_that_fails_is_struck_off_like_what_was_changed() -> None:
    """Kept, it would hold up each batch of what is changed from then on; compaction asks for it again."""
    outbox = Rebuilding(("upsert", "a"))
    with pytest.raises(ChromaError):
        drain_once(outbox, DictIndex("rebuild 7 5"), 5)
    assert outbox.count() == 0 and outbox.rebuild is None and outbox.held is None
