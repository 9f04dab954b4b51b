"""`at:` means what the reader's clock showed, also where it was put forward or back."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.log.keys import BadQuery
from models.log.moments import EVER
from models.log.query import moments, parse

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Asia/Kathmandu")
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
FORMATS = {"%Y": 4, "%Y-%m": 7, "%Y-%m-%d": 10, "%Y-%m-%dT%H": 13, "%Y-%m-%dT%H:%M": 16, "%Y-%m-%dT%H:%M:%S": 19}


def found(text: str, zone: str = "Europe/Berlin") -> list[tuple[str, str]]:
    """What a query leaves of the year, as UTC to the minute."""
    spans = moments(parse(text), ZoneInfo(zone), NOW)
    return [(f"{a:%m-%d %H:%M}" if a > EVER[0] else "", f"{b:%m-%d %H:%M}" if b < EVER[1] else "") for a, b in spans]


@given(MOMENTS, MOMENTS, st.sampled_from(sorted(FORMATS)), st.sampled_from(ZONES))
def test_a_moment_is_found_by_what_a_clock_showed_of_it_and_by_nothing_else(
    asked: datetime, other: datetime, form: str, zone: str
) -> None:
    local = asked.astimezone(ZoneInfo(zone))
    spans = moments(parse(f"at:{local:{form}}"), ZoneInfo(zone), NOW)

    def inside(moment: datetime) -> bool:
        return any(first <= moment < last for first, last in spans)

    assert inside(asked)
    assert inside(other) == (f"{other.astimezone(ZoneInfo(zone)):{form}}" == f"{local:{form}}")


@given(MOMENTS, MOMENTS, st.sampled_from(ZONES))
def test_a_range_is_all_from_one_moment_to_another(first: datetime, last: datetime, zone: str) -> None:
    assume(first < last)
    a, b = (each.astimezone(ZoneInfo(zone)) for each in (first, last))
    assume(a.replace(tzinfo=None) <= b.replace(tzinfo=None))
    spans = moments(parse(f"at:{a:%Y-%m-%dT%H:%M}..{b:%Y-%m-%dT%H:%M}"), ZoneInfo(zone), NOW)

    assert len(spans) == 1
    assert spans[0][0] <= first < last < spans[0][1]


@given(MOMENTS, st.sampled_from(ZONES))
def test_what_is_excluded_is_everything_else(asked: datetime, zone: str) -> None:
    day = f"{asked.astimezone(ZoneInfo(zone)):%Y-%m-%d}"
    [within] = moments(parse(f"at:{day}"), ZoneInfo(zone), NOW)

    assert moments(parse(f"-at:{day}"), ZoneInfo(zone), NOW) == [(EVER[0], within[0]), (within[1], EVER[1])]


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("at:2026-11-01", [("10-31 23:00", "11-01 23:00")]),
        ("at:2026-11-01..2026-11-03", [("10-31 23:00", "11-03 23:00")]),
        ("at:>=2026-11-01T08:00", [("11-01 07:00", "")]),
        ("at:>2026-11-01", [("11-01 23:00", "")]),
        ("at:<2026-11-01", [("", "10-31 23:00")]),
        ("at:<=2026-11-01", [("", "11-01 23:00")]),
        ("at:7d", [("11-19 12:00", "")]),
        ("at:2026-11-01T08:00+05:30", [("11-01 02:30", "11-01 02:31")]),
        ("at:2026-11-01,2026-11-03", [("10-31 23:00", "11-01 23:00"), ("11-02 23:00", "11-03 23:00")]),
        ("at:2026-11 -at:2026-11-02..2026-11-30", [("10-31 23:00", "11-01 23:00")]),
        ("at:2026-11-01 at:2026-11-02", []),
    ],
)
def test_at_stands_for_a_time_on_the_readers_clock(text: str, spans: list[tuple[str, str]]) -> None:
    assert found(text) == spans


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("at:2026-10-25T02", [("10-25 00:00", "10-25 02:00")]),
        ("at:2026-10-25T02:30", [("10-25 00:30", "10-25 00:31"), ("10-25 01:30", "10-25 01:31")]),
        ("at:2026-10-25T02:30+02:00", [("10-25 00:30", "10-25 00:31")]),
        ("at:2026-10-25T02:30+01:00", [("10-25 01:30", "10-25 01:31")]),
        ("at:2026-10-25T02:30..2026-10-25T02:40", [("10-25 00:30", "10-25 01:41")]),
        ("at:>2026-10-25T02:59", [("10-25 02:00", "")]),
    ],
)
def test_an_hour_that_clocks_show_twice_is_meant_twice_unless_its_offset_is_given(
    text: str, spans: list[tuple[str, str]]
) -> None:
    assert found(text) == spans


def test_what_a_clock_skips_is_told_apart_from_what_has_no_entries() -> None:
    with pytest.raises(BadQuery, match="No clock in Europe/Berlin ever showed this"):
        found("at:2026-03-29T02:30")


@pytest.mark.parametrize("bound", [">=2026-03-29T02:30", ">2026-03-29T02:30", ">=2026-03-29T03:00"])
def test_a_range_that_begins_in_what_a_clock_skips_begins_right_after_it(bound: str) -> None:
    assert found(f"at:{bound}") == [("03-29 01:00", "")]


def test_the_last_hours_reach_until_now_and_further() -> None:
    [(first, last)] = moments(parse("at:2h"), ZoneInfo("UTC"), NOW)

    assert first == NOW - timedelta(hours=2)
    assert last == EVER[1]
