"""Going to a moment in a browser: the field, both directions, the reader's place, an address to share."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Page, Route, expect

from models.log.actor import Actor
from models.organisation import Organisation
from models.people.user import User
from tests.support.log import fill
from tests.support.past import happened

ENTRIES = 300
FEED = "/orgs/acme/activity"
START = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
BERLIN = {"timezone_id": "Europe/Berlin"}
# The rows that are shown, and where the first of them stands that is not above the window.
NUMBERS = "[...document.querySelectorAll('#feed article.entry')].map(row => +row.dataset.number)"
PLACE = """() => {
    const edge = document.querySelector('.top').getBoundingClientRect().bottom;
    const row = [...document.querySelectorAll('#feed article.entry')].find(
        each => each.getBoundingClientRect().top > edge);
    return [row.id, row.getBoundingClientRect().top];
}"""
TOP_OF = "id => document.getElementById(id).getBoundingClientRect().top"


@pytest.fixture
def night(acme: Organisation, ada: Actor, superuser: psycopg.Connection) -> Organisation:
    """Acme with an entry every two minutes from midnight in Berlin, entry 1 at 00:00."""
    fill(acme, ada, ENTRIES - 4)
    happened(superuser, acme, [START + timedelta(minutes=2 * each) for each in range(ENTRIES)])
    return acme


def wait_for(page: Page, count: int) -> None:
    """Wait until so many entries are shown."""
    expect(page.locator("#feed article.entry")).to_have_count(count)


def assert_stayed(page: Page, place: list[Any]) -> None:
    """Whether the row still stands where it stood, to a pixel."""
    row, top = place
    assert abs(page.evaluate(TOP_OF, row) - top) < 1


def test_the_field_leads_to_a_moment_and_its_address_leads_someone_elsewhere_to_the_same(
    signed_in: Callable[..., Page], night: Organisation
) -> None:
    page = signed_in("ada", **BERLIN)
    page.goto(FEED)
    expect(page.locator(".zone")).to_contain_text("Times in Europe/Berlin")
    page.get_by_label("Go to").fill("2026-10-25T01:59")
    page.get_by_role("button", name="Go", exact=True).click()
    page.wait_for_url("**at=**")
    expect(page.locator("#feed article.entry").first).to_have_id("entry-acme-60")
    expect(page.get_by_label("Go to")).to_have_value("2026-10-25T01:59")
    assert page.url.endswith(f"{FEED}?at=2026-10-25T01:59%2B02:00")

    elsewhere = signed_in("grace", timezone_id="Asia/Tokyo")
    elsewhere.goto(page.url)
    expect(elsewhere.locator(".zone")).to_contain_text("Asia/Tokyo")
    expect(elsewhere.locator("#feed article.entry").first).to_have_id("entry-acme-60")
    expect(elsewhere.get_by_label("Go to")).to_have_value("2026-10-25T08:59")


def test_scrolling_up_brings_newer_entries_and_the_place_stays(
    signed_in: Callable[..., Page], night: Organisation
) -> None:
    page = signed_in("ada", **BERLIN)
    page.goto(f"{FEED}?at=2026-10-25T02:30%2B02:00")
    assert page.evaluate(NUMBERS)[0] == 76

    # At the top of the page already: only the wheel says which way.
    page.mouse.move(640, 400)
    place = page.evaluate(PLACE)
    page.mouse.wheel(0, -300)
    wait_for(page, 100)
    assert_stayed(page, place)

    for count in (150, 200, 250, 274):
        while page.locator("#feed article.entry").count() < count:
            page.evaluate("window.scrollBy({top: -120, behavior: 'instant'})")
            place = page.evaluate(PLACE)
            # What the scrolling asked for, if it did, is there once no link is on its way any more.
            page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            expect(page.locator("#feed .htmx-request")).to_have_count(0)
            assert_stayed(page, place)
    expect(page.locator("#feed > .newest")).to_contain_text("The newest entries.")
    assert page.evaluate(NUMBERS) == list(range(ENTRIES, 26, -1))


def test_one_reaches_both_ends_from_a_moment_and_follows_what_comes(
    signed_in: Callable[..., Page], night: Organisation
) -> None:
    page = signed_in("ada", **BERLIN)
    page.goto(f"{FEED}?at=2026-10-25T02:30%2B02:00")
    # By key, as a page that stands at its top does not scroll.
    while not page.locator("#feed > .newest").count():
        page.keyboard.press("Home")
        expect(page.locator("#feed .htmx-request")).to_have_count(0)
    while not page.locator("#feed > .beginning").count():
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        page.wait_for_timeout(50)
    assert page.evaluate(NUMBERS) == list(range(ENTRIES, 0, -1))
    # Equal days have one heading, whichever side they came from.
    days = page.eval_on_selector_all("#feed > .day", "all => all.map(each => each.dataset.day)")
    assert days == ["2026-10-25"]

    page.get_by_role("link", name="Follow what comes").click()
    page.wait_for_url(f"**{FEED}")
    expect(page.locator(".live")).to_be_visible()


def test_of_an_hour_that_came_twice_one_can_go_to_either(signed_in: Callable[..., Page], night: Organisation) -> None:
    page = signed_in("ada", **BERLIN)
    page.goto(f"{FEED}?at=2026-10-25T02:30")
    expect(page.locator("#feed article.entry").first).to_have_id("entry-acme-76")
    page.get_by_role("link", name="Go to the second, +01:00").click()
    expect(page.locator("#feed article.entry").first).to_have_id("entry-acme-106")


def test_without_javascript_a_moment_is_a_form_and_newer_and_older_are_links(
    signed_in: Callable[..., Page], people: dict[str, User], night: Organisation
) -> None:
    page = signed_in("ada", java_script_enabled=False)
    page.goto(FEED)
    # Without scripts nobody has told the zone.
    expect(page.locator(".zone")).to_have_text("Times in UTC")
    page.get_by_label("Go to").fill("2026-10-25T00:00")
    page.get_by_role("button", name="Go", exact=True).click()
    shown = page.locator("#feed article.entry")
    expect(shown.first).to_have_id("entry-acme-61")
    page.get_by_role("link", name="Newer entries").click()
    expect(shown.first).to_have_id("entry-acme-111")
    page.get_by_role("link", name="Load older").click()
    expect(shown.first).to_have_id("entry-acme-61")


def test_a_bar_of_activity_over_time_leads_to_what_it_counts(
    signed_in: Callable[..., Page], night: Organisation
) -> None:
    page = signed_in("ada", **BERLIN)
    page.goto(f"{FEED}?at=2026-10-25T04:00")
    page.get_by_role("link", name="24 hours").click()
    expect(page.locator(".bars .bar")).to_have_count(24)
    bar = page.locator(".bars .bar", has_text="25 Oct 2026, 01:00")
    expect(bar).to_contain_text("30 entries")
    bar.locator(".bar-room").click()
    # Entry 31 is the first one after 01:00, entry 60 the last one before 02:00.
    expect(page.locator("#feed article.entry").first).to_have_id("entry-acme-60")
    assert page.evaluate(NUMBERS) == list(range(60, 30, -1))
    expect(page.locator(".bars .bar-chosen")).to_have_count(1)


def test_drawing_over_bars_shows_what_all_of_them_count(signed_in: Callable[..., Page], night: Organisation) -> None:
    page = signed_in("ada", **BERLIN)
    page.goto(f"{FEED}?q=action:update&at=2026-10-25T04:00")
    page.get_by_role("link", name="24 hours").click()
    expect(page.locator(".bars .bar")).to_have_count(24)
    first, last = (
        page.locator(".bars .bar", has_text=f"25 Oct 2026, {hour}").locator(".bar-room").bounding_box()
        for hour in ("00:00", "01:00")
    )
    assert first
    assert last
    page.mouse.move(last["x"] + last["width"] / 2, last["y"] + last["height"] / 2)
    page.mouse.down()
    page.mouse.move(first["x"] + first["width"] / 2, first["y"] + first["height"] / 2, steps=4)
    expect(page.locator(".bars .bar-drawn")).to_have_count(2)
    page.mouse.up()
    page.wait_for_url("**at%3A2026-10-25T00**")
    expect(page.locator("#feed article.entry").first).to_have_id("entry-acme-60")
    expect(page.locator(".bars .bar-chosen")).to_have_count(2)


def test_activity_over_time_moves_nothing_when_it_comes(signed_in: Callable[..., Page], night: Organisation) -> None:
    page = signed_in("ada", **BERLIN)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    for width in (1280, 390):
        held.clear()
        page.set_viewport_size({"width": width, "height": 800})
        page.route("**/histogram**", hold)
        page.goto(FEED)
        expect(page.locator("#over-time.htmx-request")).to_have_count(1)
        before = page.evaluate(TOP_OF, "feed")
        assert not page.locator(".bars").count()
        for route in held:
            route.continue_()
        expect(page.locator(".bars")).to_be_visible()
        assert page.evaluate(TOP_OF, "feed") == before
        page.unroute("**/histogram**")


def test_without_javascript_activity_over_time_is_a_page_with_a_table(
    signed_in: Callable[..., Page], night: Organisation
) -> None:
    page = signed_in("ada", java_script_enabled=False)
    page.goto(f"{FEED}?at=2026-10-25T00:00Z")
    page.get_by_role("link", name="Activity over time").click()
    page.get_by_role("link", name="31 days").click()
    page.locator(".over-time-table > summary").click()
    page.get_by_role("link", name="Saturday, 24 October 2026").click()
    expect(page.locator("#feed article.entry").first).to_have_id("entry-acme-60")
    expect(page.locator("#feed article.entry").last).to_have_id("entry-acme-11")
