"""How much happened in each hour, day, week or month: exact, and without counting an entry."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from itertools import accumulate, pairwise

from sqlalchemy import text

from models.database import read
from models.log.boundary import boundaries

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# More of them would cost more than the bars themselves.
RUNS_MOST = 500
# A month more or less on either side of ten years.
MONTHS_MOST = 120


class Stretch(StrEnum):
    """How much time a histogram shows, from which follows what a bar of it stands for."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"
    ALL = "all"

    @property
    def unit(self) -> str:
        """What one bar stands for."""
        return {Stretch.DAY: "hour", Stretch.MONTH: "day", Stretch.YEAR: "week", Stretch.ALL: "month"}[self]


BARS = {Stretch.DAY: 24, Stretch.MONTH: 31, Stretch.YEAR: 53}
LASTS = {Stretch.DAY: DAY, Stretch.MONTH: 31 * DAY}


@dataclass(frozen=True)
class Bar:
    """One hour, day, week or month, up to but without its end, and how many entries it holds."""

    start: datetime
    end: datetime
    entries: int
    caused: int | None
    """How many of them were set off by another entry; None where that would not come for free."""


def stretch_of(age: timedelta) -> Stretch:
    """Returns the shortest one that holds all that happened in that time; a year at most."""
    return next((stretch for stretch, lasts in LASTS.items() if age <= lasts), Stretch.YEAR)


def histogram(organisation_id: int, stretch: Stretch, until: datetime, zone: tzinfo, since: datetime) -> list[Bar]:
    """Counts the entries of each bar of a stretch, the last of which holds `until`; all as of one instant.

    `since` is when the log began, which is where `Stretch.ALL` begins. Days, weeks and months are those of the zone.
    """
    found = edges(stretch, until, zone, since)
    numbers = boundaries(organisation_id, found)
    entries = [last - first for first, last in pairwise(numbers)]
    caused: Sequence[int | None] = _caused(organisation_id, numbers) or [None] * len(entries)
    return [
        Bar(*ends, *counts) for ends, counts in zip(pairwise(found), zip(entries, caused, strict=True), strict=True)
    ]


def _caused(organisation_id: int, numbers: Sequence[int]) -> list[int] | None:
    """How many entries between two numbers each were set off by others; None where too many runs would tell."""
    values = {"organisation": organisation_id, "low": numbers[0], "high": numbers[-1], "limit": RUNS_MOST + 1}
    runs = read(RUNS, values)
    if len(runs) > RUNS_MOST:
        return None
    first_numbers = [first for first, _ in runs]
    before = [0, *accumulate(last - first + 1 for first, last in runs)]

    def until(number: int) -> int:
        begun = bisect_right(first_numbers, number)
        return before[begun] - max(0, runs[begun - 1][1] - number) if begun else 0

    totals = [until(number) for number in numbers]
    return [last - first for first, last in pairwise(totals)]


def edges(stretch: Stretch, until: datetime, zone: tzinfo, since: datetime) -> list[datetime]:
    """Returns where the bars of a stretch begin, and where the last one, which holds `until`, ends; in UTC."""
    local = until.astimezone(zone)
    if stretch is Stretch.DAY:
        # Hours as they pass, and not as clocks show them, which skip one and repeat another.
        end = local.replace(minute=0, second=0, microsecond=0).astimezone(UTC) + HOUR
        return [end - each * HOUR for each in range(BARS[stretch], -1, -1)]
    if stretch is Stretch.ALL:
        latest, first = _month_of(local.date()), _month_of(since.astimezone(zone).date())
        count = min(max(latest - first, 0) + 1, MONTHS_MOST)
        days = [_first_of(latest + 1 - each) for each in range(count, -1, -1)]
    elif stretch is Stretch.YEAR:
        monday = local.date() - local.weekday() * DAY
        days = [monday + 7 * DAY - each * 7 * DAY for each in range(BARS[stretch], -1, -1)]
    else:
        days = [local.date() + DAY - each * DAY for each in range(BARS[stretch], -1, -1)]
    return [datetime.combine(day, time.min, zone).astimezone(UTC) for day in days]


def _month_of(day: date) -> int:
    """Its month, counted from the year 0."""
    return day.year * 12 + day.month - 1


def _first_of(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


# Runs do not overlap: before the first of them, at most one reaches into what is looked at.
RUNS = text("""
    (SELECT first_number, last_number FROM activity_runs
      WHERE organisation_id = :organisation AND first_number <= :low ORDER BY first_number DESC LIMIT 1)
    UNION ALL
    (SELECT first_number, last_number FROM activity_runs
      WHERE organisation_id = :organisation AND first_number > :low AND first_number <= :high
      ORDER BY first_number LIMIT :limit)
""")
