"""The door out: pages without a missing or double entry, scopes, a person's own feed."""

import base64
import json
from datetime import UTC, datetime

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.kinds.container import Container
from models.kinds.secret import Secret
from models.log import feed
from models.log.actor import SYSTEM, Actor
from models.log.feed import Cursor, Page, Place, Row, Scope
from models.log.record import Action, ProjectName, Subject, record, record_each
from models.organisation import Organisation, belongings, create_organisation
from models.people.access import Role
from models.people.member import add_member, find_member
from models.people.user import User
from models.project import Project
from models.transaction import transaction
from tests.conftest import as_actor
from tests.support.log import entries

HERE = Place("acme", "Acme")


def scope(acme: Organisation) -> Scope:
    """All of acme."""
    return feed.whole(acme.id, HERE)


def places(user: User) -> dict[int, Place]:
    """The organisations someone belongs to now, as the view asks for them."""
    return {
        each.organisation.id: Place(each.organisation.handle, each.organisation.name) for each in belongings(user.id)
    }


def fill(acme: Organisation, actor: Actor, count: int) -> None:
    """So many entries more."""
    with transaction():
        record_each(
            actor,
            Action.UPDATE,
            Subject(acme.id, "container", 0, ""),
            [(number, f"c-{number}") for number in range(count)],
        )


def all_pages(wanted: Scope, size: int) -> list[Page]:
    """From the newest to the oldest, as someone presses "Load older"."""
    pages = [feed.page(wanted, size=size)]
    while pages[-1].older:
        pages.append(feed.page(wanted, before=int(pages[-1].older), size=size))
    return pages


def pages_of_person(user: User, mine: dict[int, Place], size: int) -> list[Page]:
    """The same for a person."""
    pages = [feed.of_person(user.id, mine, size=size)]
    while pages[-1].older:
        pages.append(feed.of_person(user.id, mine, Cursor.parse(pages[-1].older), size))
    return pages


def unfolded(page: Page) -> list[Row]:
    """The entries of a page on which nothing is folded."""
    rows = [each for each in page.rows if isinstance(each, Row)]
    assert len(rows) == len(page.rows)
    return rows


def found_another(people: dict[str, User], ada: Actor, handle: str) -> Organisation:
    """Another organisation of Ada's."""
    with transaction():
        return create_organisation(people["ada"], ada, name=handle.capitalize(), handle=handle, email="x@example.com")


# Pages


@pytest.mark.parametrize("size", [1, 2, 5, 9, 10, 11, 50])
def test_pages_hold_every_entry_once_newest_first(acme: Organisation, ada: Actor, size: int) -> None:
    fill(acme, ada, 6)
    pages = all_pages(scope(acme), size)

    assert [row.number for page in pages for row in page.rows] == list(range(10, 0, -1))
    assert [len(page.rows) for page in pages[:-1]] == [size] * (len(pages) - 1)


def test_the_last_page_offers_nothing_older_even_when_it_is_full(acme: Organisation) -> None:
    assert feed.page(scope(acme), size=4).older is None
    assert feed.page(scope(acme), size=3).older == "2"


def test_what_is_written_meanwhile_moves_no_page(acme: Organisation, ada: Actor) -> None:
    first = feed.page(scope(acme), size=2)
    fill(acme, ada, 5)
    second = feed.page(scope(acme), before=int(first.older or 0), size=2)

    assert [row.number for row in (*first.rows, *second.rows)] == [4, 3, 2, 1]


@pytest.mark.parametrize("before", [0, 1, -5])
def test_before_the_first_entry_there_is_nothing(acme: Organisation, before: int) -> None:
    assert feed.page(scope(acme), before=before) == Page([], None)


def test_an_organisation_without_entries_has_an_empty_page(acme: Organisation) -> None:
    assert feed.page(feed.whole(acme.id + 1, HERE)) == Page([], None)


def test_a_row_says_all_that_a_feed_shows(acme: Organisation, api: Container, ada: Actor) -> None:
    row = unfolded(feed.page(scope(acme)))[0]
    stored = entries(acme)[-1]._asdict()

    shown = {name: value for name, value in row._asdict().items() if name in stored}
    assert shown == {name: stored[name] for name in shown}
    assert row._asdict().keys() - shown.keys() == {"organisation_handle", "organisation_name", "caused"}
    assert (row.organisation_handle, row.organisation_name) == HERE


def test_one_entry_has_everything(acme: Organisation, api: Container) -> None:
    found = feed.entry(scope(acme), 6)
    assert found
    row, detail = found

    assert row == feed.page(scope(acme)).rows[0]
    assert (detail.door, detail.changes["image"]) == ("web", [None, "nginx:1.27"])


@pytest.mark.parametrize("number", [0, -1, 5, 2**63 - 1])
def test_an_entry_that_is_not_there_is_none(acme: Organisation, number: int) -> None:
    assert feed.entry(scope(acme), number) is None


# What is new


def test_newer_entries_follow_a_number_newest_first(acme: Organisation) -> None:
    assert [row.number for row in feed.newer(scope(acme), 2)] == [4, 3]
    assert feed.newer(scope(acme), 4) == []


def test_of_many_newer_ones_those_that_follow_come_so_that_none_is_skipped(acme: Organisation) -> None:
    assert [row.number for row in feed.newer(scope(acme), 1, size=2)] == [3, 2]


def test_newer_entries_are_counted_up_to_a_limit(acme: Organisation, ada: Actor) -> None:
    assert feed.count_newer(scope(acme), 1) == 3
    assert feed.count_newer(scope(acme), 9) == 0
    fill(acme, ada, 150)
    assert feed.count_newer(scope(acme), 1) == feed.COUNTED


def test_newer_entries_of_a_project_are_counted_alone(acme: Organisation, web: Project, api: Container) -> None:
    assert feed.count_newer(feed.of_project(acme.id, HERE, web.id), 5) == 1


def test_the_head_grows_with_every_entry(acme: Organisation, ada: Actor) -> None:
    fill(acme, ada, 3)

    assert feed.head(acme.id) == 7
    assert feed.heads([acme.id, acme.id + 1]) == 7
    assert feed.heads([]) == 0


# Scopes


def test_a_project_shows_itself_and_what_is_in_it(acme: Organisation, web: Project, api: Container, ada: Actor) -> None:
    with transaction():
        other = acme.create_project(ada, name="Other", handle="other")
    with transaction():
        other.create(ada, Secret, handle="theirs", value="x")

    pages = all_pages(feed.of_project(acme.id, HERE, web.id), 1)
    assert [row.resource_name for page in pages for row in unfolded(page)] == ["my-api", "Web"]


def test_a_resource_shows_its_own_history_and_not_that_of_its_namesake(
    acme: Organisation, web: Project, ada: Actor
) -> None:
    for _ in range(2):
        with transaction():
            latest = web.create(ada, Secret, handle="token", value="x")
        with transaction():
            latest.end(ada)

    rows = unfolded(feed.page(feed.of_resource(acme.id, HERE, "secret", latest.id)))
    assert [(row.number, row.action) for row in rows] == [(9, "delete"), (8, "create")]


def test_a_resource_of_another_type_with_the_same_id_is_another(acme: Organisation, ada: Actor) -> None:
    with transaction():
        record(ada, Action.UPDATE, Subject(acme.id, "secret", 7, "s"))
        record(ada, Action.UPDATE, Subject(acme.id, "registry", 7, "r"))

    assert [row.resource_name for row in unfolded(feed.page(feed.of_resource(acme.id, HERE, "secret", 7)))] == ["s"]


def test_a_cause_shows_what_it_set_off(acme: Organisation, ada: Actor) -> None:
    with transaction():
        cause = record(ada, Action.DELETE, acme.subject)
        record_each(SYSTEM, Action.TERMINATE, Subject(acme.id, "container", 0, ""), [(1, "a"), (2, "b")], cause=cause)
    fill(acme, ada, 2)

    pages = all_pages(feed.of_cause(acme.id, HERE, cause.number), 1)
    assert [row.resource_name for page in pages for row in unfolded(page)] == ["b", "a"]


def test_organisations_do_not_see_each_other(acme: Organisation, people: dict[str, User], ada: Actor) -> None:
    globex = found_another(people, ada, "globex")

    assert [row.resource_name for row in unfolded(feed.page(feed.whole(globex.id, HERE)))] == ["Globex"]
    assert feed.page(feed.of_resource(globex.id, HERE, "organisation", acme.id)).rows == []
    assert feed.page(feed.of_project(globex.id, HERE, 1)).rows == []
    assert feed.page(feed.of_cause(globex.id, HERE, 1)).rows == []


# A person's feed


def test_a_person_sees_what_they_did_and_nobody_elses_deeds(
    acme: Organisation, people: dict[str, User], ada: Actor, grace: Actor
) -> None:
    with transaction():
        acme.create_project(grace, name="Hers", handle="hers")

    rows = unfolded(feed.of_person(people["grace"].id, places(people["grace"])))
    assert [row.resource_name for row in rows] == ["Hers"]
    assert len(feed.of_person(people["ada"].id, places(people["ada"])).rows) == 4


def test_the_system_is_nobodys_feed(acme: Organisation, people: dict[str, User]) -> None:
    with transaction():
        record(SYSTEM, Action.UPDATE, acme.subject)

    assert len(feed.of_person(people["ada"].id, places(people["ada"])).rows) == 4


def test_it_runs_over_all_organisations_by_time(acme: Organisation, people: dict[str, User], ada: Actor) -> None:
    globex = found_another(people, ada, "globex")
    for number in range(3):
        for organisation in (acme, globex):
            with transaction():
                organisation.create_project(ada, name=f"P{number}", handle=f"p{number}")

    rows = unfolded(feed.of_person(people["ada"].id, places(people["ada"]), size=6))
    assert [(row.organisation_handle, row.resource_name) for row in rows] == [
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

    assert feed.of_person(people["grace"].id, places(people["grace"])) == Page([], None)


def test_who_comes_back_sees_what_they_did_before(
    acme: Organisation, people: dict[str, User], ada: Actor, grace: Actor
) -> None:
    with transaction():
        acme.create_project(grace, name="Hers", handle="hers")
    with transaction():
        find_member(acme.id, people["grace"].id).remove(ada)
    with transaction():
        add_member(acme.id, ada, "grace@example.com", "viewer")

    assert len(feed.of_person(people["grace"].id, places(people["grace"])).rows) == 1


def test_the_names_of_places_are_those_of_now(acme: Organisation, people: dict[str, User], ada: Actor) -> None:
    with transaction():
        acme.update(ada, acme.version, name="Renamed")

    rows = unfolded(feed.of_person(people["ada"].id, places(people["ada"])))
    assert {row.organisation_name for row in rows} == {"Renamed"}


@pytest.mark.parametrize("size", range(1, 14))
def test_equal_times_at_a_page_boundary_lose_nothing_and_double_nothing(
    equal_times: dict[int, Place], people: dict[str, User], size: int
) -> None:
    pages = pages_of_person(people["ada"], equal_times, size)

    rows = [(row.organisation_id, row.number) for page in pages for row in page.rows]
    assert len(rows) == len(set(rows)) == 12
    assert rows == sorted(rows, reverse=True)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_what_is_newer_than_any_row_is_what_comes_before_it(
    equal_times: dict[int, Place], people: dict[str, User], size: int
) -> None:
    everything = unfolded(feed.of_person(people["ada"].id, equal_times))
    for place, row in enumerate(everything):
        newer = feed.newer_of_person(people["ada"].id, equal_times, feed.cursor_of(row), size)
        assert newer == everything[:place][-size:]


@pytest.fixture
def equal_times(
    acme: Organisation, people: dict[str, User], ada: Actor, superuser: psycopg.Connection
) -> dict[int, Place]:
    """Ada's feed: four entries in each of three organisations, all of them at the same microsecond."""
    for handle in ("globex", "initech"):
        fill(found_another(people, ada, handle), ada, 3)
    superuser.execute("""
        ALTER TABLE activity_entries DISABLE TRIGGER ALL;
        UPDATE activity_entries SET occurred_at = '2026-01-01 12:00:00.123456+00';
        ALTER TABLE activity_entries ENABLE ALWAYS TRIGGER activity_entries_are_permanent;
    """)
    return places(people["ada"])


def test_without_organisations_there_is_nothing(acme: Organisation, people: dict[str, User]) -> None:
    assert feed.of_person(people["ada"].id, {}) == Page([], None)


def test_the_beginning_and_the_first_cursor_enclose_everything(acme: Organisation, people: dict[str, User]) -> None:
    ada, mine = people["ada"], places(people["ada"])

    assert feed.of_person(ada.id, mine, feed.FIRST).rows == feed.newer_of_person(ada.id, mine, feed.BEGINNING)


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
    rows = unfolded(feed.of_person(people["ada"].id, places(people["ada"]), Cursor(at, 0, 0)))

    assert len(rows) == (0 if at.year == 1 else 4)


def test_a_feed_reads_the_names_of_then(acme: Organisation, people: dict[str, User], ada: Actor) -> None:
    project = ProjectName(7, "Then")
    with transaction():
        record(ada, Action.CREATE, Subject(acme.id, "secret", 1, "token", project))
    with transaction():
        people["ada"].rename("Someone Else")

    row = unfolded(feed.page(scope(acme)))[0]
    assert (row.actor_name, row.actor_role, row.project_name) == ("Ada Lovelace", Role.OWNER, "Then")
    assert as_actor(people["ada"], Role.OWNER).name == "Someone Else"
