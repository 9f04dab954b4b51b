"""What arrives while a feed is open: counted, shown and left again; and what is said while nothing can arrive."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.transaction import transaction
from tests.support.log import fill

FEED = "/orgs/acme/activity"
ENTRIES = 120
NOW = "#now .notice"
Arrive = Callable[[int], None]


@pytest.fixture
def arrive(acme: Organisation, web: Project, ada: Actor) -> Arrive:
    """Adds so many entries to a feed that has two pages already."""
    fill(acme, ada, ENTRIES - 5)
    names = iter(range(10_000))

    def some(count: int) -> None:
        with transaction():
            for _ in range(count):
                name = f"new{next(names)}"
                web.create(ada, Container, name=name, handle=name, image="nginx:1.28")

    return some


@pytest.fixture
def cut_off(complaints: list[str]) -> Iterator[None]:
    """Requests may fail, as the browser's console then says."""
    yield
    about = "htmx:sendError", "ERR_INTERNET_DISCONNECTED", "Response Status Error"
    complaints[:] = [each for each in complaints if not any(word in each for word in about)]


def pill(page: Page) -> Locator:
    """What says that something has arrived."""
    return page.locator("#newer .pill")


def back(page: Page) -> Locator:
    """What leads back to what was read."""
    return page.locator("#back-to-row")


def row(page: Page, number: int) -> Locator:
    """The row of an entry."""
    return page.locator(f"#entry-acme-{number}")


def top(page: Page, number: int) -> float:
    """Where a row stands in the window, in pixels."""
    box = row(page, number).bounding_box()
    assert box
    return box["y"]


def read_far_down(page: Page) -> int:
    """Scrolls down by a number of pixels that is no row's, and returns the number of the topmost entry in view."""
    page.goto(FEED)
    page.evaluate("scrollTo({ top: 1234.5, behavior: 'instant' })")
    return int(
        page.evaluate(
            """() => {
              const edge = document.querySelector(".top").getBoundingClientRect().bottom;
              const rows = [...document.querySelectorAll("#feed .entry")];
              return rows.find(each => each.getBoundingClientRect().bottom > edge).dataset.number;
            }"""
        )
    )


def test_the_pill_leads_to_the_new_rows_and_back_to_what_was_read(ada_page: Page, arrive: Arrive) -> None:
    page = ada_page
    read = read_far_down(page)
    before = top(page, read)
    arrive(3)
    expect(pill(page)).to_have_text("3 new entries")
    assert top(page, read) == before, "what was read has moved before anyone pressed"
    pill(page).click()

    expect(page.locator("#feed > .fresh")).to_have_count(3)
    expect(row(page, ENTRIES + 3)).to_be_in_viewport(ratio=1)
    expect(row(page, read)).not_to_be_in_viewport()
    expect(row(page, ENTRIES + 3).locator(".summary a")).to_be_focused()
    expect(back(page)).to_have_text(f"Back to #{read}")
    back(page).click()

    expect(row(page, read)).to_be_in_viewport()
    expect(back(page)).to_be_hidden()
    page.wait_for_function(
        "([id, top]) => Math.abs(document.getElementById(id).getBoundingClientRect().top - top) < 1",
        arg=[f"entry-acme-{read}", before],
    )
    expect(row(page, read).locator(".summary a")).to_be_focused()
    expect(page.locator("#feed > .fresh")).to_have_count(0)


def test_with_the_keyboard_alone(ada_page: Page, arrive: Arrive) -> None:
    page = ada_page
    read = read_far_down(page)
    arrive(1)
    pill(page).press("Enter")
    expect(row(page, ENTRIES + 1).locator(".summary a")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(back(page)).to_be_focused()
    page.keyboard.press("Enter")

    expect(row(page, read).locator(".summary a")).to_be_focused()
    expect(row(page, read)).to_be_in_viewport()


def test_who_scrolls_back_by_hand_needs_no_way_back(ada_page: Page, arrive: Arrive) -> None:
    page = ada_page
    read = read_far_down(page)
    arrive(1)
    pill(page).click()
    expect(back(page)).to_be_visible()
    row(page, read).scroll_into_view_if_needed()

    expect(back(page)).to_be_hidden()


def test_at_the_top_of_a_feed_new_rows_appear_and_nothing_else_moves(ada_page: Page, arrive: Arrive) -> None:
    page = ada_page
    page.goto(FEED)
    arrive(2)
    pill(page).click()

    expect(page.locator("#feed > .fresh")).to_have_count(2)
    expect(row(page, ENTRIES + 2)).to_be_in_viewport(ratio=1)
    expect(back(page)).to_be_hidden()
    assert page.evaluate("scrollY") == 0


def test_where_nothing_may_move_new_rows_are_marked_by_a_bar(signed_in: Callable[..., Page], arrive: Arrive) -> None:
    page = signed_in("ada", reduced_motion="reduce")
    page.goto(FEED)
    arrive(1)
    pill(page).click()
    fresh = page.locator("#feed > .fresh")
    expect(fresh).to_have_count(1)
    animation, shadow = fresh.evaluate(
        "each => [getComputedStyle(each).animationName, getComputedStyle(each).boxShadow]"
    )

    assert animation == "none"
    assert "inset" in shadow


def test_the_title_counts_what_has_arrived_until_it_is_shown(ada_page: Page, arrive: Arrive) -> None:
    page = ada_page
    page.goto(FEED)
    plain = page.title()
    arrive(3)
    expect(page).to_have_title(f"(3) {plain}")
    arrive(1)
    expect(page).to_have_title(f"(4) {plain}")
    pill(page).click()

    expect(page).to_have_title(plain)


def test_the_title_that_is_kept_for_back_bears_no_count_of_then(ada_page: Page, arrive: Arrive) -> None:
    page = ada_page
    page.goto(FEED)
    plain = page.title()
    arrive(2)
    expect(page).to_have_title(f"(2) {plain}")
    row(page, 100).locator(".summary a").click()
    page.wait_for_url(f"**{FEED}/100")
    expect(page).to_have_title("Container c-94 updated · Activity Log")
    page.go_back()
    page.wait_for_url(f"**{FEED}")
    pill(page).click()

    expect(page).to_have_title(plain)


def test_a_page_in_the_background_asks_once_a_minute_and_at_once_when_it_is_looked_at(
    ada_page: Page, arrive: Arrive
) -> None:
    page = ada_page
    page.clock.install()
    page.goto(FEED)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "?after=" in request.url else None)
    with page.expect_response(lambda answer: "?after=" in answer.url):
        page.clock.run_for(5_000)
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    asked.clear()
    page.clock.run_for(50_000)
    page.evaluate("fetch('/healthz')")
    assert asked == []
    with page.expect_response(lambda answer: "?after=" in answer.url):
        page.clock.run_for(15_000)
    assert len(asked) == 1
    page.evaluate("Object.defineProperty(document, 'hidden', { value: false })")
    with page.expect_response(lambda answer: "?after=" in answer.url):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_a_lost_connection_is_said_where_one_looks_until_it_is_back(
    ada_page: Page, arrive: Arrive, cut_off: None
) -> None:
    page, live = ada_page, ada_page.locator(".live")
    read_far_down(page)
    expect(live).to_be_in_viewport(ratio=1)
    page.context.set_offline(True)
    expect(live).to_have_text("Reconnecting")
    expect(live).to_be_in_viewport(ratio=1)
    page.locator("#feed .older").evaluate("each => each.click()")
    expect(page.locator(NOW)).to_have_text("The server cannot be reached. Try again in a moment.")
    expect(page.locator(NOW)).to_be_in_viewport(ratio=1)
    page.context.set_offline(False)

    expect(live).to_have_text("Live")
    expect(page.locator(NOW)).to_have_count(0)


def test_a_busy_server_is_told_from_a_lost_one(ada_page: Page, arrive: Arrive, cut_off: None) -> None:
    page, live = ada_page, ada_page.locator(".live")
    read_far_down(page)
    page.route("**/activity?*", lambda route: route.fulfill(status=503, body="Busy"))
    expect(live).to_have_text("Server busy")
    page.locator("#feed .older").evaluate("each => each.click()")
    expect(page.locator(NOW)).to_have_text("The server is busy. Try again in a moment.")
    page.unroute("**/activity?*")

    expect(live).to_have_text("Live")
    expect(page.locator(NOW)).to_have_count(0)


def test_what_comes_by_itself_does_not_end_what_did_not_work(ada_page: Page, arrive: Arrive, cut_off: None) -> None:
    page = ada_page
    waiting: list[Route] = []
    page.route("**/activity/histogram?*", lambda route: waiting.append(route))
    read_far_down(page)
    page.route("**/activity?before=*", lambda route: route.fulfill(status=500, body="Broken"))
    page.locator("#feed .older").evaluate("each => each.click()")
    expect(page.locator(NOW)).to_have_text("That did not work. Try again in a moment.")
    waiting.pop().continue_()

    expect(page.locator("#over-time .bars")).to_be_attached()
    expect(page.locator(NOW)).to_have_text("That did not work. Try again in a moment.")


def test_what_did_not_work_is_said_until_something_does(ada_page: Page, arrive: Arrive, cut_off: None) -> None:
    page = ada_page
    read_far_down(page)
    page.route("**/activity?before=*", lambda route: route.fulfill(status=500, body="Broken"))
    page.locator("#feed .older").evaluate("each => each.click()")
    expect(page.locator(NOW)).to_have_text("That did not work. Try again in a moment.")
    page.unroute("**/activity?before=*")
    page.locator("#feed .older").evaluate("each => each.click()")

    expect(page.locator(NOW)).to_have_count(0)
    expect(row(page, ENTRIES - 50)).to_be_attached()
