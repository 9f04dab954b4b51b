"""Feeds in a browser: scrolling to the first entry, what arrives meanwhile, Back, and no JavaScript at all."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.people.user import User
from models.project import Project
from models.transaction import transaction

ENTRIES = 500
FEED = "/orgs/acme/activity"


@pytest.fixture
def long(web: Project, ada: Actor) -> Project:
    """A project whose organisation has 500 entries."""
    with transaction():
        for number in range(ENTRIES - 5):
            add(web, ada, f"c{number}")
    return web


def add(web: Project, actor: Actor, name: str) -> None:
    """One more container, one more entry."""
    web.create(actor, Container, name=name, handle=name, image="nginx:1.28")


def numbers(page: Page) -> list[int]:
    """The entries on the page, from top to bottom."""
    found: list[int] = page.eval_on_selector_all("article.entry", "rows => rows.map(row => +row.dataset.number)")
    return found


def scroll_to_the_beginning(page: Page, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Scroll down until there is nothing older."""
    for _ in range(40):
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        meanwhile()
        if page.locator("#feed > .beginning").count():
            return
        page.wait_for_timeout(100)
    raise AssertionError("the beginning was never reached")


def test_scrolling_shows_every_entry_once_while_new_ones_arrive(
    signed_in: Callable[..., Page], acme: Organisation, long: Project, ada: Actor
) -> None:
    page = signed_in("ada")
    page.goto(FEED)
    arrived = 0

    def arrive() -> None:
        nonlocal arrived
        if arrived < 7:
            with transaction():
                add(long, ada, f"new{arrived}")
            arrived += 1

    scroll_to_the_beginning(page, arrive)

    assert numbers(page) == list(range(ENTRIES, 0, -1))
    pill = page.get_by_role("button", name=f"{arrived} new entries")
    pill.click()
    expect(page.locator("article.entry")).to_have_count(ENTRIES + arrived)
    assert numbers(page) == list(range(ENTRIES + arrived, 0, -1))


def test_a_quiet_feed_is_answered_304(signed_in: Callable[..., Page], acme: Organisation, web: Project) -> None:
    page = signed_in("ada")
    statuses: list[int] = []
    page.on("response", lambda answer: statuses.append(answer.status) if "after=" in answer.url else None)
    page.goto(FEED)
    page.wait_for_timeout(11_000)

    assert statuses
    assert set(statuses) == {304}


def test_back_from_an_entry_restores_the_place(signed_in: Callable[..., Page], long: Project) -> None:
    page = signed_in("ada")
    page.goto(FEED)
    for _ in range(3):
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        page.wait_for_timeout(400)
    target = page.locator(f"#entry-acme-{ENTRIES - 120}")
    target.scroll_into_view_if_needed()
    seen, place = numbers(page), page.evaluate("window.scrollY")
    target.locator(".summary a").click()
    page.wait_for_url(f"**/activity/{ENTRIES - 120}")
    page.go_back()
    page.wait_for_url(f"**{FEED}")
    expect(target).to_be_in_viewport()

    assert numbers(page) == seen
    assert abs(page.evaluate("window.scrollY") - place) < 200


def test_without_javascript_older_entries_are_a_link_away(signed_in: Callable[..., Page], long: Project) -> None:
    page = signed_in("ada", java_script_enabled=False)
    page.goto("/orgs/acme")
    seen = []
    while True:
        rows = page.locator("article.entry").all()
        seen += [int(row.get_attribute("data-number") or 0) for row in rows]
        older = page.get_by_role("link", name="Load older")
        if not older.count():
            break
        older.click()

    assert seen == list(range(ENTRIES, 0, -1))


def test_without_javascript_everything_still_works(
    signed_in: Callable[..., Page], acme: Organisation, web: Project
) -> None:
    page = signed_in("ada", java_script_enabled=False)
    page.goto("/orgs/acme/projects/web/containers/new")
    page.locator("[name=name]").fill("Plain")
    page.locator("[name=handle]").fill("plain")
    page.locator("[name=image]").fill("nginx")
    page.locator("main .form .button-main[type=submit]").click()
    expect(page.locator("main")).to_contain_text("Name the image with a tag or digest")
    page.locator("[name=image]").fill("nginx:1.28")
    page.locator("main .form .button-main[type=submit]").click()
    page.wait_for_url("**/containers/plain")
    page.locator("details.danger > summary").click()
    page.locator("details.danger button[type=submit]").click()
    expect(page.locator("main")).to_contain_text("Container Plain terminated")


def test_the_own_feed_names_organisations_and_loses_one_at_once(
    signed_in: Callable[..., Page], acme: Organisation, people: dict[str, User], long: Project
) -> None:
    page = signed_in("ada")
    page.goto("/orgs/new")
    page.locator("[name=name]").fill("Globex")
    page.locator("[name=handle]").fill("globex")
    page.locator("main .form .button-main[type=submit]").click()
    page.wait_for_url("**/orgs/globex")
    page.goto("/activity")
    expect(page.locator("article.entry").first).to_contain_text("Globex")
    scroll_to_the_beginning(page)
    assert len(page.locator("article.entry").all()) == ENTRIES + 1


def test_an_error_keeps_what_was_typed_and_takes_the_focus_there(ada_page: Page, web: Project) -> None:
    ada_page.goto("/orgs/acme/projects/web/containers/new")
    ada_page.locator("[name=name]").fill("Kept")
    ada_page.locator("[name=image]").fill("nginx")
    ada_page.locator("main .form .button-main[type=submit]").click()
    expect(ada_page.locator("[name=image]")).to_have_attribute("aria-invalid", "true")
    expect(ada_page.locator("[name=name]")).to_have_value("Kept")
    expect(ada_page.locator("[name=image]")).to_be_focused()
