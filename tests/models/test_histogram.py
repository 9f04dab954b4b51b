"""How much happened when: bars of hours, days, weeks and months in zones whose clocks change."""

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.log.actor import SYSTEM, Actor
from models.log.boundary import began
from models.log.histogram import BARS, MONTHS_MOST, Stretch, edges, histogram, stretch_of
from models.log.record import Action, Subject, record, record_each
from models.organisation import Organisation
from models.transaction import transaction
from tests.support.log import entries, fill
from tests.support.past import happened
from tests.support.statements import statements

ENTRIES = 120
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kolkata", "Pacific/Apia")
moments = st.datetimes(datetime(2010, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


@given(st.sampled_from(Stretch), moments, st.sampled_from(ZONES), st.integers(0, 5000))
def test_the_last_bar_holds_the_moment_and_none_overlap(stretch: Stretch, until: datetime, zone: str, age: int) -> None:
    found = edges(stretch, until, ZoneInfo(zone), until - timedelta(days=age))

    assert found == sorted(found)
    assert found[-2] <= until < found[-1]
    assert len(found) - 1 == BARS.get(stretch, len(found) - 1) <= MONTHS_MOST


@given(moments, st.sampled_from(ZONES))
# In Samoa 26 September 2010 began at 1:00, and there was no 30 December 2011.
@example(datetime(2010, 10, 1, tzinfo=UTC), "Pacific/Apia")
@example(datetime(2012, 1, 5, tzinfo=UTC), "Pacific/Apia")
def test_days_weeks_and_months_begin_with_a_day_of_the_zone(until: datetime, name: str) -> None:
    zone = ZoneInfo(name)

    for stretch in (Stretch.MONTH, Stretch.YEAR, Stretch.ALL):
        for edge in edges(stretch, until, zone, until):
            day = edge.astimezone(zone)
            assert (edge - timedelta(microseconds=1)).astimezone(zone).date() < day.date()
            assert stretch is not Stretch.YEAR or day.weekday() == 0
            assert stretch is not Stretch.ALL or day.day == 1


@pytest.mark.parametrize(
    ("zone", "long", "short"),
    [
        ("Europe/Berlin", "2026-10-25", "2026-03-29"),
        ("America/New_York", "2026-11-01", "2026-03-08"),
        ("Australia/Lord_Howe", "2026-04-05", "2026-10-04"),
    ],
)
def test_a_day_on_which_clocks_change_is_longer_or_shorter(zone: str, long: str, short: str) -> None:
    change = timedelta(minutes=30 if "Howe" in zone else 60)
    for day, lasts in ((long, timedelta(days=1) + change), (short, timedelta(days=1) - change)):
        noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo(zone))
        start, end = edges(Stretch.MONTH, noon, ZoneInfo(zone), noon)[-2:]
        assert end - start == lasts


@pytest.mark.parametrize("zone", ZONES[:3])
def test_hours_are_as_long_as_they_last_when_clocks_change(zone: str) -> None:
    found = edges(Stretch.DAY, datetime(2026, 10, 25, 12, tzinfo=UTC), ZoneInfo(zone), datetime(2026, 1, 1, tzinfo=UTC))

    assert {end - start for start, end in pairwise(found)} == {timedelta(hours=1)}


@pytest.mark.parametrize(
    ("age", "stretch"),
    [
        (timedelta(hours=2), "day"),
        (timedelta(days=3), "month"),
        (timedelta(days=90), "year"),
        (timedelta(days=900), "year"),
    ],
)
def test_without_being_asked_it_shows_all_there_is_up_to_a_year(age: timedelta, stretch: str) -> None:
    assert stretch_of(age) == stretch


@pytest.mark.parametrize("stretch", Stretch)
@pytest.mark.parametrize("zone", ZONES[:3])
def test_each_bar_holds_as_many_entries_as_happened_in_it(
    acme: Organisation, ada: Actor, superuser: psycopg.Connection, stretch: Stretch, zone: str
) -> None:
    fill(acme, ada, ENTRIES - 4)
    until = datetime(2026, 10, 25, 20, tzinfo=UTC)
    # Ever more of them towards the end, and several at once.
    times = [until - timedelta(minutes=(each // 3) ** 4) for each in range(ENTRIES, 0, -1)]
    happened(superuser, acme, times)
    since = began(acme.id)
    assert since == times[0]
    with statements() as sent:
        bars = histogram(acme.id, stretch, until, ZoneInfo(zone), since)

    expected = [bisect_left(times, bar.end) - bisect_left(times, bar.start) for bar in bars]
    assert [bar.entries for bar in bars] == expected
    assert sum(expected) > 0
    assert len(sent) == 2


def test_an_organisation_without_entries_never_began(acme: Organisation) -> None:
    assert began(acme.id + 1) is None


@pytest.mark.parametrize("most", [500, 2])
def test_of_each_bar_it_knows_how_many_were_set_off_by_others(
    acme: Organisation, ada: Actor, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr("models.log.histogram.RUNS_MOST", most)
    scope = Subject(acme.id, "container", 0, "")
    for length in (7, 1, 30, 3):
        with transaction():
            cause = record(ada, Action.UPDATE, acme.subject)
            record_each(SYSTEM, Action.UPDATE, scope, [(each, "c") for each in range(length)], cause=cause)
    log = entries(acme)
    until = datetime(2026, 10, 25, 20, tzinfo=UTC)
    times = [until - timedelta(minutes=25 * each) for each in range(len(log), 0, -1)]
    happened(superuser, acme, times)
    bars = histogram(acme.id, Stretch.DAY, until, ZoneInfo("Europe/Berlin"), times[0])

    expected = [
        sum(bar.start <= at < bar.end and each.cause_number is not None for at, each in zip(times, log, strict=True))
        for bar in bars
    ]
    assert sum(expected) > 2
    assert [bar.caused for bar in bars] == (expected if most == 500 else [None] * len(bars))
