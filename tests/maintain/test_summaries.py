"""Old memories are told by a summary, which opens to them; a summariser that fails loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from memgarden import (
    Garden,
    InvalidSetting,
    Memory,
    MemoryNotFound,
    MissingExtra,
    Retention,
    StorageError,
    Summarisation,
)
from memgarden.maintain.extract import Extractive
from memgarden.records import utc_now

OPEN = Callable[..., Garden]
OLD = utc_now() - timedelta(days=400)
GRAPES = [
    "We picked grapes in the vineyard near Porto.",
    "The grapes of the vineyard were sweet this year.",
    "In the vineyard Miguel sold 340 kg of grapes.",
    "Grapes from that vineyard make a dark wine.",
]
SHIPS = [
    "The ferry to Harwich leaves the harbour at 9.",
    "Our ferry waited in the harbour for the tide.",
    "The harbour was closed, so no ferry left.",
]
LOOSE = Summarisation(similarity=0.25)


def fill(garden: Garden, user: str = "alice") -> None:
    scope = garden.scope(user)
    for name, texts in (("grapes", GRAPES), ("ships", SHIPS)):
        for number, text in enumerate(texts):
            at = OLD + timedelta(days=number)
            scope.add(text, id=f"{name}{number}", created_at=at, tags=[name], metadata={"n": number})
    scope.add("Nothing else is like this sentence about zebras.", id="alone", created_at=OLD)
    scope.add("We picked grapes in the vineyard near Porto again.", id="new", tags=["grapes"])
    scope.add("My vineyard's tax number is secret.", id="vital", tags=["grapes"], created_at=OLD, importance="critical")
    scope.add("Grapes until Friday.", id="ends", tags=["grapes"], created_at=OLD, expires_at=utc_now() + timedelta(9))


def test_what_is_alike_and_old_becomes_one_summary_that_opens_to_it(garden: Garden) -> None:
    """Count, dates, tags and ids of the originals are in it; a search that finds it can open it."""
    fill(garden)
    alice = garden.scope("alice")
    before = {memory.id: memory for memory in alice.list()}
    plan = garden.plan(LOOSE)
    found = [sorted(one.id for one in step.goes) for step in plan]
    assert sorted(found) == [[f"grapes{n}" for n in range(4)], [f"ships{n}" for n in range(3)]]
    assert "4 memories about grapes" in " ".join(step.reason for step in plan)
    assert garden.apply(plan).done == {"summarise": 7}
    hit = alice.search("vineyard grapes Porto", k=5, where={"kind": "summary"})[0]
    assert hit.memory.metadata["original_count"] == 4 and hit.memory.tags == ("grapes",)
    assert hit.memory.metadata["originals"] == [f"grapes{n}" for n in range(4)]
    assert hit.memory.metadata["date_range"] == [(OLD + timedelta(days=n)).isoformat() for n in (0, 3)]
    assert alice.originals(hit.id) == [before[f"grapes{n}"] for n in range(4)]
    assert {memory.id for memory in alice.list() if memory.kind == "note"} == {"alone", "new", "vital", "ends"}


def test_a_summary_can_be_undone(garden: Garden) -> None:
    """When all that it told is back, it is gone; until then it stays and opens to all of it."""
    fill(garden)
    alice = garden.scope("alice")
    before = sorted(alice.list(), key=lambda memory: memory.id)
    garden.apply(garden.plan(LOOSE))
    (archive,) = garden.archives()
    assert archive.cause == "summarised" and garden.restore(archive, ["grapes1"]).restored == 1
    summary = next(memory for memory in alice.list() if memory.metadata.get("original_count") == 4)
    assert [memory.id for memory in alice.originals(summary.id)] == [f"grapes{n}" for n in range(4)]
    assert garden.restore(garden.archives()[0]).restored == 6
    assert sorted(alice.list(), key=lambda memory: memory.id) == before and garden.archives() == []


def test_the_extract_keeps_names_numbers_and_dates_and_is_shorter(garden: Garden) -> None:
    """In order of time, with who spoke; what no chosen sentence holds of names and numbers comes at the end."""
    at = OLD.replace(year=2023, month=5, day=8)
    texts = [*GRAPES, "It rained a lot in the vineyard, and we were wet and tired. Then we met Joana in Gaia."]
    memories = [Memory(text, created_at=at + timedelta(days=n)) for n, text in enumerate(texts)]
    turn = Memory("We sold the grapes.", kind="turn", metadata={"speaker": "Ann"}, created_at=at - timedelta(days=1))
    summary = Extractive(garden._parts.preparer.embed, 0.4)([*memories[::-1], turn])
    assert len(summary) < 0.75 * sum(len(memory.text) for memory in memories)
    for fact in ("Porto", "Miguel", "340", "Joana", "Gaia"):
        assert fact in summary
    dates = [line[1:11] for line in summary.splitlines() if line.startswith("[")]
    assert dates == sorted(dates) and dates[0] >= "2023-05-07"
    assert Extractive(garden._parts.preparer.embed, 1.0)([turn]) == "[2023-05-07] Ann: We sold the grapes."


@pytest.mark.parametrize("wrong", ["", "   ", None, 3, RuntimeError("the model is overloaded")])
def test_a_summariser_that_fails_loses_nothing(garden: Garden, wrong: object) -> None:
    """Its group stays as it was, the report says why, and other groups are told."""
    fill(garden)
    before = garden.scope("alice").list()

    def summarize(memories: Sequence[Memory]) -> str:
        if memories[0].tags == ("ships",):
            return "Ferries and the harbour."
        if isinstance(wrong, Exception):
            raise wrong
        return wrong  # type: ignore[return-value]

    done = garden.apply(garden.plan(LOOSE), summarizer=summarize)
    assert done.done == {"summarise": 3} and set(done.failed) == {f"grapes{n}" for n in range(4)}
    assert all("summariser" in reason for reason in done.failed.values())
    left = {memory.id: memory for memory in garden.scope("alice").list()}
    assert all(left[memory.id] == memory for memory in before if not memory.id.startswith("ships"))
    (archive,) = garden.archives()
    assert archive.count == 3 and garden.maintain().failed == {}


def test_a_summariser_sees_one_scope_at_a_time(garden: Garden) -> None:
    """What it is given together belongs to one user."""
    fill(garden, "alice")
    fill(garden, "bob")
    garden.scope("bob").update("grapes0", metadata={"whose": "bob"})
    seen: list[set[object]] = []

    def summarize(memories: Sequence[Memory]) -> str:
        seen.append({memory.metadata.get("whose") for memory in memories})
        return "told"

    garden.apply(garden.plan(LOOSE, "alice"), summarizer=summarize)
    assert seen == [{None}] * 2 and garden.scopes() == {("alice",): 6, ("bob",): 11}


def test_groups_are_of_the_size_that_was_asked_for(garden: Garden) -> None:
    """No larger, no smaller; what would be left alone stays."""
    alice = garden.scope("alice")
    alice.add_many([Memory(f"The same kind of thing happened again, {n}.", created_at=OLD) for n in range(29)])
    sizes = [len(step.goes) for step in garden.plan(Summarisation(smallest=4, largest=10))]
    assert sum(sizes) == 29 and max(sizes) <= 10 and min(sizes) >= 4
    with pytest.raises(InvalidSetting, match="2 memories or more"):
        Summarisation(smallest=1)


def test_a_summary_stays_where_it_is(garden: Garden) -> None:
    """It is as old as what it tells: no age sends it away, and it is nobody's duplicate, unless its kind is named."""
    fill(garden)
    garden.apply(garden.plan(LOOSE), summarizer=lambda memories: "The same words for each of them.")
    kept = {memory.id for memory in garden.scope("alice").list(where={"kind": "summary"})}
    garden.maintain()
    assert {memory.id for memory in garden.scope("alice").list(where={"kind": "summary"})} == kept and len(kept) == 2
    assert {step.goes[0].id for step in garden.plan(Retention(kinds=("summary",)))} == kept


def test_the_share_of_the_text_is_that_of_the_plan(garden: Garden) -> None:
    """Also where a plan is applied by itself."""
    fill(garden)
    wanted = Summarisation(similarity=0.25, sentences=1.0)
    garden.apply(garden.plan(wanted))
    texts = " ".join(memory.text for memory in garden.scope("alice").list(where={"kind": "summary"}))
    assert all(text in texts for text in (*GRAPES, *SHIPS))


def test_a_summary_whose_originals_are_nowhere_says_so(garden: Garden, tmp_path: Path) -> None:
    """As one that was exported, for archives are not."""
    fill(garden)
    garden.apply(garden.plan(LOOSE))
    garden.export(tmp_path / "all.jsonl", "alice")
    garden.import_(tmp_path / "all.jsonl", scope="bob")
    summary = garden.scope("bob").list(where={"kind": "summary"})[0]
    with pytest.raises(StorageError, match="neither in its archive nor in the garden"):
        garden.scope("bob").originals(summary.id)


def test_another_memory_under_an_originals_id_is_not_that_original(garden: Garden) -> None:
    """The summary stays until what it tells is back."""
    fill(garden)
    garden.apply(garden.plan(LOOSE))
    garden.scope("alice").add("Something new.", id="grapes0")
    done = garden.restore(garden.archives()[0])
    assert set(done.refused) == {"grapes0"}
    (summary,) = garden.scope("alice").list(where={"kind": "summary"})
    assert summary.metadata["original_count"] == 4


def test_only_a_summary_can_be_opened(garden: Garden) -> None:
    """Anything else is an error that says how to find one."""
    garden.scope("alice").add("A note.", id="note")
    for id in ("note", "nothing", "\x00"):
        with pytest.raises(MemoryNotFound, match="no summary"):
            garden.scope("alice").originals(id)


def test_without_scikit_learn_the_error_names_the_extra(garden: Garden, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is optional: what else maintenance does works without."""
    import sys

    fill(garden)
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    with pytest.raises(MissingExtra, match="scikit-learn"):
        garden.plan(LOOSE)
