"""Time expressions: what a question means by "last month" or "in May 2023", as a wish for what was said then.

English. A small expression finds what can only be a time, so that `may`, `second` and `sat` are none by themselves, and
`dateparser` says which day, week, month or year is meant. What lies ahead ("next week", "tomorrow") is no time at which
anything was said. Most questions name no time, and cost a look at their words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from memgarden.errors import InvalidQuery
from memgarden.ranking import ROUNDING
from memgarden.records import Floats, Ints, to_micros, utc_now

__all__ = ["Period", "boost", "check_now", "periods"]

WEIGHT = 0.5
"""Standard deviations of the fused score. From .25 to 2 those questions to chats that name a time gain, two points of
nDCG@10 to five (`python -m benchmarks.queries`). Kept low all the same: a date is often that of what happened, and not
of when it was told."""

HALF_LIFE = timedelta(days=7)
"""After the end of a period, what is said counts half each week later: what happened then is told soon. Not tuned."""

MONTH = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    "nov(?:ember)?|dec(?:ember)?"
)
DAY = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
YEAR = r"(?:19|20)\d\d"
NUMBER = r"\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
UNIT = "day|week|month|year"
WEEKDAY = "(?:mon|tues|wednes|thurs|fri|satur|sun)day"

# In the order of how much they say: the first that matches at a place is taken.
EXPRESSION = re.compile(
    rf"""(?<![\w-])(?:(?P<side>since|before|after|until|till)\s+)?(?:
      (?P<iso>{YEAR}-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)
    | (?P<date>(?:the\s+)?{DAY}\s+(?:of\s+)?(?:{MONTH})(?:,?\s+{YEAR})?
      |(?:(?<=on\s)|(?!(?-i:may|march|mar)\b))(?:{MONTH})\s+(?:the\s+)?{DAY}(?!\d)(?:,?\s+{YEAR})?)
    | (?P<month>(?:{MONTH}),?\s+(?:of\s+)?{YEAR})
    | (?P<ago>(?:{NUMBER})\s+(?:{UNIT})s?\s+ago)
    | (?:the\s+|these\s+)?(?:last|past)\s+(?P<rolling>(?:{NUMBER})\s+(?:{UNIT})s?)
    | (?P<recent>(?:the\s+day\s+before\s+)?yesterday|today|(?:last|this)\s+(?:week|month|year))
    | (?P<night>last\s+night)
    | (?P<now>tonight|this\s+(?:morning|afternoon|evening))
    | (?:(?:on|last|this)\s+|(?<=since\s)|(?<=before\s)|(?<=after\s)|(?<=until\s)|(?<=till\s))(?P<weekday>{WEEKDAY})
    | (?:(?:in|during|last|this|of)\s+|(?<=since\s)|(?<=before\s)|(?<=after\s)|(?<=until\s)|(?<=till\s))
      (?:early\s+|late\s+|mid[\s-])?(?P<named>(?:{MONTH})(?!,?\s+(?:of\s+|the\s+)?\d)|{YEAR})
    )(?![\w-])""",
    re.VERBOSE | re.IGNORECASE,
)


# One of these, or a digit, is in all that the expression finds, and to look for them costs less.
WORD = re.compile(r"\w+")
DIGIT = re.compile(r"\d")
CUES = frozenset(
    [
        *("ago", "last", "past", "this", "today", "tonight", "yesterday"),
        *(f"{day}day" for day in ("mon", "tues", "wednes", "thurs", "fri", "satur", "sun")),
        *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october"),
        *("november", "december", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec"),
    ]
)


class Period(NamedTuple):
    """A stretch of time `[start, end)`; None is no bound."""

    start: datetime | None
    end: datetime | None


def periods(text: str, now: datetime) -> tuple[Period, ...]:
    """The times that a text names, in its order, seen from `now` (aware) and in its time zone.

    A month or a weekday without a year is the latest that has begun.
    """
    if not _has_cue(text):
        return ()
    found = dict.fromkeys(_period(match, now) for match in EXPRESSION.finditer(text))
    return tuple(period for period in found if period is not None)


def boost(created_at: Ints, wanted: Sequence[Period], scores: Floats) -> tuple[Floats, Floats]:
    """How well the time of each candidate fits, `(1, n)` from 0 to 1, and what it adds to its fused score.

    `created_at` `(n,)` is in microseconds since 1970, `scores` `(n,)` are the fused ones. 1 within a period, half of
    it a week after its end.
    """
    fits = np.max([_fit(created_at, period) for period in wanted], axis=0).astype(np.float32)
    spread = float(scores.std())
    if spread <= ROUNDING * float(np.abs(scores).max()):
        spread = 1.0  # where nothing else tells the candidates apart, their time does
    return fits[np.newaxis], fits[np.newaxis] * np.float32(WEIGHT * spread)


def check_now(now: datetime | None) -> datetime:
    """What times are relative to; the time now for None, `InvalidQuery` for a time without a zone."""
    if now is None:
        return utc_now()
    if not isinstance(now, datetime) or now.utcoffset() is None:
        raise InvalidQuery(f"now is a datetime with a time zone, not {now!r}")
    return now


def _has_cue(text: str) -> bool:
    folded = text.casefold().replace("\u0131", "i").replace("i\u0307", "i")  # the expression takes any i for one
    return DIGIT.search(folded) is not None or not CUES.isdisjoint(WORD.findall(folded))


def _fit(created_at: Ints, period: Period) -> Floats:
    fits = np.ones(len(created_at), np.float32)
    if period.end is not None:
        late = np.maximum(created_at - to_micros(period.end) + 1, 0)
        fits = np.exp2(-late / (HALF_LIFE / timedelta(microseconds=1))).astype(np.float32)
    if period.start is not None:
        fits[created_at < to_micros(period.start)] = 0
    return fits


def _period(match: re.Match[str], now: datetime) -> Period | None:
    kind = match.lastgroup or ""
    words = match[kind]
    if kind == "night":
        words = "yesterday"
    elif kind == "now":
        words = "today"
    elif kind == "rolling":
        begin = _bounds(f"{words} ago", now)
        return None if begin is None else Period(begin[0], now)
    bounds = _bounds(words, now)
    if bounds is None:
        return None
    side = (match["side"] or "").lower()
    if side == "since":
        return Period(bounds[0], None)
    if side == "after":
        return Period(bounds[1], None)
    return Period(None, bounds[0]) if side in ("before", "until", "till") else Period(*bounds)


def _bounds(words: str, now: datetime) -> tuple[datetime, datetime] | None:
    """The day, week, month or year that the words mean; None if there is none, as the 31st of June."""
    parser = _parser()(
        languages=["en"],
        settings={
            "RELATIVE_BASE": now.replace(tzinfo=None),
            "TIMEZONE": "UTC",  # or the machine's is looked up, for nothing, and not every machine has one
            "PREFER_DATES_FROM": "past",
            "PREFER_DAY_OF_MONTH": "first",
            "PREFER_MONTH_OF_YEAR": "first",
        },
    )
    read = parser.get_date_data(words.removeprefix("the "))
    if read.date_obj is None:
        return None
    day = read.date_obj.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=now.tzinfo or UTC)
    try:
        if read.period == "year":
            return day.replace(month=1, day=1), day.replace(year=day.year + 1, month=1, day=1)
        if read.period == "month":
            first = day.replace(day=1)
            return first, (first + timedelta(days=32)).replace(day=1)
        if read.period == "week":
            first = day - timedelta(days=day.weekday())
            return first, first + timedelta(days=7)
        return day, day + timedelta(days=1)
    except (OverflowError, ValueError):  # before the year 1, or after 9999
        return None


@cache
def _parser() -> Any:
    from dateparser.date import DateDataParser  # takes its time: left to the first question that names one

    return DateDataParser
