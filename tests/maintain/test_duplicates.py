"""Which memories are one, what becomes of them, and what never is merged."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from memgarden import Deduplication, Garden, GardenBusy, InvalidSetting, Memory, Plan, Policy, Retention
from memgarden.maintain.near import near_pairs
from memgarden.records import utc_now
from memgarden.store.similar import NOTED_AT_MOST
from memgarden.store.write import Writer
from memgarden.upkeep import Likeness

OPEN = Callable[..., Garden]
NOW = utc_now()
TEA = "My sister drinks green tea every morning before work"


def ago(days: float) -> object:
    return NOW - timedelta(days=days)


def vector(*towards: float) -> np.ndarray:
    """A unit vector whose cosine to the first axis is `towards[0]`, the rest along the second."""
    made = np.zeros(64, np.float32)
    made[0], made[1] = towards[0], np.sqrt(max(0.0, 1 - towards[0] ** 2))
    return made


def add(garden: Garden, id: str, cosine: float, text: str = TEA, user: str = "alice", **fields: object) -> None:
    text = f"{text} ({id})"
    garden.scope(user).add(text, id=id, vector=vector(cosine), embedder=garden.embedder.name, **fields)  # type: ignore[arg-type]


def groups(garden: Garden, options: Deduplication, user: str = "alice") -> dict[str, set[str]]:
    plan = garden.plan(options, user)
    return {step.stays.id: {one.id for one in step.goes} for step in plan if step.action == "merge" and step.stays}


@settings(max_examples=60)
@given(
    arrays.arrays(np.float32, st.tuples(st.integers(0, 40), st.just(8)), elements=st.floats(-1, 1, width=32)),
    st.sampled_from([0.5, 0.8, 0.9, 0.95, 1.0]),
)
def test_every_near_pair_is_found_once_and_no_other(rows: np.ndarray, floor: float) -> None:
    """As brute force finds them."""
    rows = rows + np.eye(1, 8, dtype=np.float32) * 0.01
    rows = rows[np.linalg.norm(rows, axis=1) > 1e-3]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = [(int(a), int(b)) for one, other, _ in near_pairs(rows, floor) for a, b in zip(one, other, strict=True)]
    cosines = rows @ rows.T
    sure = {(a, b) for a, b in zip(*np.nonzero(np.triu(cosines >= floor + 1e-5, 1)), strict=True)}
    may = {(a, b) for a, b in zip(*np.nonzero(np.triu(cosines >= floor - 1e-5, 1)), strict=True)}
    assert len(found) == len(set(found)) and sure <= set(found) <= may


def test_large_sets_are_compared_block_by_block(garden: Garden) -> None:
    """Beyond one block, and where many are near each other, the pairs are those of the full matrix."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((1500, 32)).astype(np.float32)
    rows[700:1400] = rows[:700] + 0.02 * rng.standard_normal((700, 32)).astype(np.float32)
    rows[1400:] = rows[0] + 0.02 * rng.standard_normal((100, 32)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = {(int(a), int(b)) for one, other, _ in near_pairs(rows, 0.95) for a, b in zip(one, other, strict=True)}
    wanted = {(int(a), int(b)) for a, b in zip(*np.nonzero(np.triu(rows @ rows.T >= 0.95, 1)), strict=True)}
    assert found == wanted and len(found) > 5000


def test_equal_texts_and_near_ones_are_merged_and_what_is_similar_is_told(garden: Garden) -> None:
    """From .95 on they are one, from .9 on similar, below that nothing; equal texts whatever their vectors."""
    add(garden, "a", 1.0, created_at=ago(3))
    add(garden, "b", 0.97, created_at=ago(2))
    add(garden, "c", 0.8, text="Something else altogether in this text")
    alice = garden.scope("alice")
    for number in range(3):
        alice.add("  An EQUAL text, of  some length. ".swapcase() if number else "an equal text, of some length.")
    plan = garden.plan(Deduplication(similar=0.75))
    merges = [step for step in plan if step.action == "merge"]
    assert groups(garden, Deduplication())["b"] == {"a"} and len(merges) == 2
    assert sorted(len(step.goes) for step in merges) == [1, 2]
    assert {"equal text, newest kept"} == {step.reason for step in merges if len(step.goes) == 2}
    similar = [step for step in plan if step.action == "similar"]
    assert [{step.stays.id, step.goes[0].id} for step in similar if step.stays] == [{"b", "c"}]
    before = alice.count()
    garden.apply(plan)
    assert alice.count() == before - 3


def test_marks_around_words_make_no_difference_and_a_question_does(garden: Garden) -> None:
    """Nor do capitals and blanks; what a mark tells apart stays apart."""
    alice = garden.scope("alice")
    for text in (
        "Red it was.",
        "red it was!",
        '"Red", it was …',
        "Red it was?",
        "I write C",
        "I write C++",
        "!!",
        "!!!",
    ):
        alice.add(text, vector=np.eye(64)[alice.count()], embedder=garden.embedder.name)
    (step,) = garden.plan(Deduplication())
    assert step.reason.startswith("equal text") and len(step.goes) == 2


@pytest.mark.parametrize(("keep", "stays"), [("newest", "late"), ("important", "vital"), ("longest", "long")])
def test_the_choice_says_which_of_them_stays(garden: Garden, keep: str, stays: str) -> None:
    """The most recent, the most important, or the longest."""
    add(garden, "vital", 1.0, created_at=ago(9), importance="high")
    add(garden, "long", 0.995, text=TEA + ", as our mother always did", created_at=ago(8))
    add(garden, "late", 0.99, created_at=ago(1))
    found = groups(garden, Deduplication(keep=keep))  # type: ignore[arg-type]
    assert found == {stays: {"vital", "long", "late"} - {stays}}


def test_what_goes_is_near_to_what_stays(garden: Garden) -> None:
    """Of a chain whose ends are far apart, the far end stays: nothing goes by way of what went itself."""
    for age, (name, angle) in enumerate(zip("xyz", (0.0, 0.25, 0.5), strict=True)):
        add(garden, name, float(np.cos(angle)), created_at=ago(age))
    assert groups(garden, Deduplication()) == {"x": {"y"}}


def test_the_one_that_stays_has_all_that_the_others_had(garden: Garden) -> None:
    """Tags, the higher importance, the longer life; `merged_from` tells of each with its times and its cosine."""
    ends = NOW + timedelta(days=5)
    add(garden, "new", 1.0, created_at=ago(1), tags=["tea"], metadata={"page": 3}, expires_at=ends)
    more = {"page": 7, "place": "Uji"}
    later = ends + timedelta(days=1)
    add(garden, "old", 0.99, created_at=ago(5), tags=["family", "tea"], metadata=more, expires_at=later)
    garden.scope("alice").update("old", importance="critical")
    text = garden.scope("alice").get("new").text  # type: ignore[union-attr]
    garden.apply(garden.plan(Deduplication()))
    stays = garden.scope("alice").get("new")
    assert stays is not None and (stays.text, stays.tags, stays.importance.label) == (
        text,
        ("tea", "family"),
        "critical",
    )
    assert (stays.expires_at, stays.metadata["page"], stays.metadata["place"]) == (later, 3, "Uji")
    (past,) = stays.metadata["merged_from"]
    assert past["id"] == "old" and past["created_at"] == ago(5).isoformat()  # type: ignore[attr-defined]
    assert past["similarity"] == pytest.approx(0.99, abs=1e-3)
    add(garden, "newer", 0.995, created_at=ago(0), expires_at=ends)
    garden.apply(garden.plan(Deduplication()))
    newer = garden.scope("alice").get("newer")
    assert newer is not None and [each["id"] for each in newer.metadata["merged_from"]] == ["old", "new"]


def test_a_merge_can_be_undone(garden: Garden) -> None:
    """What was removed is in an archive, whole, and comes back."""
    add(garden, "a", 1.0, created_at=ago(1))
    add(garden, "b", 0.99, created_at=ago(5))
    before = garden.scope("alice").get("b")
    garden.apply(garden.plan(Deduplication()))
    (archive,) = garden.archives()
    assert archive.cause == "merged" and garden.restore(archive).restored == 1
    assert garden.scope("alice").get("b") == before and garden.scope("alice").count() == 2
    add(garden, "c", 0.99, created_at=ago(6))
    garden.maintain()
    assert {memory.id for memory in garden.scope("alice").list()} == {"a", "b"}  # what came back is not merged again


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"text": "We meet at 3 on the pier"}, {"text": "We meet at 4 on the pier"}),
        ({"text": "It cost 12.50 in all, I am sure"}, {"text": "It cost 12.60 in all, I am sure"}),
        ({"kind": "note"}, {"kind": "document"}),
        ({"kind": "document", "metadata": {"doc": "A"}}, {"kind": "document", "metadata": {"doc": "B"}}),
        ({}, {"expires_at": NOW + timedelta(days=3)}),
        ({"metadata": {"merged_from": "a word of the user's"}}, {}),
    ],
)
def test_what_differs_in_numbers_or_kind_is_no_duplicate_whatever_its_vector(
    garden: Garden, one: dict[str, object], other: dict[str, object]
) -> None:
    """They are told of as similar, with the reason."""
    alice = garden.scope("alice")
    for fields in (one, other):
        alice.add(**({"text": "The very same words"} | fields), vector=vector(1.0), embedder=garden.embedder.name)  # type: ignore[arg-type]
    (step,) = garden.plan(Deduplication())
    assert step.action == "similar" and "differ in numbers, kind, speaker or expiry" in step.reason


def test_short_turns_are_one_within_their_session_only(garden: Garden) -> None:
    """A "yes" of one conversation is no duplicate of that of another; a long turn is, if it is of the same speaker."""
    alice = garden.scope("alice")
    long = "I left the blue bicycle behind the old station on Tuesday"
    for session in ("s", "t"):
        alice.add_conversation(
            [
                {"name": "Ann", "content": "Yes, sure."},
                {"name": "Ann", "content": long},
                {"name": "Ben", "content": long},
            ],
            session_id=session,
        )
    garden.apply(garden.plan(Deduplication()))
    assert sorted(memory.text for memory in alice.list()) == sorted(["Yes, sure.", "Yes, sure.", long, long])
    assert {memory.metadata["speaker"] for memory in alice.list(where={"kind": "turn"})} == {"Ann", "Ben"}


def test_nothing_is_merged_across_scopes(garden: Garden) -> None:
    """Equal texts of two users stay two memories."""
    for path in (("alice",), ("bob",), ("alice", "work")):
        garden.scope(*path).add("The very same words in every scope.")
    assert len(garden.plan(Deduplication())) == 0


def test_duplicates_can_be_cut_again_without_being_found_again(garden: Garden, monkeypatch: pytest.MonkeyPatch) -> None:
    """At another threshold, or with another choice of what stays, they are what a new search for them would give."""
    rng = np.random.default_rng(1)
    for number, cosine in enumerate(rng.uniform(0.8, 1.0, 40)):
        add(garden, chr(97 + number // 26) + chr(97 + number % 26), float(cosine), created_at=ago(number))
    found = garden.scope("alice").duplicates(Deduplication(threshold=0.97, similar=0.85))
    wanted = {cut: garden.plan(Deduplication(threshold=cut, similar=0.85)) for cut in (0.85, 0.9, 0.99, 1.0)}
    monkeypatch.setattr("memgarden.maintain.duplicates.near_pairs", None)
    for cut, plan in wanted.items():
        assert found.at(cut).plan() == plan
    assert found.at(0.9, keep="longest").plan().counts() != {}
    with pytest.raises(InvalidSetting, match=r"from \.5 to 1"):
        found.at(0.8)


def _marks(garden: Garden, *ids: str, user: str = "alice") -> dict[str, list[str]]:
    """Which others the history of each memory says that it is similar to."""
    pasts = {id: garden.scope(user).history(id) for id in ids}
    return {id: [one.detail["to"] for one in past if one.event == "similar"] for id, past in pasts.items()}


def test_what_is_similar_is_marked_for_good_and_nothing_else_changes(garden: Garden) -> None:
    """In the history of the one that would have gone, once of each pair, by `apply` and by `maintain`."""
    add(garden, "a", 1.0, text=TEA + ", as always", created_at=ago(3))
    add(garden, "b", 0.93, created_at=ago(2))
    add(garden, "c", 0.2, created_at=ago(1))
    add(garden, "a", 1.0, user="bob")
    add(garden, "b", 0.93, user="bob")
    alice, wanted = garden.scope("alice"), Deduplication(similar=0.9)
    before, head = alice.list(), garden._parts.source.head(("alice",))
    done = garden.apply(garden.plan(wanted, "alice"))
    assert done.done == {"similar": 1} and done.archives == [] and garden.archives() == []
    assert _marks(garden, "a", "b", "c") == {"a": ["b"], "b": [], "c": []}
    assert [one.event for one in alice.history("a")] == ["added", "similar"]
    assert alice.history("a")[-1].detail == {"to": "b"} and [one.event for one in alice.history("b")] == ["added"]
    assert alice.list() == before and garden._parts.source.head(("alice",)) == head
    assert garden.apply(garden.plan(wanted, "alice")).done == {"similar": 0}
    policy = Policy(deduplicate=Deduplication(similar=0.85, keep="longest"), archive=None)
    alice.update("b", importance="high")  # and is another version now
    assert garden.maintain(policy, "alice").done == {"similar": 0}
    assert _marks(garden, "a", "b", user="bob") == {"a": [], "b": []}
    assert garden.maintain(policy).done == {"similar": 1} and _marks(garden, "a", "b") == {"a": ["b"], "b": []}


@pytest.mark.parametrize("options", [Deduplication(), Deduplication(threshold=0.97), Deduplication(threshold=0.94)])
def test_without_a_second_threshold_nothing_is_marked(garden: Garden, options: Deduplication) -> None:
    """Plans tell of what is nearly one, as far as .9, and carry out nothing of it; nor does what kept no archive."""
    add(garden, "a", 1.0, created_at=ago(3))
    add(garden, "b", 0.93, created_at=ago(2))
    (step,) = garden.plan(options)
    assert (step.action, step.marks, step.goes[0].id) == ("similar", False, "a")
    assert garden.apply(garden.plan(options)).done == {} == garden.maintain(Policy(options, archive=None)).done
    assert _marks(garden, "a", "b") == {"a": [], "b": []}


def test_what_is_marked_can_be_merged_at_another_threshold(garden: Garden) -> None:
    """And comes back with its mark."""
    add(garden, "a", 1.0, created_at=ago(3))
    add(garden, "b", 0.93, created_at=ago(2))
    garden.apply(garden.plan(Deduplication(similar=0.9)))
    assert garden.apply(garden.plan(Deduplication(threshold=0.92, similar=0.9))).done == {"merge": 1}
    garden.restore(garden.archives()[0])
    alice = garden.scope("alice")
    assert [one.event for one in alice.history("a")] == ["added", "similar", "merged", "restored"]
    assert garden.apply(garden.plan(Deduplication(similar=0.9))).done == {"similar": 0}


def test_what_is_merged_by_the_same_plan_is_marked_too(garden: Garden) -> None:
    """As the memory that it has become; and what the plan archives later."""
    add(garden, "old", 1.0, created_at=ago(300))
    add(garden, "new", 0.999, created_at=ago(200))
    add(garden, "like", 0.93, created_at=ago(100))
    done = garden.maintain(Policy(Deduplication(similar=0.9), archive=Retention(older_than=90)))
    assert done.done == {"merge": 1, "similar": 1, "archive": 1} and done.failed == {}
    assert [one.event for one in garden.scope("alice").history("new")] == ["added", "merged", "similar"]
    assert garden.scope("alice").history("new")[-1].detail == {"to": "like"}


def test_what_was_changed_or_deleted_since_the_plan_is_not_marked(garden: Garden) -> None:
    """Either of the two; a memory that is there anew under its id is another one, and marked for itself."""
    add(garden, "a", 1.0, created_at=ago(3))
    add(garden, "b", 0.93, created_at=ago(2))
    alice, wanted = garden.scope("alice"), Deduplication(similar=0.9)
    for id in ("a", "b"):
        plan = garden.plan(wanted)
        alice.update(id, text="I hate broccoli.")
        assert garden.apply(plan).done == {"similar": 0} and _marks(garden, "a", "b") == {"a": [], "b": []}
        add(garden, id, 1.0 if id == "a" else 0.93, created_at=ago(3 if id == "a" else 2))
    for id in ("b", "a"):
        assert garden.apply(garden.plan(wanted)).done == {"similar": 1}
        alice.delete(id)
        assert garden.apply(Plan()).done == {} == garden.apply(garden.plan(wanted)).done
        add(garden, id, 1.0 if id == "a" else 0.93, created_at=ago(3 if id == "a" else 2))
    assert garden.apply(garden.plan(wanted)).done == {"similar": 1}
    assert _marks(garden, "a", "b") == {"a": ["b", "b", "b"], "b": []}


def test_of_many_alike_each_is_marked_with_the_nearest_alone(garden: Garden) -> None:
    """Or the marks would take more room than the memories; and a second run adds none to them."""
    alice = garden.scope("alice")
    alice.add_many([Memory(f"Order number {n} has been shipped.", id=f"{n:03}", created_at=ago(n)) for n in range(60)])  # type: ignore[arg-type]
    wanted = Deduplication(similar=0.5)
    steps = [step for step in garden.plan(wanted) if step.marks]
    assert len(steps) > 1000
    done = garden.apply(garden.plan(wanted))
    marks = _marks(garden, *(f"{n:03}" for n in range(60)))
    assert max(map(len, marks.values())) == NOTED_AT_MOST and sum(map(len, marks.values())) == done.done["similar"]
    nearest = [step.stays.id for step in steps if step.goes[0].id == "059" and step.stays][:NOTED_AT_MOST]
    assert marks["059"] == nearest
    assert garden.apply(garden.plan(wanted)).done == {"similar": 0}


def test_a_plan_of_marks_needs_no_folder_for_archives(garden: Garden, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing goes there. It tells how far it is, and stops where another process maintains the garden."""
    add(garden, "a", 1.0, created_at=ago(3))
    add(garden, "b", 0.93, created_at=ago(2))
    plan, told = garden.plan(Deduplication(similar=0.9)), []
    monkeypatch.setattr(garden._parts, "archives", None)
    with pytest.raises(GardenBusy):
        garden._parts.upkeep.note_similar(("alice",), [Likeness("a", 1, "b", 2)], "somebody else's")
    assert garden.apply(plan, progress=told.append).done == {"similar": 1} and told == [1]


def test_what_was_found_and_planned_is_shown_in_a_line(garden: Garden) -> None:
    """With counts and the scope, however much it is."""
    alice = garden.scope("alice")
    alice.add_many([Memory("The same words again.", id=f"{n:03}", created_at=ago(n)) for n in range(160)])  # type: ignore[arg-type]
    add(garden, "a", 1.0, created_at=ago(3))
    add(garden, "b", 0.93, created_at=ago(2))
    found, plan = alice.duplicates(), garden.plan(Deduplication())
    assert repr(found) == "Duplicates(of 162 in ('alice',): pairs from 0.9 on 1, threshold 0.95)"
    assert repr(plan) == "Plan(merge 159, similar 1 in ('alice',))" and len(list(plan)) == len(plan)
    add(garden, "a", 1.0, user="bob")
    add(garden, "b", 0.93, user="bob")
    assert repr(garden.plan(Deduplication())) == "Plan(merge 159, similar 2 in 2 scopes)"
    assert repr(Plan()) == "Plan(nothing to do)"


def test_many_equal_memories_become_one(garden: Garden) -> None:
    """More than one transaction takes: they go into the one that stays, in one run."""
    alice = garden.scope("alice")
    alice.add_many([Memory("The same words again and again.", id=f"{n:03}", created_at=ago(n)) for n in range(350)])  # type: ignore[arg-type]
    done = garden.apply(garden.plan(Deduplication()))
    assert done.done == {"merge": 349} and done.changed == 0
    (left,) = alice.list()
    assert left.id == "000" and len(left.metadata["merged_from"]) == 349


def test_long_texts_are_near_if_all_their_parts_are(open_garden: OPEN) -> None:
    """Two documents that share their beginning are not one."""
    garden = open_garden(chunk_size=16)
    start = "The valley lies between two ridges and a river runs through it from north to south. " * 2
    alice = garden.scope("alice")
    alice.add(start + "In spring the snow melts and the meadows are under water for weeks.", id="a")
    alice.add(start + "The library has four thousand volumes and a reading room for children.", id="b")
    assert len(alice.chunks("a")) > 1 and len(alice.chunks("a")) == len(alice.chunks("b"))
    assert groups(garden, Deduplication()) == {}
    alice.add(start + "In spring the snow melts and the meadows are under water for weeks!", id="c")
    assert groups(garden, Deduplication()) in ({"c": {"a"}}, {"a": {"c"}})


@pytest.mark.parametrize(
    "fields", [{"threshold": 1.1}, {"threshold": 0.8, "similar": 0.9}, {"similar": 0.2}, {"keep": "best"}]
)
def test_options_out_of_range_are_refused(fields: dict[str, object]) -> None:
    """With what they may be."""
    with pytest.raises(InvalidSetting, match=r"cosines|keep is one of"):
        Deduplication(**fields)  # type: ignore[arg-type]


def test_nothing_is_merged_into_what_was_changed_after_the_plan(garden: Garden) -> None:
    """Of more than one transaction takes, too: all stay, and none of them goes into another text."""
    alice = garden.scope("alice")
    alice.add_many([Memory("The same words again.", id=f"{n:03}", created_at=ago(n)) for n in range(160)])  # type: ignore[arg-type]
    plan = garden.plan(Deduplication())
    alice.update("000", text="I hate broccoli.")
    done = garden.apply(plan)
    assert done.done == {"merge": 0} and done.changed == 159 and alice.count() == 160
    assert "merged_from" not in alice.get("000").metadata  # type: ignore[union-attr]


def test_documents_of_many_chunks_go_in_small_transactions(garden: Garden, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted by their chunks, whether they go or come back."""
    alice = garden.scope("alice")
    alice.add_many([Memory(f"word {n} " * 6000, id=f"d{n}", created_at=ago(400)) for n in range(6)])  # type: ignore[arg-type]
    sizes = {memory.id: len(alice.chunks(memory.id)) for memory in alice.list()}
    assert max(sizes.values()) > 40
    gone: list[int] = []
    back: list[int] = []

    class Watched(Writer):
        def delete(self, path: Any, ids: Any, **how: Any) -> int:
            gone.append(sum(sizes[id] for id in ids))
            return super().delete(path, ids, **how)

        def put(self, path: Any, entries: Any, *more: Any, **how: Any) -> Any:
            back.append(sum(len(each.chunks) for each in entries))
            return super().put(path, entries, *more, **how)

    monkeypatch.setattr("memgarden.maintain.applying.CHUNKS_AT_ONCE", 100)
    monkeypatch.setattr("memgarden.maintain.archives.CHUNKS_AT_ONCE", 100)
    monkeypatch.setattr(garden._parts.sink, "__class__", Watched)
    garden.apply(garden.plan(Retention()))
    garden.restore(garden.archives()[0])
    assert sum(gone) == sum(back) == sum(sizes.values()) and max(*gone, *back) <= max(100, *sizes.values())
