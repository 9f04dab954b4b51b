"""What pages weigh: what a browser fetches, what it does again, and what moves by itself. Counted, never timed."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from playwright.sync_api import Browser, Page, StorageState

from bench import visits
from models.kinds.container import Container
from models.log.actor import Actor
from models.people.user import User
from models.project import Project
from models.transaction import transaction
from tests.conftest import PASSWORD

FEED = "/orgs/acme/activity"
PAGES = (
    "/orgs",
    "/orgs/acme",
    FEED,
    f"{FEED}/1",
    "/activity",
    "/orgs/acme/members",
    "/orgs/acme/billing",
    "/orgs/acme/settings",
    "/orgs/acme/projects/web",
    "/orgs/acme/projects/web/containers/my-api",
    "/orgs/acme/projects/web/containers/new",
    "/account",
)
ENTRIES, PAGE = 300, 50
# Twice of what there is today: 47 kB of fonts, the rest of it texts that are compressed.
FIRST_MOST, SECOND_MOST = 150_000, 15_000
SHIFT_MOST = 0.01
ATTEMPTS = 3

Fresh = Callable[..., AbstractContextManager[Page]]


@pytest.fixture
def long(web: Project, ada: Actor) -> Project:
    """A project with several pages of entries."""
    with transaction():
        for number in range(ENTRIES):
            web.create(ada, Container, name=f"c{number}", handle=f"c{number}", image="nginx:1.28")
    return web


@pytest.fixture
def state(chromium: Browser, address: str, people: dict[str, User]) -> StorageState:
    """Ada's cookies."""
    return visits.signed_in(chromium, address, "ada@example.com", PASSWORD)


@pytest.fixture
def fresh(chromium: Browser, address: str, state: StorageState) -> Fresh:
    """Browsers of hers that keep nothing yet."""
    return lambda **options: visits.fresh(chromium, address, state, **options)


@pytest.mark.parametrize("path", PAGES)
def test_a_second_visit_is_one_request(fresh: Fresh, api: Container, path: str) -> None:
    with fresh() as page:
        first, second = visits.visits(page, path)

    assert second.requests == 1, "the document"
    assert first.requests > 1
    assert second.received < first.received


def test_what_is_not_asked_for_again_is_asked_for_by_whoever_comes_next(fresh: Fresh, api: Container) -> None:
    with fresh() as page:
        with page.expect_response("**/histogram?*") as drawn:
            page.goto(FEED)
        page.locator("section#over-time").wait_for()
        look = "(address) => fetch(address, { headers: { 'HX-Request': 'true' } }).then((answer) => answer.status)"

        assert page.evaluate(look, drawn.value.url) == 200
        page.context.clear_cookies()
        assert page.evaluate(look, drawn.value.url) == 401


def test_a_feed_of_fifty_entries_stays_light(fresh: Fresh, long: Project) -> None:
    with fresh() as page:
        first, second = visits.visits(page, FEED)

    assert first.received < FIRST_MOST
    assert second.received < SECOND_MOST


@pytest.mark.parametrize(("path", "width"), [("/orgs/acme", 1280), (FEED, 390), (f"{FEED}/30", 390)])
def test_nothing_moves_by_itself(fresh: Fresh, long: Project, path: str, width: int) -> None:
    found = []
    # On a busy machine the font may come late, and what then moves says nothing of the page.
    for _ in range(ATTEMPTS):
        with fresh(viewport={"width": width, "height": 800}) as page:
            page.goto(path)
            page.evaluate("() => document.fonts.ready")
            page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            found.append(visits.shifted(page))

    assert min(found) <= SHIFT_MOST, found


def test_a_page_that_is_put_in_does_not_touch_those_that_are_there(
    chromium: Browser, fresh: Fresh, long: Project
) -> None:
    with fresh() as page:
        visits.scroll(page, FEED, ENTRIES - 2 * PAGE)
        shown = page.locator(visits.ROWS).count()
        elements = page.evaluate("document.querySelectorAll('*').length")
        chromium.start_tracing(page=page, categories=["devtools.timeline"])
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        page.wait_for_function("([rows, n]) => document.querySelectorAll(rows).length > n", arg=[visits.ROWS, shown])
        events = json.loads(chromium.stop_tracing())["traceEvents"]
    styled = [each["args"].get("elementCount", 0) for each in events if each["name"] == "UpdateLayoutTree"]

    assert max(styled) > PAGE, "the rows that came"
    assert max(styled) < elements / 2
