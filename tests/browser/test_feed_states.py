"""What a feed looks like at other times than when it is opened: nothing wrong for axe, a finger or the keyboard."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from models.kinds.container import Container
from models.log.actor import Actor
from models.log.search import LOOKED_AT_FIRST
from models.organisation import Organisation
from models.project import Project
from models.transaction import transaction
from tests.browser.test_rings import CONTRAST_LEAST, INSIDE, MEASURE, Ring, contrast
from tests.support.axe import faults
from tests.support.log import fill
from tests.support.targets import small_targets

FEED = "/orgs/acme/activity"
ENTRIES = 120
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


def require_nothing_wrong(page: Page) -> None:
    """Fails with what axe finds in light and in dark, and with what a finger would miss."""
    wrong = faults(page) + small_targets(page)
    assert not wrong, "\n".join(wrong)


def require_ring(page: Page, selector: str) -> None:
    """Fails when the ring of one element is not as it should be, once the keyboard has brought the focus there."""
    page.keyboard.press("Shift")
    page.locator(selector).focus()
    ring = Ring(**page.evaluate(MEASURE, [INSIDE, "*"]))
    assert ring.is_whole_and_in_its_place, ring
    assert contrast(ring.colour, ring.behind) >= CONTRAST_LEAST, ring


@pytest.fixture
def long(acme: Organisation, web: Project, ada: Actor) -> Project:
    """A project in an organisation whose feed has three pages."""
    fill(acme, ada, ENTRIES)
    return web


def create(project: Project, actor: Actor, handle: str) -> None:
    """Has something happen."""
    with transaction():
        project.create(actor, Container, name=handle, handle=handle, image="nginx:1.28")


def test_what_says_that_something_is_new_and_leads_back(ada_page: Page, long: Project, ada: Actor) -> None:
    ada_page.goto(FEED)
    ada_page.evaluate("scrollTo({ top: 1500, behavior: 'instant' })")
    create(long, ada, "c1")
    expect(ada_page.locator("#newer .pill")).to_be_visible()
    require_nothing_wrong(ada_page)
    require_ring(ada_page, "#newer .pill")

    ada_page.evaluate("scrollTo({ top: 1500, behavior: 'instant' })")
    ada_page.locator("#newer .pill").click()
    expect(ada_page.locator("#back-to-row")).to_be_visible()
    require_nothing_wrong(ada_page)
    require_ring(ada_page, "#back-to-row")


def test_what_is_said_while_the_server_cannot_be_reached(ada_page: Page, long: Project, complaints: list[str]) -> None:
    ada_page.goto(FEED)
    ada_page.route("**/activity?before=*", lambda route: route.abort())
    ada_page.locator("#feed .older").evaluate("each => each.click()")
    expect(ada_page.locator("#now .notice")).to_be_visible()

    require_nothing_wrong(ada_page)
    complaints.clear()


def test_the_keys_while_they_are_shown(ada_page: Page, long: Project) -> None:
    ada_page.goto(FEED)
    ada_page.keyboard.press("?")
    expect(ada_page.locator("#keys")).to_be_visible()

    require_nothing_wrong(ada_page)
    require_ring(ada_page, "#keys-on")
    require_ring(ada_page, ".keys-button")


def test_a_filtered_feed_while_one_types(ada_page: Page, long: Project) -> None:
    ada_page.goto(f"{FEED}?q=type:container+-actor:system&menu=action")
    ada_page.locator("#feed-query").click()
    ada_page.keyboard.press("End")
    ada_page.keyboard.type(" ")
    expect(ada_page.locator("#suggestions button").first).to_be_visible()

    require_nothing_wrong(ada_page)
    for each in ("#feed-query", "#suggestions li:nth-child(2) button", "#menu-action", "#menu .offers a >> nth=0"):
        require_ring(ada_page, each)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_ways_to_find_on_a_phone(signed_in: Callable[..., Page], long: Project, scheme: str) -> None:
    page = signed_in("ada", viewport=PHONE, color_scheme=scheme)
    page.goto(FEED)
    page.locator(".ways > summary").click()
    expect(page.get_by_label("Go to")).to_be_visible()

    require_nothing_wrong(page)
    for each in (".ways > summary", "#menu-actor", "#moment-at", ".views a >> nth=0"):
        require_ring(page, each)


@pytest.mark.parametrize(
    "asked", ["q=nowhere", "q=type:contaner", "at=2001-01-01T00:00Z", "at=soon", "before=60", "above=60"]
)
def test_what_is_found_nowhere_not_understood_or_long_ago(ada_page: Page, long: Project, asked: str) -> None:
    ada_page.goto(f"{FEED}?{asked}")

    require_nothing_wrong(ada_page)


@pytest.mark.parametrize("found", ["nothing", "something"])
@pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_search_while_it_looks_further(
    signed_in: Callable[..., Page], acme: Organisation, ada: Actor, device: dict[str, int], found: str
) -> None:
    fill(acme, ada, LOOKED_AT_FIRST)
    if found == "something":
        with transaction():
            acme.update(ada, acme.version, name="Acme again")
    page = signed_in("ada", viewport=device)
    held: list[Route] = []
    # Held: the answer, which would come while one looks, takes away what is looked at.
    page.route("**/activity?*before=*", lambda route: held.append(route))
    page.goto(f"{FEED}?q=organisation")
    with_rows = page.locator("#feed .entry")
    expect(with_rows).to_have_count(1 if found == "something" else 0)
    expect(page.locator("#feed .looked")).to_contain_text("Looked back to" if with_rows.count() else "looking further")
    page.locator("#feed .older").scroll_into_view_if_needed()
    expect(page.locator("#feed .older.htmx-request")).to_be_visible()

    require_nothing_wrong(page)
    require_ring(page, "#feed .older")
    assert len(held) == 1
    held[0].continue_()
    expect(page.locator("#feed .entry").last).to_contain_text("Organisation Acme created")
    # Whoever was there goes on with what has come.
    expect(page.locator("#feed .entry").last.locator(".summary a")).to_be_focused()
