"""Activity over time on a page: exact figures, links into the feed, and nothing a strict policy would refuse."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

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
from tests.web.test_moments import numbers
from web.histogram import seconds_kept

ADDRESS = "/orgs/acme/activity/histogram"
ROW = re.compile(r'<th scope="row"><a href="([^"]+)">([^<]+)</a></th><td>([\d,]+)</td>')
BAR = re.compile(r'class="bar( bar-chosen)?" href="([^"]+)".*?<title>\s*(.*?)</title>', re.DOTALL)
START = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
ENTRIES = 120


@pytest.fixture
def days(acme: Organisation, ada: Actor, superuser: psycopg.Connection) -> Organisation:
    """Acme with an entry every six hours for a month from midnight in Berlin, 25 October 2026."""
    fill(acme, ada, ENTRIES - 4)
    happened(superuser, acme, [START + timedelta(hours=6 * each) for each in range(ENTRIES)])
    return acme


def bars(page: str) -> list[tuple[str, int]]:
    """The table: what each bar stands for, newest first, and how many entries it holds."""
    return [(name, int(count.replace(",", ""))) for _, name, count in ROW.findall(page)]


def test_the_table_says_what_the_drawing_shows(owner: Visitor, days: Organisation) -> None:
    owner.client.set_cookie("tz", "Europe/Berlin")
    page = owner.get(f"{ADDRESS}?over=month&until=2026-11-01").text
    shown = bars(page)

    assert len(shown) == 31
    assert ("Sunday, 25 October 2026", 5) in shown  # an hour longer than other days
    assert ("Monday, 26 October 2026", 4) in shown
    drawn = [re.sub(r"\s+", " ", title) for _, _, title in BAR.findall(page)]
    assert [f"{name}: {count} entr{'y' if count == 1 else 'ies'}" for name, count in shown][::-1] == drawn


@pytest.mark.parametrize(("over", "count"), [("day", 24), ("month", 31), ("year", 53), ("all", 2)])
def test_each_stretch_has_bars_of_its_own(owner: Visitor, days: Organisation, over: str, count: int) -> None:
    page = owner.get(f"{ADDRESS}?over={over}&until=2026-11-23T12:00Z").text

    assert len(bars(page)) == count
    assert (
        f'aria-current="true">{ {"day": "24 hours", "month": "31 days", "year": "A year", "all": "All"}[over] }' in page
    )


@pytest.mark.parametrize("over", ["day", "month", "year", "all"])
def test_a_bar_leads_to_the_entries_that_it_counts(owner: Visitor, days: Organisation, over: str) -> None:
    owner.client.set_cookie("tz", "Europe/Berlin")
    page = owner.get(f"{ADDRESS}?over={over}&until=2026-10-31T12:00Z").text
    url, name, count = next(each for each in ROW.findall(page) if each[2] != "0")
    rows = owner.get(url.replace("&amp;", "&")).text

    # Entry n happened 6(n-1) hours after the start.
    latest = {"day": 27, "month": 29, "year": 33, "all": 29}[over]
    assert numbers(rows) == list(range(latest, latest - int(count), -1))
    # Its histogram has bars of the same length again; of a month, weeks.
    more = "over=all&" if over == "all" else ""
    again = owner.get(url.replace("&amp;", "&").replace("/activity?", f"/activity/histogram?{more}")).text
    assert [title.startswith(f"{name}: {count} entr") for mark, _, title in BAR.findall(again) if mark] == [True]


def test_the_bar_of_the_moment_is_marked_and_in_view(owner: Visitor, days: Organisation) -> None:
    page = owner.fragment(f"{ADDRESS}?over=month&at=2026-10-26T08:00Z").text
    chosen = [title for mark, _, title in BAR.findall(page) if mark]

    assert [re.sub(r"\s+", " ", each) for each in chosen] == ["Monday, 26 October 2026: 4 entries"]
    assert "<html" not in page


def test_the_feed_asks_for_it_once_it_is_there_and_has_a_link(owner: Visitor, days: Organisation) -> None:
    page = owner.get("/orgs/acme/activity?at=2026-10-26T08:00Z").text

    place = re.search(
        r'<div class="over-time" id="over-time" hx-get="([^"]+)" hx-trigger="load"[^>]*><a href="([^"]+)">', page
    )
    assert place
    assert place[1] == place[2]
    assert owner.get(place[1].replace("&amp;", "&")).status_code == 200


def test_earlier_and_later_lead_on_without_a_gap(owner: Visitor, days: Organisation) -> None:
    seen = 0
    address = f"{ADDRESS}?over=day&until=2026-10-27T12:00Z"
    for _ in range(3):
        page = owner.get(address).text
        seen += sum(count for _, count in bars(page))
        earlier = re.search(r'href="([^"]+)"[^>]*aria-label="Earlier"', page)
        if earlier is None:
            break
        address = earlier[1].replace("&amp;", "&")

    # Until 13:00 on the 27th in UTC.
    assert seen == 11
    assert 'aria-label="Later"' in page


def test_of_a_filtered_feed_the_bars_say_that_they_show_everything(owner: Visitor, days: Organisation) -> None:
    page = owner.get(f"{ADDRESS}?q=action:delete&over=all").text

    assert "all there are, not only those found" in page
    assert "q=action:delete+at:2026" in page


def test_who_may_not_see_money_is_told_that_it_is_counted(
    visit: Callable[[str], Visitor], acme: Organisation, card: object
) -> None:
    assert "those about billing too, which your role does not show" in visit("linus").get(ADDRESS).text
    assert "about billing" not in visit("ada").get(ADDRESS).text


def test_nothing_in_it_needs_more_than_a_strict_policy_allows(owner: Visitor, days: Organisation) -> None:
    page = owner.get(ADDRESS).text

    assert "style=" not in page
    assert "style-src 'self'" in owner.get(ADDRESS).headers["Content-Security-Policy"]


@pytest.mark.parametrize("asks", ["over=decade", "until=soon", "q=colour:red", "until=9999-12-31", "over=day&until=1"])
def test_a_broken_link_to_it_is_told(owner: Visitor, acme: Organisation, asks: str) -> None:
    assert owner.get(f"{ADDRESS}?{asks}").status_code == 400


@pytest.mark.parametrize("until", ["1970-01-01T00:00Z", "2999-12-31T23:59Z", "1970-01-01T00:00+14:00"])
@pytest.mark.parametrize("over", ["day", "month", "year", "all"])
def test_from_the_ends_of_time_it_shows_where_the_log_begins_or_ends(
    owner: Visitor, acme: Organisation, over: str, until: str
) -> None:
    page = owner.get(ADDRESS, query_string={"over": over, "until": until})

    assert page.status_code == 200
    assert sum(count for _, count in bars(page.text)) > 0


def test_it_takes_three_statements_beside_who_is_asking(owner: Visitor, days: Organisation) -> None:
    owner.get(ADDRESS)
    with statements() as sent:
        owner.get(ADDRESS)

    assert len(sent) == 4


def test_what_was_set_off_by_other_entries_is_told_apart(
    owner: Visitor, acme: Organisation, web: Project, ada: Actor
) -> None:
    with transaction():
        for number in range(6):
            web.create(ada, Container, name=f"c{number}", handle=f"c{number}", image="nginx:1.28")
    assert "set off by others" not in owner.get(ADDRESS).text
    with transaction() as hints:
        web.delete(ada, "web")
    run(hints[0])
    page = owner.get(f"{ADDRESS}?over=all").text
    caused = sum(each.cause_number is not None for each in entries(acme))

    assert f"{caused} set off by others</span>" in page
    assert page.count('class="bar-caused"') == 1
    assert re.search(rf"<td>{len(entries(acme))}</td><td>{caused}</td>", page)


def test_while_nothing_is_newer_the_drawing_is_not_asked_for_again_by_the_same_person(
    owner: Visitor, web: Project, ada: Actor
) -> None:
    def address() -> str:
        found = re.search(r'id="over-time" hx-get="([^"]+)"', owner.get("/orgs/acme/activity").text)
        assert found
        return found[1].replace("&amp;", "&")

    before = address()
    kept = owner.fragment(before)
    assert kept.cache_control.private
    assert 0 < (kept.cache_control.max_age or 0) <= 16 * 60
    assert {"Cookie", "HX-Request"} <= set(kept.vary)
    assert address() == before
    with transaction():
        web.create(ada, Container, name="c1", handle="c1", image="nginx:1.28")

    assert address() != before


def test_the_whole_page_of_it_and_other_stretches_are_asked_for_every_time(owner: Visitor, web: Project) -> None:
    for answer in (owner.get(f"{ADDRESS}?head=3"), owner.fragment(f"{ADDRESS}?over=day")):
        assert answer.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(("minute", "second", "seconds"), [(0, 0, 960), (14, 59, 61), (15, 0, 960), (59, 30, 90)])
def test_a_drawing_is_kept_until_a_bar_begins_somewhere(minute: int, second: int, seconds: int) -> None:
    assert seconds_kept(datetime(2026, 11, 27, 2, minute, second, tzinfo=UTC)) == seconds
