"""When something that runs is said to fail, and to have recovered: few words, and the right ones."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from models.jobs.watch import CALM, Vitals, Watch, lasting, look

BEGIN = datetime(2026, 11, 26, 20, 0, tzinfo=UTC)
ROUND, MINUTE, HOUR = timedelta(seconds=30), timedelta(minutes=1), timedelta(hours=1)
HANDFUL = 7


class Thing:
    """Something with one instance that is looked at again and again."""

    def __init__(self, made_at: datetime = BEGIN, revision: int = 1) -> None:
        self.watch: Watch | None = None
        self.told: list[str] = []
        self._made_at, self._revision = made_at, revision

    def looked_at(self, after: timedelta, restarts: int, name: str = "a", **more: object) -> "Thing":
        """It is looked at, so long after the beginning."""
        now = BEGIN + after
        vitals = Vitals(name, self._made_at, restarts)._replace(**more)  # type: ignore[arg-type]
        before, self.watch = self.watch, look(self.watch, self._revision, {name}, [vitals], now)
        if self.watch and self.watch.began_to_fail(before):
            self.told.append(f"fails: {self.watch.describe(now)}")
        if self.watch and self.watch.has_recovered(before):
            self.told.append("recovered")
        return self

    def deployed_again(self) -> "Thing":
        """Another revision serves."""
        self._revision += 1
        return self


def rounds(span: timedelta) -> Iterator[timedelta]:
    """The moments of the rounds in a span."""
    at = ROUND
    while at <= span:
        yield at
        at += ROUND


def test_one_that_never_ends_needs_no_watch() -> None:
    thing = Thing()
    for at in rounds(HOUR):
        assert thing.looked_at(at, 0).watch is None


def test_one_crash_is_no_failure_and_three_are_one() -> None:
    thing = Thing().looked_at(ROUND, 1, exit_code=3).looked_at(2 * ROUND, 2, exit_code=3)
    assert thing.told == []
    thing.looked_at(3 * ROUND, 3, exit_code=3)

    assert thing.told == ["fails: restarting: 3 times in 60 s, last exit 3"]


def test_one_that_ends_again_and_again_is_told_once_all_night() -> None:
    thing = Thing()
    for nth, at in enumerate(rounds(10 * HOUR), 1):
        thing.looked_at(at, nth * 2, exit_code=137)

    assert len(thing.told) == 1
    assert thing.watch
    assert thing.watch.describe(BEGIN + 10 * HOUR) == "restarting: 2,400 times in 10 h, last exit 137"


def test_restarts_before_the_first_look_count_since_it_was_made() -> None:
    assert Thing().looked_at(timedelta(seconds=100), 8, exit_code=137).told == [
        "fails: restarting: 8 times in 100 s, last exit 137"
    ]


def test_what_happened_long_before_the_first_look_is_no_news() -> None:
    thing = Thing(made_at=BEGIN - 30 * 24 * HOUR)
    for at in rounds(HOUR):
        thing.looked_at(at, 17)
    assert thing.told == []
    for nth in (1, 2, 3):
        thing.looked_at(HOUR + nth * MINUTE, 17 + nth)

    assert thing.told == ["fails: restarting: 3 times in 2 min"]


def test_out_of_memory_is_told_at_once() -> None:
    thing = Thing().looked_at(ROUND, 1, exit_code=137, out_of_memory_at=BEGIN + timedelta(seconds=9))

    assert thing.told == ["fails: restarting: once, last exit 137, out of memory"]


def test_a_kernel_that_is_heard_before_the_restart_is_counted_is_remembered_until_another_end() -> None:
    thing = Thing().looked_at(ROUND, 0, out_of_memory_at=BEGIN)
    assert thing.told == ["fails: out of memory"]
    thing.looked_at(2 * ROUND, 1, exit_code=137, out_of_memory_at=BEGIN)
    assert thing.watch
    assert thing.watch.describe(BEGIN + 2 * ROUND) == "restarting: once, last exit 137, out of memory"
    thing.looked_at(3 * ROUND, 2, exit_code=1, out_of_memory_at=BEGIN)

    assert thing.watch.describe(BEGIN + 3 * ROUND) == "restarting: 2 times in 60 s, last exit 1"


def test_a_process_inside_of_it_that_is_out_of_memory_is_told_too_and_once() -> None:
    thing = Thing()
    for at in rounds(5 * MINUTE):
        thing.looked_at(at, 0, out_of_memory_at=BEGIN)

    assert thing.told == ["fails: out of memory"]


def test_a_health_check_that_fails_is_told_and_its_recovery_after_ten_calm_minutes() -> None:
    thing = Thing().looked_at(ROUND, 0, unhealthy=True).looked_at(2 * ROUND, 0)
    assert thing.told == ["fails: its health check fails"]
    assert thing.watch
    assert thing.watch.describe(BEGIN + 2 * ROUND) == "up again for 30 s, after it failed its health check"
    thing.looked_at(CALM, 0)
    assert thing.watch.describe(BEGIN + 5 * MINUTE) == "up again for 4 min, after it failed its health check"
    thing.looked_at(CALM + ROUND, 0)

    assert thing.told[1:] == ["recovered"]


@pytest.mark.parametrize("well_for", [MINUTE, 6 * MINUTE, 11 * MINUTE, 45 * MINUTE, 100 * MINUTE])
def test_one_that_flaps_all_night_makes_a_handful_of_entries(well_for: timedelta) -> None:
    thing, restarts, well_since = Thing(), 0, timedelta()
    for at in rounds(10 * HOUR):
        if at - well_since > well_for:
            restarts += 1
        if at - well_since > well_for + 3 * MINUTE:
            well_since = at
        thing.looked_at(at, restarts)

    assert 1 <= len(thing.told) <= HANDFUL
    assert all(one != next_one for one, next_one in zip(thing.told, thing.told[1:], strict=False))


@given(some.lists(some.sampled_from(["well", "crash", "sick", "gone"]), min_size=1, max_size=600))
def test_whatever_happens_what_is_told_alternates_and_is_little(events: list[str]) -> None:
    thing, restarts = Thing(), 0
    for nth, event in enumerate(events, 1):
        restarts += event == "crash"
        if event != "gone":
            thing.looked_at(nth * MINUTE, restarts, unhealthy=event == "sick")

    assert [told.startswith("fails") for told in thing.told] == [nth % 2 == 0 for nth in range(len(thing.told))]
    assert len(thing.told) <= HANDFUL


def test_a_day_without_failing_is_forgiven() -> None:
    def fail_and_recover(thing: Thing, at: timedelta, needed: timedelta) -> None:
        thing.looked_at(at, 0, unhealthy=True).looked_at(at + needed - ROUND, 0)
        assert len(thing.told) % 2 == 1
        thing.looked_at(at + needed, 0)
        assert len(thing.told) % 2 == 0

    thing = Thing()
    fail_and_recover(thing, MINUTE, CALM)
    fail_and_recover(thing, HOUR, 4 * CALM)
    fail_and_recover(thing, 5 * HOUR, 16 * CALM)
    fail_and_recover(thing, 40 * HOUR, CALM)


def test_another_deployment_begins_anew_and_what_was_made_anew_is_the_same_one() -> None:
    thing = Thing().looked_at(ROUND, 5).deployed_again().looked_at(2 * ROUND, 0, name="b")
    assert thing.watch
    assert (thing.watch.failing_since, len(thing.told)) == (None, 1)
    thing.looked_at(3 * ROUND, 2, name="b").looked_at(4 * ROUND, 1, name="c")

    assert thing.told[1:] == ["fails: restarting: 3 times in 2 min"]


def test_a_count_that_begins_anew_takes_nothing_back() -> None:
    thing = Thing().looked_at(ROUND, 2).looked_at(2 * ROUND, 0).looked_at(3 * ROUND, 1)

    assert thing.told == ["fails: restarting: 3 times in 90 s"]


@pytest.mark.parametrize(
    ("span", "told"),
    [
        (timedelta(), "0 s"),
        (timedelta(seconds=100), "100 s"),
        (timedelta(seconds=150), "2 min"),
        (timedelta(hours=3), "3 h"),
        (timedelta(days=2, hours=5), "2 days"),
    ],
)
def test_a_span_is_said_in_one_unit(span: timedelta, told: str) -> None:
    assert lasting(span) == told
