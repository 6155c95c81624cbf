"""A time that a question names is a wish: it moves what was said then up, and brings in nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from memgarden import Garden, InvalidQuery, Memory
from memgarden.retrieve import times
from memgarden.retrieve.query import Mode
from memgarden.retrieve.times import Period, periods

NOW = datetime(2024, 5, 15, 12, 30, tzinfo=UTC)  # a Wednesday


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("what did I say yesterday?", "2024-05-14", "2024-05-15"),
        ("the day before yesterday", "2024-05-13", "2024-05-14"),
        ("what happened last night", "2024-05-14", "2024-05-15"),
        ("This morning", "2024-05-15", "2024-05-16"),
        ("last week", "2024-05-06", "2024-05-13"),
        ("this week", "2024-05-13", "2024-05-20"),
        ("who came last month?", "2024-04-01", "2024-05-01"),
        ("last year", "2023-01-01", "2024-01-01"),
        ("three weeks ago", "2024-04-22", "2024-04-29"),
        ("2 days ago", "2024-05-13", "2024-05-14"),
        ("a year ago", "2023-01-01", "2024-01-01"),
        ("in May 2023", "2023-05-01", "2023-06-01"),
        ("May 2023", "2023-05-01", "2023-06-01"),
        ("in December", "2023-12-01", "2024-01-01"),
        ("last june", "2023-06-01", "2023-07-01"),
        ("on 7 May 2023", "2023-05-07", "2023-05-08"),
        ("on October 13, 2023", "2023-10-13", "2023-10-14"),
        ("the 5th of June", "2023-06-05", "2023-06-06"),
        ("2023-05-07", "2023-05-07", "2023-05-08"),
        ("2023-12", "2023-12-01", "2024-01-01"),
        ("in 2022", "2022-01-01", "2023-01-01"),
        ("on Friday", "2024-05-10", "2024-05-11"),
        ("last Monday", "2024-05-13", "2024-05-14"),
        ("since March", "2024-03-01", None),
        ("after 7 May 2023", "2023-05-08", None),
        ("before 10 April 2023", None, "2023-04-10"),
        ("until last week", None, "2024-05-06"),
        ("29 February 2024", "2024-02-29", "2024-03-01"),
    ],
)
def test_a_time_is_the_day_week_month_or_year_that_is_meant(text: str, start: str | None, end: str | None) -> None:
    """Seen from a Wednesday in May 2024: what has no year is the latest that has begun."""
    assert periods(text, NOW) == (Period(start and day(start), end and day(end)),)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "how may I help you in a second?",
        "she sat in the sun and may march on",
        "may 2 people come",
        "Mondays are hard",
        "what about June?",
        "next week, tomorrow, in three days",
        "room 2023",
        "on 31 June",
        "29 February 2023",
        "the 2023-05-07T12 log",
        "model-2023-05",
        "last summer",
        "",
        "100 years",
        "April",
    ],
)
def test_what_is_no_time_is_none(text: str) -> None:
    """Words that are also months or weekdays, days that there are not, and what lies ahead."""
    assert periods(text, NOW) == ()


def test_the_last_days_reach_up_to_now() -> None:
    """`the last 3 weeks` is no calendar week."""
    assert periods("in the last 3 weeks", NOW) == (Period(day("2024-04-22"), NOW),)


def test_several_times_are_all_meant() -> None:
    """In the order of the text, each once."""
    found = periods("in May 2023 or yesterday, or in may 2023", NOW)
    assert [period.start for period in found] == [day("2023-05-01"), day("2024-05-14")]


def test_days_are_those_of_the_zone_of_now() -> None:
    """Yesterday in Auckland is another day, and a day of the change of clocks has 23 hours."""
    auckland = NOW.astimezone(ZoneInfo("Pacific/Auckland"))
    (period,) = periods("yesterday", auckland)
    assert period.start is not None and period.start.isoformat() == "2024-05-15T00:00:00+12:00"
    (period,) = periods("yesterday", datetime(2024, 4, 1, 12, tzinfo=ZoneInfo("Europe/Lisbon")))
    assert period.start is not None and period.end is not None
    assert period.end.astimezone(UTC) - period.start.astimezone(UTC) == timedelta(hours=23)


@settings(max_examples=200)
@given(
    text=st.lists(
        st.sampled_from(
            [
                "may",
                "2023",
                "7th",
                "31",
                "of",
                "February",
                "last",
                "past",
                "this",
                "week",
                "ago",
                "0",
                "99",
                "999",
                "years",
                "a",
                "before",
                "since",
                "on",
                "Friday",
                ",",
                "-",
                "2024-13",
                "yesterday",
                "June",
                "the",
                "1900",
                "2099",
                "until",
                "night",
                "two",
            ]
        ),
        max_size=8,
    ).map(" ".join),
    now=st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=st.just(UTC)),
)
def test_whatever_is_asked_periods_are_in_order(text: str, now: datetime) -> None:
    """At the ends of the calendar too: a start before its end, with the zone of now."""
    for start, end in periods(text, now):
        assert (start or end) is not None and (start is None or end is None or start < end)
        assert all(bound is None or bound.utcoffset() is not None for bound in (start, end))


def fill(garden: Garden) -> None:
    garden.scope("alice").add_many(
        [
            Memory("I planted an olive.", id="april", created_at=day("2024-04-20")),
            Memory("I planted an olive.", id="march", created_at=day("2024-03-20")),
            Memory("I planted an olive.", id="may", created_at=day("2024-05-03")),
            Memory("The plum cake is in the oven.", id="cake", created_at=day("2024-04-20")),
        ]
    )


def test_of_equals_those_of_the_time_come_first(garden: Garden) -> None:
    """What was told soon after it comes before the rest; each hit says what its time gave it."""
    fill(garden)
    found = garden.scope("alice").search("who planted an olive last month?", now=NOW)
    assert [hit.id for hit in found][:3] == ["april", "may", "march"]
    given = {hit.id: next(leg for leg in hit.legs if leg.leg == "time") for hit in found}
    assert given["april"].score == 1 and given["march"].score == given["march"].share == 0
    assert 0.5 < given["may"].score < 1 and given["may"].share > 0
    for hit in found:
        assert hit.score == pytest.approx(sum(leg.share for leg in hit.legs), abs=1e-5)


@pytest.mark.parametrize(("mode", "alpha"), [("lexical", None), ("dense", None), ("hybrid", 0.0), ("hybrid", 1.0)])
def test_a_leg_that_is_asked_alone_keeps_its_own_scores(garden: Garden, mode: Mode, alpha: float | None) -> None:
    """BM25 or cosines, which `min_score` means, whatever time is named."""
    fill(garden)
    asked = "who planted an olive last month?"
    found = garden.scope("alice").search(asked, now=NOW, mode=mode, alpha=alpha)
    assert found == garden.scope("alice").search(asked, mode=mode, alpha=alpha, times=False)
    assert {hit.id for hit in found} >= {"april", "march", "may"} and all(len(hit.legs) == 1 for hit in found)


def test_a_time_outweighs_no_match(garden: Garden) -> None:
    """It is soft: what was said then about something else stays below."""
    fill(garden)
    garden.scope("alice").delete(["april", "may"])
    found = garden.scope("alice").search("who planted an olive last month?", now=NOW)
    assert [hit.id for hit in found] == ["march", "cake"]


def test_without_a_time_or_where_it_is_not_wanted_nothing_changes(garden: Garden) -> None:
    """The scores are the same, and so is the order."""
    fill(garden)
    scope = garden.scope("alice")
    assert scope.search("planted olive", now=NOW) == scope.search("planted olive", times=False)
    assert "time" not in {leg.leg for leg in scope.search("olive yesterday", times=False, now=NOW)[0].legs}


def test_now_is_the_time_of_the_search_unless_it_is_given(garden: Garden) -> None:
    """And what ages count from, for rerankers."""
    scope = garden.scope("alice")
    today = datetime.now(UTC)
    scope.add("olive", id="old", created_at=today - timedelta(days=400))
    scope.add("olive", id="new", created_at=today - timedelta(days=1))
    assert scope.search("olive, yesterday or today")[0].id == "new"
    seen: list[datetime] = []
    scope.search("olive", now=NOW, reranker=lambda shortlist: [seen.append(shortlist.now) or 0.0 for _ in "12"])
    assert seen[0] == NOW


@pytest.mark.parametrize("wrong", [datetime(2024, 5, 15), "today", 3])
def test_a_now_without_a_zone_is_refused(garden: Garden, wrong: object) -> None:
    """As `since` is."""
    with pytest.raises(InvalidQuery, match="now is a datetime with a time zone"):
        garden.scope("alice").search("olive", now=wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidQuery, match="times is True or False"):
        garden.scope("alice").search("olive", times="yes")  # type: ignore[arg-type]


@settings(max_examples=25)
@given(
    ages=st.lists(st.integers(0, 800), min_size=1, max_size=10),
    hidden=st.sets(st.integers(0, 9)),
    query=st.sampled_from(["olive last month", "in May 2023", "olive since yesterday", 'before last week "olive 1"']),
    now=st.sampled_from([NOW, NOW - timedelta(days=3000), NOW + timedelta(days=3000)]),
    mode=st.sampled_from(["hybrid", "lexical", "dense"]),
)
def test_a_boost_brings_in_nothing_masked(
    ages: list[int], hidden: set[int], query: str, now: datetime, mode: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A filter, a time bound, a phrase, an expiry and a scope hold, whatever `now` is said to be."""
    with Garden.open(tmp_path_factory.mktemp("g"), embedder="hashing:32", chroma=None) as garden:
        scope = garden.scope("alice")
        garden.scope("bob").add(query, id="bob", created_at=NOW - timedelta(days=30))
        for n, age in enumerate(ages):
            at = NOW - timedelta(days=age)
            text = f"olive {n} in May 2023 last month since yesterday before last week"
            scope.add(text, id=str(n), created_at=at, tags=["hidden" if n in hidden else "shown"])
        gone = NOW - timedelta(days=30)
        scope.add(
            "olive 1 in May last month", id="gone", created_at=gone, expires_at=gone + timedelta(1), tags=["shown"]
        )
        asked: dict[str, Any] = {
            "k": 30,
            "where": {"tags": "shown"},
            "since": NOW - timedelta(days=500),
            "mode": mode,
        }
        found = scope.search(query, now=now, **asked)
        plain = scope.search(query, **asked)
        allowed = {str(n) for n, age in enumerate(ages) if n not in hidden and age <= 500}
        assert {hit.id for hit in found} == {hit.id for hit in plain} == (allowed & {"1"} if '"' in query else allowed)


MONTHS = "jan feb mar apr may jun jul aug sep sept oct nov dec january february march april june july august september"
NAMED = [*(f"in {month}" for month in f"{MONTHS} october november december".split())]
DAYS = [f"on {day}day" for day in ("mon", "tues", "wednes", "thurs", "fri", "satur", "sun")]


@pytest.mark.parametrize(
    "text",
    [
        *[
            "yesterday",
            "today",
            "tonight",
            "last week",
            "this week",
            "two weeks ago",
            "the past two days",
            "last night",
        ],
        *DAYS,
        *NAMED,
    ],
)
def test_each_cue_is_enough(text: str) -> None:
    """Of those that stand alone, without a digit."""
    assert periods(text, NOW)


@given(
    words=st.lists(
        st.sampled_from(
            [
                *("since", "before", "on", "in", "the", "last", "past", "this", "early", "day", "days", "week", "3"),
                *(
                    "three",
                    "an",
                    "ago",
                    "5th",
                    "of",
                    ",",
                    "olive",
                    "May",
                    "may",
                    "Sept",
                    "March",
                    "7,",
                    "2023",
                    "2023-05",
                ),
                *("yesterday", "today", "tonight", "night", "evening", "Monday", "FRIDAY"),
                *("three weeks ago", "the past two days", "last night", "this Evening", "on Tuesday", "until March"),
            ]
        ),
        min_size=1,
        max_size=6,
    ),
    between=st.sampled_from(["", " ", "-"]),
)
@example(words=["La\u017ft", "wee\u212a"], between=" ")
@example(words=["on", "FR\u0130DAY"], between=" ")
@example(words=["in", "apr\u0131l"], between=" ")
def test_nothing_is_missed_for_want_of_a_cue(words: list[str], between: str) -> None:
    """What the expression finds holds a word that it is looked for by."""
    text = between.join(words)
    assert times.EXPRESSION.search(text) is None or times._has_cue(text)


def test_threads_read_the_same_times_as_one_does() -> None:
    """Each from where it stands, for the parser is safe to share."""
    said = ["yesterday", "in May 2023", "three weeks ago", "last month", "on 5 June 2022", "in March"]
    asked = [(text, NOW - timedelta(days=40 * n)) for n in range(9) for text in said]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda one: periods(*one), asked))
    assert found == [periods(*one) for one in asked] and len(set(found)) > 20


@pytest.mark.parametrize("zone", ["UTC0", "CET-1CEST", "Foo/Bar", ":/nonexistent"])
def test_the_zone_of_the_machine_makes_no_difference(zone: str) -> None:
    """Not even one that there is not."""
    code = (
        "from datetime import datetime, UTC; from memgarden.retrieve.times import periods\n"
        "print(periods('on 5 May 2023', datetime.now(UTC))[0].start)"
    )
    command = [sys.executable, "-W", "error::FutureWarning", "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "TZ": zone})
    assert run.stdout.strip() == "2023-05-05 00:00:00+00:00", run.stderr


def test_the_parser_is_loaded_by_the_first_question_that_names_a_time() -> None:
    """Neither by the import nor by a question without one."""
    code = (
        "import sys; from datetime import datetime, UTC; from memgarden.retrieve.times import periods\n"
        "periods('where is it?', datetime.now(UTC)); print('dateparser' in sys.modules)\n"
        "periods('yesterday', datetime.now(UTC)); print('dateparser' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert run.stdout.split() == ["False", "True"]
