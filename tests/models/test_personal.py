"""A person's own feed, over all the organisations they belong to now."""

import base64
import json
from datetime import UTC, datetime

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.log import personal
from models.log.actor import SYSTEM, Actor
from models.log.feed import OrganisationName, Page
from models.log.personal import Cursor
from models.log.record import Action, record
from models.organisation import Organisation
from models.people.member import find_member
from models.people.standing import organisations_of
from models.people.user import User
from models.transaction import transaction
from tests.support.invitations import join
from tests.support.log import fill, found_another, unfolded


def all_pages(user: User, mine: list[OrganisationName], size: int) -> list[Page]:
    """From the newest to the oldest, as someone presses "Load older"."""
    pages = [personal.page(user.id, mine, size=size)]
    while pages[-1].older:
        pages.append(personal.page(user.id, mine, Cursor.parse(pages[-1].older), size))
    return pages


def test_a_person_sees_what_they_did_and_nobody_elses_deeds(
    acme: Organisation, people: dict[str, User], ada: Actor, grace: Actor
) -> None:
    with transaction():
        acme.create_project(grace, name="Hers", handle="hers")

    rows = unfolded(personal.page(people["grace"].id, organisations_of(people["grace"].id)))
    assert [row.resource_name for row in rows] == ["Hers"]
    assert len(personal.page(people["ada"].id, organisations_of(people["ada"].id)).rows) == 4


def test_the_system_is_nobodys_feed(acme: Organisation, people: dict[str, User]) -> None:
    with transaction():
        record(SYSTEM, Action.UPDATE, acme.subject)

    assert len(personal.page(people["ada"].id, organisations_of(people["ada"].id)).rows) == 4


def test_it_runs_over_all_organisations_by_time(acme: Organisation, people: dict[str, User], ada: Actor) -> None:
    globex = found_another(people, ada, "globex")
    for number in range(3):
        for organisation in (acme, globex):
            with transaction():
                organisation.create_project(ada, name=f"P{number}", handle=f"p{number}")

    rows = unfolded(personal.page(people["ada"].id, organisations_of(people["ada"].id), size=6))
    assert [(row.organisation.handle, row.resource_name) for row in rows] == [
        ("globex", "P2"),
        ("acme", "P2"),
        ("globex", "P1"),
        ("acme", "P1"),
        ("globex", "P0"),
        ("acme", "P0"),
    ]


def test_a_removed_member_loses_the_feed_at_once(
    acme: Organisation, people: dict[str, User], ada: Actor, grace: Actor
) -> None:
    with transaction():
        acme.create_project(grace, name="Hers", handle="hers")
    with transaction():
        find_member(acme.id, people["grace"].id).remove(ada)

    assert personal.page(people["grace"].id, organisations_of(people["grace"].id)) == Page([], None, head=0)


def test_who_comes_back_sees_what_they_did_before(
    acme: Organisation, people: dict[str, User], ada: Actor, grace: Actor
) -> None:
    with transaction():
        acme.create_project(grace, name="Hers", handle="hers")
    with transaction():
        find_member(acme.id, people["grace"].id).remove(ada)
    join(acme, ada, people["grace"], "viewer")

    rows = unfolded(personal.page(people["grace"].id, organisations_of(people["grace"].id)))
    assert [row.resource_name for row in rows] == ["Grace Hopper", "Hers"]


def test_the_names_of_organisations_are_those_of_now(acme: Organisation, people: dict[str, User], ada: Actor) -> None:
    with transaction():
        acme.update(ada, acme.version, name="Renamed")

    rows = unfolded(personal.page(people["ada"].id, organisations_of(people["ada"].id)))
    assert {row.organisation.name for row in rows} == {"Renamed"}


@pytest.mark.parametrize("size", range(1, 14))
def test_equal_times_at_a_page_boundary_lose_nothing_and_double_nothing(
    equal_times: list[OrganisationName], people: dict[str, User], size: int
) -> None:
    pages = all_pages(people["ada"], equal_times, size)

    rows = [(row.organisation.id, row.number) for page in pages for row in unfolded(page)]
    assert len(rows) == len(set(rows)) == 12
    assert rows == sorted(rows, reverse=True)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_what_is_newer_than_any_row_is_what_comes_before_it(
    equal_times: list[OrganisationName], people: dict[str, User], size: int
) -> None:
    everything = unfolded(personal.page(people["ada"].id, equal_times))
    for place, row in enumerate(everything):
        newer = personal.newer(people["ada"].id, equal_times, personal.cursor_of(row), size)
        assert newer == everything[:place][-size:]


@pytest.fixture
def equal_times(
    acme: Organisation, people: dict[str, User], ada: Actor, superuser: psycopg.Connection
) -> list[OrganisationName]:
    """Ada's feed: four entries in each of three organisations, all of them at the same microsecond."""
    for handle in ("globex", "initech"):
        fill(found_another(people, ada, handle), ada, 3)
    superuser.execute("""
        ALTER TABLE activity_entries DISABLE TRIGGER ALL;
        UPDATE activity_entries SET occurred_at = '2026-01-01 12:00:00.123456+00';
        ALTER TABLE activity_entries ENABLE ALWAYS TRIGGER activity_entries_are_permanent;
    """)
    return organisations_of(people["ada"].id)


def test_the_head_grows_with_every_entry_in_any_of_the_organisations(
    acme: Organisation, people: dict[str, User], ada: Actor
) -> None:
    globex = found_another(people, ada, "globex")
    fill(globex, ada, 3)
    mine = organisations_of(people["ada"].id)

    assert personal.head(mine) == personal.page(people["ada"].id, mine).head == 4 + 4
    assert personal.head([]) == 0


def test_without_organisations_there_is_nothing(acme: Organisation, people: dict[str, User]) -> None:
    assert personal.page(people["ada"].id, []) == Page([], None, head=0)


def test_the_beginning_and_the_first_cursor_enclose_everything(acme: Organisation, people: dict[str, User]) -> None:
    ada, mine = people["ada"], organisations_of(people["ada"].id)

    assert personal.page(ada.id, mine, personal.NEWEST).rows == personal.newer(ada.id, mine, personal.BEGINNING)


# Cursors

times = st.datetimes(datetime(1970, 1, 1), datetime(2300, 1, 1), timezones=st.just(UTC))


@given(times, st.integers(0, 2**31 - 1), st.integers(0, 2**63 - 1))
def test_a_cursor_survives_the_way_through_an_address(at: datetime, organisation_id: int, number: int) -> None:
    cursor = Cursor(at, organisation_id, number)

    assert Cursor.parse(str(cursor)) == cursor
    assert str(cursor).replace("-", "").replace("_", "").isalnum()


def packed(value: object) -> str:
    """Something that looks like a cursor."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "x",
        "====",
        "é",
        "\x00",
        packed(None),
        packed(1),
        packed([]),
        packed([1, 2]),
        packed([1, 2, 3, 4]),
        packed(["a", 1, 1]),
        packed([None, 1, 1]),
        packed([10**30, 1, 1]),
        packed([-(10**30), 1, 1]),
        packed([0, 2**31, 1]),
        packed([0, -1, 1]),
        packed([0, 1, 2**63]),
        packed([float("inf"), 1, 1]),
        packed([float("nan"), 1, 1]),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
        base64.urlsafe_b64encode(b"[" + b"9" * 10_000 + b",1,1]").decode(),
    ],
)
def test_a_broken_cursor_is_a_value_error(broken: str) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        Cursor.parse(broken)


@given(st.text(max_size=60))
def test_whatever_is_given_is_a_cursor_or_a_value_error(given_text: str) -> None:
    try:
        Cursor.parse(given_text)
    except ValueError:
        return


@given(st.lists(st.integers() | st.floats() | st.none() | st.text(max_size=3) | st.booleans(), max_size=4))
def test_whatever_is_packed_is_a_cursor_or_a_value_error(values: list[object]) -> None:
    try:
        cursor = Cursor.parse(packed(values))
    except ValueError:
        return
    assert 0 <= cursor.number < 2**63


@pytest.mark.parametrize("at", [datetime.min.replace(tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)])
def test_a_cursor_from_the_ends_of_time_finds_everything_or_nothing(
    acme: Organisation, people: dict[str, User], at: datetime
) -> None:
    rows = unfolded(personal.page(people["ada"].id, organisations_of(people["ada"].id), Cursor(at, 0, 0)))

    assert len(rows) == (0 if at.year == 1 else 4)
