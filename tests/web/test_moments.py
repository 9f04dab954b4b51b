"""Going to a moment: where a feed then begins, how it goes on in both directions, and what is said of times."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import psycopg
import pytest
from markupsafe import escape

from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.transaction import transaction
from tests.support.log import entries, fill
from tests.support.past import happened
from tests.support.statements import statements
from tests.support.work import run
from tests.web.conftest import Visitor
from tests.web.test_feeds import NUMBER, OLDER

ABOVE = re.compile(r'<a class="newer-entries"[^>]*href="([^"]+)"')
TOLD = re.compile(r'class="moment-told".*?</p>', re.DOTALL)
FEED = "/orgs/acme/activity"
START = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
ENTRIES = 240


def numbers(page: str) -> list[int]:
    """The entries on a page, in its order."""
    return [int(each) for each in NUMBER.findall(page)]


def link(found: re.Match[str] | None) -> str:
    """The address of a link."""
    assert found is not None
    return found[1].replace("&amp;", "&")


@pytest.fixture
def night(acme: Organisation, ada: Actor, superuser: psycopg.Connection) -> Organisation:
    """Acme with an entry every two minutes of the night in which daylight saving ends in Europe: 240 from 22:00 UTC."""
    fill(acme, ada, ENTRIES - 4)
    happened(superuser, acme, [START + timedelta(minutes=2 * each) for each in range(ENTRIES)])
    return acme


def test_a_feed_begins_with_the_last_entry_of_the_moment(owner: Visitor, night: Organisation) -> None:
    # Entry n happened 2(n-1) minutes after 22:00.
    assert numbers(owner.get(f"{FEED}?at=2026-10-25T00:00").text)[:2] == [61, 60]
    assert numbers(owner.get(f"{FEED}?at=2026-10-24T23:59").text)[:2] == [60, 59]
    assert numbers(owner.get(f"{FEED}?at=2026-10-24").text)[:2] == [60, 59]


@pytest.mark.parametrize("address", [FEED, "/orgs/acme", "/activity", "/orgs/acme/members/1/activity"])
def test_from_a_moment_one_reaches_every_entry_in_both_directions(
    owner: Visitor, night: Organisation, address: str
) -> None:
    first = owner.get(f"{address}?at=2026-10-25T00:00").text
    seen = numbers(first)
    page = first
    while older := OLDER.search(page):
        page = owner.fragment(link(older)).text
        seen += numbers(page)
    page = first
    while above := ABOVE.search(page):
        page = owner.fragment(link(above)).text
        seen = numbers(page) + seen

    assert seen == [each.number for each in entries(night)][::-1]
    assert "The newest entries." in page


@pytest.mark.parametrize("kind", ["project", "resource"])
def test_the_feeds_of_a_project_and_a_resource_begin_at_a_moment_too(
    owner: Visitor, acme: Organisation, api: Container, ada: Actor, superuser: psycopg.Connection, kind: str
) -> None:
    fill(acme, ada, 1)
    for port in (81, 82):
        with transaction():
            api.update(ada, api.version, port=port)
    happened(superuser, acme, [START + timedelta(minutes=each) for each in range(len(entries(acme)))])
    address = "/orgs/acme/projects/web" + ("/containers/my-api" if kind == "resource" else "")

    page = owner.get(f"{address}?at=2026-10-24T22:07").text
    assert numbers(page) == ([8, 6] if kind == "resource" else [8, 6, 5])
    assert numbers(owner.fragment(link(ABOVE.search(page))).text) == [9]
    assert ABOVE.search(owner.get(f"{address}?at=2026-10-24T22:08").text) is None


def test_without_scripts_newer_and_older_pages_are_links(owner: Visitor, night: Organisation) -> None:
    page = owner.get(f"{FEED}?at=2026-10-25T00:00").text
    higher = owner.get(link(ABOVE.search(page))).text
    lower = owner.get(link(OLDER.search(higher))).text

    assert numbers(higher) == list(range(111, 61, -1))
    assert numbers(lower) == list(range(61, 11, -1))
    assert numbers(owner.get(link(ABOVE.search(lower))).text) == list(range(111, 61, -1))


def test_above_the_newest_entry_there_is_a_page_that_says_so(owner: Visitor, night: Organisation) -> None:
    page = owner.get(f"{FEED}?above={ENTRIES}").text

    assert numbers(page) == []
    assert "The newest entries." in page
    assert "Nothing here yet" not in page
    assert numbers(owner.get(link(OLDER.search(page))).text)[0] == ENTRIES


def test_a_fold_that_reaches_beyond_the_moment_is_shown_once(
    owner: Visitor, acme: Organisation, web: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    with transaction():
        for number in range(6):
            web.create(ada, Container, name=f"c{number}", handle=f"c{number}", image="nginx:1.28")
    with transaction() as hints:
        web.delete(ada, "web")
    run(hints[0])
    fill(acme, ada, 2)
    happened(superuser, acme, [START + timedelta(minutes=each) for each in range(len(entries(acme)))])

    # In the middle of what the deletion, entry 12, set off: 13 to 18, and the deletion done.
    page = owner.get(f"{FEED}?at=2026-10-24T22:14").text
    higher = owner.fragment(link(ABOVE.search(page))).text
    assert page.count('class="fold') >= 1
    assert 'id="fold-acme-13"' in page
    assert 'id="fold-acme-13"' not in higher


# Zones


def test_a_time_without_an_offset_is_meant_in_the_readers_zone(owner: Visitor, night: Organisation) -> None:
    owner.client.set_cookie("tz", "America/New_York")
    page = owner.get(f"{FEED}?at=2026-10-24T20:00").text

    assert numbers(page)[0] == 61
    assert "(-04:00, America/New_York)" in page
    assert "Times in America/New_York, UTC-0" in page


@pytest.mark.parametrize("written", ["2026-10-25T02:00+02:00", "2026-10-25T00:00Z", "2026-10-24T20:00-04:00"])
def test_a_time_with_an_offset_is_exact_whoever_reads_it(owner: Visitor, night: Organisation, written: str) -> None:
    for zone in ("Europe/Berlin", "Asia/Tokyo"):
        owner.client.set_cookie("tz", zone)
        assert numbers(owner.get(f"{FEED}?at={quote(written)}").text)[0] == 61
        # As it arrives when nobody has escaped the plus.
        assert numbers(owner.get(f"{FEED}?at={written}").text)[0] == 61


@pytest.mark.parametrize(
    ("zone", "twice", "first", "second"),
    [
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30", "2026-10-25T01:30"),
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30", "2026-11-01T06:30"),
        ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45", "2026-04-04T15:15"),
    ],
)
def test_a_time_that_came_twice_is_told_apart_by_its_offset(
    owner: Visitor, acme: Organisation, ada: Actor, superuser: psycopg.Connection, zone: str, twice: str, first: str,
    second: str,
) -> None:  # fmt: skip
    once, again = (datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (first, second))
    happened(superuser, acme, [once - timedelta(hours=1), once, again, again + timedelta(hours=1)])
    owner.client.set_cookie("tz", zone)
    page = owner.get(f"{FEED}?at={twice}").text
    other = re.search(r'<a href="([^"]+)">Go to the second', page)

    assert numbers(page) == [2, 1]
    assert "showed that time twice; this is the first" in page
    assert numbers(owner.get(link(other)).text) == [3, 2, 1]


@pytest.mark.parametrize(
    ("zone", "skipped", "instead"),
    [
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:00"),
        ("America/New_York", "2026-03-08T02:30", "2026-03-08T07:00"),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30"),
    ],
)
def test_a_time_that_was_skipped_leads_to_when_the_clocks_went_on(
    owner: Visitor, acme: Organisation, superuser: psycopg.Connection, zone: str, skipped: str, instead: str
) -> None:
    change = datetime.fromisoformat(instead).replace(tzinfo=UTC)
    happened(superuser, acme, [change + timedelta(minutes=each) for each in (-60, 0, 1, 60)])
    owner.client.set_cookie("tz", zone)
    page = owner.get(f"{FEED}?at={skipped}").text

    assert numbers(page) == [2, 1]
    assert f"Clocks in {zone} skipped that time." in page


def test_rows_show_their_offset_where_it_is_not_today_s(
    owner: Visitor, acme: Organisation, superuser: psycopg.Connection
) -> None:
    summer, winter = datetime(2026, 7, 1, 12, tzinfo=UTC), datetime(2026, 1, 1, 12, tzinfo=UTC)
    happened(superuser, acme, [winter, winter, summer, summer])
    owner.client.set_cookie("tz", "Europe/Berlin")
    page = owner.get(FEED).text
    today = re.search(r"Times in Europe/Berlin, UTC(\+0[12]:00)", page)
    assert today

    shown = [re.sub("<[^>]+>", "", each).strip() for each in re.findall(r"<time[^>]*>.*?</time>", page)]
    expected = ["1 Jul 2026, 14:00:00 +02:00", "1 Jan 2026, 13:00:00 +01:00"]
    assert [shown[0], shown[-1]] == [each.removesuffix(f" {today[1]}") for each in expected]


# What the page says


def test_the_link_to_a_moment_means_the_same_to_someone_elsewhere(
    owner: Visitor, visit: Callable[[str], Visitor], night: Organisation
) -> None:
    owner.client.set_cookie("tz", "Europe/Berlin")
    page = owner.get(f"{FEED}?at=2026-10-25T01:59").text
    shared = re.search(r'id="moment-link" href="([^"]+)"', page)
    elsewhere = visit("grace")
    elsewhere.client.set_cookie("tz", "Asia/Tokyo")

    assert link(shared) == f"{FEED}?at=2026-10-25T01:59%2B02:00"
    assert numbers(elsewhere.get(link(shared)).text) == numbers(page)
    boosted = owner.fragment(f"{FEED}?at=2026-10-25T01:59", **{"HX-Boosted": "true"})
    assert boosted.headers["HX-Push-Url"] == link(shared)
    assert "HX-Boosted" in boosted.headers["Vary"]


NO_MOMENTS = (
    *("yesterday", "2026-13-01", "2026-02-30T08:00", "2026-11-01T25:00", "0000-01-01", "9999-12-31"),
    *("2026-11-01T08:00+99:00", "2026-11-01T08:00+24:00", "２０２６-11-01", "'\"><b>", "\x00", "1" * 150),
)


@pytest.mark.parametrize("text", NO_MOMENTS)
@pytest.mark.parametrize("address", [FEED, "/activity"])
def test_what_is_no_moment_is_told_at_the_field_and_stays_in_it(
    owner: Visitor, acme: Organisation, address: str, text: str
) -> None:
    answer = owner.get(f"{address}?at={quote(text)}")

    assert answer.status_code == 422
    assert 'aria-describedby="moment-error"' in answer.text
    assert 'id="moment-error"' in answer.text
    assert numbers(answer.text)
    assert f'type="text" aria-invalid="true" aria-describedby="moment-error" value="{escape(text[:40])}"' in answer.text


def test_before_the_first_entry_the_first_ones_are_shown(owner: Visitor, night: Organisation) -> None:
    page = owner.get(f"{FEED}?at=2025-01-01T00:00").text

    assert numbers(page) == list(range(10, 0, -1))
    assert "Nothing had happened here by 1 Jan 2025, 00:00" in page
    assert "The beginning of the log." in page
    assert numbers(owner.fragment(link(ABOVE.search(page))).text)[-1] == 11


def test_of_a_moment_to_come_the_newest_entries_are_shown(owner: Visitor, acme: Organisation) -> None:
    page = owner.get(f"{FEED}?at=2999-01-01T00:00").text

    assert numbers(page) == [4, 3, 2, 1]
    assert "is still to come. These are the newest entries." in page
    assert 'id="newer"' in page


def test_who_may_not_see_money_does_not_see_it_upwards_either(
    visit: Callable[[str], Visitor], acme: Organisation, card: object
) -> None:
    visitor = visit("linus")

    assert numbers(visitor.get(f"{FEED}?above=2").text) == [4, 3]
    assert ABOVE.search(visitor.get(f"{FEED}?above=2").text) is None
    assert numbers(visit("ada").get(f"{FEED}?above=2").text) == [5, 4, 3]


@pytest.mark.parametrize("address", [FEED, "/activity"])
def test_a_moment_takes_one_statement_more_than_the_newest_page(
    owner: Visitor, night: Organisation, address: str
) -> None:
    counts = []
    for page in (address, f"{address}?at=2026-10-25T00:00"):
        owner.get(page)
        with statements() as sent:
            owner.get(page)
        counts.append(len(sent))

    assert counts[1] <= counts[0] + 1


@pytest.mark.parametrize(
    "address", [f"{FEED}?above=x", f"{FEED}?above=-1", "/activity?above=x", f"{FEED}?above={2**64}"]
)
def test_a_broken_place_above_is_told(owner: Visitor, acme: Organisation, address: str) -> None:
    assert owner.get(address).status_code == 400


def test_an_empty_field_is_the_newest_page(owner: Visitor, acme: Organisation) -> None:
    page = owner.get(f"{FEED}?at=")

    assert page.status_code == 200
    assert 'id="newer"' in page.text
