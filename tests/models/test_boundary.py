"""Where moments lie in the log: found by number, whatever the times, and whatever was found before."""

from bisect import bisect_left
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.log import boundary, feed
from models.log.actor import Actor
from models.log.boundary import boundaries
from models.organisation import Organisation
from models.people.user import User
from tests.support.log import entries, fill, found_another
from tests.support.past import happened
from tests.support.statements import statements

ENTRIES = 24
START = datetime(2026, 10, 25, tzinfo=UTC)
# So few different ones that many are equal, among entries and between them and the moments asked for.
times = st.integers(0, 12).map(lambda hours: START + timedelta(hours=hours))


@pytest.fixture
def log(acme: Organisation, ada: Actor) -> Organisation:
    """Acme with 24 entries."""
    fill(acme, ada, ENTRIES - 4)
    return acme


@given(
    st.lists(times, min_size=ENTRIES, max_size=ENTRIES).map(sorted),
    st.lists(times, max_size=8).map(sorted),
    st.lists(st.none() | st.integers(0, ENTRIES + 3), min_size=8, max_size=8),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_before_each_moment_are_as_many_entries_as_happened_before_it(
    log: Organisation,
    superuser: psycopg.Connection,
    at: list[datetime],
    moments: list[datetime],
    guesses: list[int | None],
) -> None:
    happened(superuser, log, at)
    # Whatever is remembered, and however wrong: it must not show.
    for moment, guess in zip(moments, guesses, strict=False):
        if guess is not None:
            boundary.REMEMBERED[log.id, moment] = guess
    expected = [bisect_left(at, moment) for moment in moments]

    assert boundaries(log.id, moments) == expected
    assert boundaries(log.id, moments) == expected


def test_what_was_found_is_looked_at_first_the_next_time(
    log: Organisation, superuser: psycopg.Connection, ada: Actor
) -> None:
    happened(superuser, log, [START + timedelta(hours=each) for each in range(ENTRIES)])
    moment = START + timedelta(hours=7)
    assert boundary.boundary(log.id, moment) == 7
    fill(log, ada, 3)

    assert boundary.REMEMBERED[log.id, moment] == 7
    assert boundary.boundary(log.id, moment) == 7


def test_a_moment_to_come_is_found_anew_as_more_is_written(log: Organisation, ada: Actor) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    assert boundary.boundary(log.id, later) == ENTRIES
    fill(log, ada, 3)

    assert boundary.boundary(log.id, later) == ENTRIES + 3


def test_however_many_moments_there_are_it_is_one_statement(log: Organisation) -> None:
    boundaries(log.id, [START])
    with statements() as sent:
        boundaries(log.id, [START + timedelta(hours=each) for each in range(60)])

    assert len(sent) == 1


def test_organisations_have_boundaries_of_their_own(
    log: Organisation, people: dict[str, User], ada: Actor, superuser: psycopg.Connection
) -> None:
    globex = found_another(people, ada, "globex")
    happened(superuser, log, [START] * ENTRIES)
    tomorrow = START + timedelta(days=1)

    assert (boundary.boundary(log.id, tomorrow), boundary.boundary(globex.id, tomorrow)) == (ENTRIES, 0)
    assert boundary.boundary(globex.id + 1, tomorrow) == 0


def test_what_is_remembered_stays_small(log: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boundary, "REMEMBERED_MOST", 10)
    for each in range(40):
        boundary.boundary(log.id, START + timedelta(hours=each))

    assert len(boundary.REMEMBERED) <= 10


# Pages upwards


@pytest.mark.parametrize("size", [1, 3, 7, ENTRIES - 1, ENTRIES, 50])
def test_pages_upwards_hold_every_entry_once(log: Organisation, size: int) -> None:
    scope, cursor, seen = feed.whole(log.named), "0", list[int]()
    while cursor:
        page = feed.page_above(scope, int(cursor), size)
        seen += [row.number for row in reversed(page.rows)]
        cursor = page.above or ""

    assert seen == [each.number for each in entries(log)]
