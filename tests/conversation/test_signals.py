"""What a conversation tells beside a turn's words helps its turns, and can bring in nothing that a mask keeps out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgarden import Garden, InvalidQuery, InvalidSetting, Scope, Signals

START = datetime(2023, 5, 8, 14, tzinfo=UTC)
NONE = Signals(heading=False, window=0, previous=0, following=0, names=False, session=0, speaker=0, stated=0)
CHAT = [
    ("s1", "Caroline", "What did you plant in the garden this spring?"),
    ("s1", "Melanie", "Tomatoes and a fig tree."),
    ("s1", "Caroline", "I love figs. The fig jam of my aunt is famous."),
    ("s2", "Melanie", "The dentist was expensive."),
    ("s2", "Caroline", "Mine too. How much did you pay the dentist?"),
    ("s2", "Melanie", "Ninety euros."),
]


def fill(scope: Scope, chat: list[tuple[str, str, str]] = CHAT) -> None:
    for number, (session, speaker, text) in enumerate(chat):
        message = {"name": speaker, "content": text, "id": f"t{number}", "timestamp": START + timedelta(minutes=number)}
        scope.add_conversation([message], session_id=session)


@pytest.fixture
def alice(tmp_path) -> Scope:
    with Garden.open(tmp_path / "g", embedder="hashing:256", chroma=None) as garden:
        scope = garden.scope("alice")
        fill(scope)
        yield scope


def ids(scope: Scope, query: str, **options: object) -> list[str]:
    return [hit.id for hit in scope.search(query, **options)]  # type: ignore[arg-type]


def shares(scope: Scope, query: str, id: str) -> dict[str, float]:
    hit = next(hit for hit in scope.search(query) if hit.id == id)
    return {leg.leg: leg.share for leg in hit.legs}


def test_a_turn_is_found_by_its_date_and_speaker(alice: Scope) -> None:
    """The day, month and year of a turn and the name of who said it are words of it."""
    lexical = ids(alice, "8 May 2023", mode="lexical")
    assert set(lexical) == {f"t{n}" for n in range(6)}
    assert set(ids(alice, "Melanie", mode="lexical")) == {"t1", "t3", "t5"}


def test_the_text_of_a_turn_stays_what_was_said(alice: Scope) -> None:
    """What is indexed beside the text is not in the hit."""
    assert alice.search("fig tree", k=1)[0].text == "Tomatoes and a fig tree."


def test_a_neighbours_match_helps(alice: Scope) -> None:
    """An answer that shares no word with the question is found through the turn that asked it."""
    assert "t5" in ids(alice, "how much did the dentist cost", k=3)


def test_a_named_speaker_is_preferred(alice: Scope) -> None:
    """Of turns alike the one of the speaker whom the query names comes first, in a possessive and by an alias too."""
    for number, speaker in enumerate(("Caroline", "Melanie")):
        message = {"name": speaker, "content": "My bicycle is green.", "id": speaker, "timestamp": START}
        alice.add_conversation([message], session_id=f"b{number}")
    assert ids(alice, "Melanie's bicycle")[0] == "Melanie"
    assert ids(alice, "CAROLINE bicycle")[0] == "Caroline"
    assert ids(alice, "Mel's bicycle", aliases={"mel": "Melanie"})[0] == "Melanie"
    assert shares(alice, "Mel bicycle", "Melanie")["speaker"] == 0


def test_a_name_is_a_whole_word(alice: Scope) -> None:
    """A name inside another word names nobody."""
    assert shares(alice, "Carolines bicycle Melaniesque", "t1")["speaker"] == 0


def test_a_statement_is_preferred_to_a_question(alice: Scope) -> None:
    """A turn that only asks gets nothing for what it states."""
    assert shares(alice, "dentist garden", "t0")["stated"] == 0
    assert shares(alice, "dentist garden", "t3")["stated"] > 0


def test_names_leave_the_embedded_query(tmp_path) -> None:
    """The embedder sees the question without the speakers' names, and all of a query that is only a name."""
    seen: list[str] = []

    class Spy:
        name, dimension = "spy", 8

        def embed(self, texts, *, query=False):
            seen.extend(texts if query else [])
            return np.eye(8, dtype=np.float32)[[len(text) % 8 for text in texts]]

        def window(self):
            return 256, len

    with Garden.open(tmp_path / "g", embedder=Spy(), chroma=None) as garden:
        fill(garden.scope("alice"))
        garden.scope("alice").search("When did Caroline's aunt meet MELANIE?")
        garden.scope("alice").search("Caroline?")
        garden.scope("bob").add("no conversation")
        garden.scope("bob").search("When did Caroline leave?")
    assert seen == ["When did aunt meet ?", "Caroline?", "When did Caroline leave?"]


def test_context_gives_the_turns_around(alice: Scope) -> None:
    """In order, within the session, as many as there are; none unless asked for."""
    hit = alice.search("fig tree", k=1, context=2)[0]
    assert [turn.id for turn in hit.before] == ["t0"]
    assert [turn.id for turn in hit.after] == ["t2"]
    assert alice.search("fig tree", k=1)[0].before == ()
    assert [turn.id for turn in alice.search("ninety", k=1, context=1)[0].before] == ["t4"]


def test_sessions_are_ranked_by_their_best_turns(alice: Scope) -> None:
    """One hit a session, the better session first, its best turn the hit."""
    hits = alice.search("what did the dentist cost", group_by="session")
    assert [hit.memory.metadata["session_id"] for hit in hits] == ["s2", "s1"]
    assert hits[0].id in ("t3", "t4", "t5")
    assert hits[0].score > hits[1].score


def test_without_signals_a_turn_is_a_document(tmp_path) -> None:
    """With every signal at 0 turns get the scores that the same texts get as documents."""
    with Garden.open(tmp_path / "g", embedder="hashing:256", chroma=None, signals=NONE) as garden:
        fill(garden.scope("turns"))
        for number, (_, _, text) in enumerate(CHAT):
            garden.scope("texts").add(text, id=f"t{number}", created_at=START + timedelta(minutes=number))
        # A turn's vector is that of its line, who said it included, so the dense leg is left out.
        found = [
            [(hit.id, hit.score) for hit in garden.scope(name).search("fig dentist", mode="lexical")]
            for name in ("turns", "texts")
        ]
    assert found[0] == found[1]


def test_an_update_keeps_the_turn_in_its_place(alice: Scope) -> None:
    """A changed turn stays between its neighbours, and a corrected speaker is found by the new name."""
    alice.update("t1", text="Tomatoes and a pear tree.")
    assert [turn.id for turn in alice.session("s1")] == ["t0", "t1", "t2"]
    assert [turn.id for turn in alice.search("pear", k=1, context=1)[0].after] == ["t2"]
    alice.update("t1", metadata={"speaker": "Dora", "session_id": "s1"})
    assert ids(alice, "Dora", mode="lexical") == ["t1"]
    assert shares(alice, "what did Dora say", "t1")["speaker"] > 0


def test_a_turn_told_late_finds_its_place(alice: Scope) -> None:
    """A turn stored after others and said before them stands where it was said, in a warm index too."""
    alice.search("fig")
    late = {"name": "Melanie", "content": "Plums, too.", "id": "late", "timestamp": START + timedelta(seconds=90)}
    alice.add_conversation([late], session_id="s1")
    hit = alice.search("plums", k=1, context=1)[0]
    assert [turn.id for turn in (*hit.before, *hit.after)] == ["t1", "t2"]


def test_a_long_turn_is_one_turn(alice: Scope) -> None:
    """However many chunks it has: in its session, among its neighbours' context, and as a hit."""
    words = " ".join(f"\n\n word{n} and so on." for n in range(400))
    message = {"name": "Melanie", "content": words, "id": "long", "timestamp": START + timedelta(seconds=90)}
    alice.add_conversation([message], session_id="s1")
    assert [turn.id for turn in alice.session("s1")] == ["t0", "t1", "long", "t2"]
    assert [turn.id for turn in alice.search("aunt", k=1, context=2)[0].before] == ["t1", "long"]
    assert ids(alice, "word7 word399").count("long") == 1


def test_a_deleted_turn_leaves_no_gap(alice: Scope) -> None:
    """Its neighbours become each other's, in a warm index and in a new one."""
    alice.search("fig")
    alice.delete("t1")
    assert [turn.id for turn in alice.search("aunt", k=1, context=2)[0].before] == ["t0"]


@pytest.mark.parametrize("options", [{"context": -1}, {"context": True}, {"group_by": "user"}, {"aliases": ["Mel"]}])
def test_bad_options_are_refused(alice: Scope, options: dict[str, object]) -> None:
    """What cannot be asked is an error that says what can."""
    with pytest.raises(InvalidQuery):
        alice.search("fig", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"session": -1}, {"window": 2}, {"stated": float("nan")}])
def test_bad_signals_are_refused(wrong: dict[str, float]) -> None:
    """A weight is finite and not negative."""
    with pytest.raises(InvalidSetting):
        Signals(**wrong)  # type: ignore[arg-type]


words = st.sampled_from(["fig", "dentist", "kayak", "Ann", "Bob", "where?", "[x]", "日本", "🌵"])
turns = st.lists(
    st.tuples(
        st.sampled_from("st"), st.sampled_from(["Ann", "Bob", "C. (D)"]), st.lists(words, min_size=1, max_size=5)
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40)
@given(chat=turns, query=st.lists(words, min_size=1, max_size=4), hidden=st.sets(st.integers(0, 11)))
def test_boosts_bring_in_nothing_masked(chat, query, hidden, tmp_path_factory) -> None:
    """Whatever was said, a filter, a time bound and an expiry hold; what is found warm is found by a new process."""
    folder = tmp_path_factory.mktemp("g")
    asked = " ".join(query)
    with Garden.open(folder, embedder="hashing:32", chroma=None) as garden:
        scope = garden.scope("alice")
        for number, (session, speaker, said) in enumerate(chat):
            at = START + timedelta(minutes=number)
            tags = ["hidden"] if number in hidden else ["shown"]
            message = {"name": speaker, "content": " ".join(said), "id": str(number), "timestamp": at}
            scope.add_conversation([message], session_id=session, tags=tags)
            scope.search(asked)
        garden.scope("bob").add_conversation([{"name": "Ann", "content": asked}], session_id="s")
        shown = [str(number) for number in range(len(chat)) if number not in hidden]
        hits = scope.search(asked, k=20, where={"tags": "shown"})
        assert sorted(hit.id for hit in hits) == sorted(shown)
        for hit in hits:
            assert hit.score == pytest.approx(sum(leg.share for leg in hit.legs), abs=1e-4)
        late = scope.search(asked, k=20, since=START + timedelta(minutes=5))
        assert all(int(hit.id) >= 5 for hit in late)
        warm = [(hit.id, round(hit.score, 4)) for hit in scope.search(asked, k=20)]
    with Garden.open(folder, embedder="hashing:32", chroma=None) as garden:
        assert [(hit.id, round(hit.score, 4)) for hit in garden.scope("alice").search(asked, k=20)] == warm
