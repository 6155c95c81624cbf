"""Whatever a question says and however it is put, a search finds only what it may find."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgarden import Garden

START = datetime(2023, 5, 8, 14, tzinfo=UTC)
words = st.sampled_from(["fig", "olive", "Ann", "Bob", "where", "yesterday", "last month", "in May 2023", '"fig"', "?"])
turns = st.lists(
    st.tuples(st.sampled_from("st"), st.sampled_from(["Ann", "Bob"]), st.lists(words, min_size=1, max_size=5)),
    min_size=1,
    max_size=10,
)


@settings(max_examples=40)
@given(
    chat=turns,
    asked=st.lists(st.lists(words, min_size=1, max_size=4).map(" ".join), min_size=1, max_size=3),
    hidden=st.sets(st.integers(0, 9), max_size=3),
    expired=st.sets(st.integers(0, 9), max_size=3),
    expander=st.sampled_from(["prf", "templates", lambda query: ["olive", 'Bob "olive"'], ()]),
    mode=st.sampled_from(["hybrid", "lexical", "dense"]),
    group_by=st.sampled_from(["memory", "session"]),
    now=st.sampled_from([START, START + timedelta(days=1), START + timedelta(days=4000)]),
)
def test_phrases_expansions_times_and_signals_bring_in_nothing_masked(
    chat: list[tuple[str, str, list[str]]],
    asked: list[str],
    hidden: set[int],
    expired: set[int],
    expander: object,
    mode: str,
    group_by: str,
    now: datetime,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Together, in a conversation: filter, time bound, expiry and scope hold; the same question has the same answer."""
    with Garden.open(tmp_path_factory.mktemp("g"), embedder="hashing:32", chroma=None) as garden:
        scope = garden.scope("alice")
        allowed = set()
        for n, (session, speaker, said) in enumerate(chat):
            scope.add(
                " ".join(said),
                id=str(n),
                metadata={"speaker": speaker, "session_id": session},
                tags=["hidden" if n in hidden else "shown"],
                created_at=START + timedelta(minutes=n),
                expires_at=START + timedelta(hours=1) if n in expired else None,
            )
            if n >= 2 and n not in hidden | expired:
                allowed.add(str(n))
        garden.scope("bob").add_conversation([{"name": "Ann", "content": text, "id": "bob"} for text in asked])
        options: dict[str, object] = {
            "k": 20, "where": {"tags": "shown"}, "since": START + timedelta(minutes=2), "mode": mode,
            "group_by": group_by, "times": True, "now": now,
        }  # fmt: skip
        one = scope.search(asked[0], expander=expander, **options)  # type: ignore[arg-type]
        if mode == "lexical" or '"' in asked[0] or group_by == "session":
            assert {hit.id for hit in one} <= allowed
        else:  # vectors are near to everything, so that what is missing would be seen
            assert {hit.id for hit in one} == allowed
        assert one == scope.search(asked[0], expander=expander, **options)  # type: ignore[arg-type]
        several = scope.multi_query(asked, **options)  # type: ignore[arg-type]
        assert {hit.id for hit in several} <= allowed
        for hits, texts in ((one, asked[:1]), (several, asked)):
            quoting = any('"fig"' in text for text in texts)
            assert all("fig" in hit.memory.text or not quoting for hit in hits)
