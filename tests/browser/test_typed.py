"""Signing out in another tab, and going back and forward: nothing typed is lost, and no part is shown as a page."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.transaction import transaction
from tests.conftest import PASSWORD

NEW = "/orgs/acme/projects/web/containers/new"
FEED = "/orgs/acme/activity"
TYPED = {"name": "Typed <with> care", "image": "nginx:1.28", "environment": "A=1\nB=two  "}


def sign_out(page: Page) -> None:
    """Signs out, in another tab of the same browser."""
    tab = page.context.new_page()
    tab.goto("/orgs")
    tab.locator(".menu-button").click()
    tab.get_by_role("button", name="Sign out").click()
    tab.wait_for_url("**/login")
    tab.close()


def sign_in(tab: Page) -> None:
    """Signs Ada in on the page with the sign-in."""
    tab.get_by_label("Email").fill("ada@example.com")
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign in").click()
    expect(tab.locator(".menu-button")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_form_filled_in_before_signing_out_elsewhere_is_sent_after_signing_in_again(
    signed_in: Callable[..., Page], web: Project, scripts: bool
) -> None:
    page = signed_in("ada", java_script_enabled=scripts)
    page.goto(NEW)
    for name, value in {**TYPED, "handle": "typed"}.items():
        page.locator(f"[name={name}]").fill(value)
    sign_out(page)
    page.get_by_role("button", name="Create container").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    expect(page.locator(".typed")).to_contain_text(TYPED["name"])
    expect(page.locator(".typed")).not_to_contain_text("B=two")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in in a new tab").click()
    sign_in(opened.value)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("main")).to_contain_text("Nothing was changed yet")
    for name, value in TYPED.items():
        expect(page.locator(f"[name={name}]")).to_have_value(value)
    page.get_by_role("button", name="Create container").click()

    page.wait_for_url("**/containers/typed")
    expect(page.get_by_role("heading", level=1)).to_have_text(TYPED["name"])


def test_a_feed_that_is_open_says_that_its_reader_is_signed_out_and_goes_on_once_they_are_back(
    ada_page: Page, web: Project
) -> None:
    ada_page.goto(f"{FEED}?before=4")
    ada_page.goto(FEED)
    sign_out(ada_page)
    told = ada_page.locator("#signed-out")
    expect(told).to_contain_text("You are signed out.")
    expect(ada_page.locator(".live")).to_have_text("Signed out")
    assert ada_page.url.endswith(FEED)
    assert ada_page.locator("article.entry").count() == 5
    with ada_page.context.expect_page() as opened:
        told.get_by_role("link", name="Sign in").click(modifiers=["ControlOrMeta"])
    sign_in(opened.value)
    assert opened.value.url.endswith(FEED)

    expect(told).to_have_count(0)
    expect(ada_page.locator(".live")).to_have_text("Live")


@pytest.fixture
def long(web: Project, ada: Actor) -> None:
    """A feed of several pages."""
    with transaction():
        for number in range(120):
            web.create(ada, Container, name=f"c{number}", handle=f"c{number}", image="nginx:1.28")


PAGES = (
    "/orgs",
    "/orgs/acme",
    FEED,
    f"{FEED}?before=100",
    f"{FEED}?before=60",
    f"{FEED}/1",
    "/activity",
    "/orgs/acme/members",
    "/orgs/acme/projects/web",
    "/orgs/acme/projects/web/containers",
)
FETCH = """address => fetch(address, {headers: {"HX-Request": "true"}}).then(answer => answer.text())"""


@pytest.mark.parametrize("boosted", [True, False])
def test_back_and_forward_over_ten_pages_show_pages_also_after_their_parts_were_fetched(
    ada_page: Page, acme: Organisation, long: None, boosted: bool
) -> None:
    for address in PAGES:
        go(ada_page, address, boosted)
    elsewhere = ada_page.context.new_page()
    elsewhere.goto("/account")
    for address in PAGES:
        elsewhere.evaluate(FETCH, address)
    for address in reversed(PAGES[:-1]):
        ada_page.go_back()
        assert_is_a_page(ada_page, address)
    for address in PAGES[1:]:
        ada_page.go_forward()
        assert_is_a_page(ada_page, address)


def test_a_part_fetched_in_another_tab_is_not_what_the_address_then_opens(ada_page: Page, long: None) -> None:
    elsewhere = ada_page.context.new_page()
    elsewhere.goto("/account")
    for address in (f"{FEED}?before=100", f"{FEED}?after=4", "/orgs/acme/activity/1?before=9"):
        ada_page.goto(address)
        ada_page.goto("/orgs")
        elsewhere.evaluate(FETCH, address)
        ada_page.go_back()
        assert_is_a_page(ada_page, address)


def go(page: Page, address: str, boosted: bool) -> None:
    """Opens an address, as a link that htmx follows or as one that the browser does."""
    if not boosted:
        page.goto(address)
        return
    link = """address => {
      const link = Object.assign(document.createElement("a"), { href: address, id: "there", textContent: "There" });
      document.getElementById("main").prepend(link);
      htmx.process(link);
    }"""
    page.evaluate(link, address)
    page.locator("#there").click()
    page.wait_for_url(f"**{address}")
    expect(page.locator("#there")).to_have_count(0)


def assert_is_a_page(page: Page, address: str) -> None:
    """A whole page is shown, and it is the one of this address."""
    page.wait_for_url(f"**{address}")
    expect(page.locator("header.top .menu-button")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
