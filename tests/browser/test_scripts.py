"""What scripts and the browser do for a page: menus, buttons of forms under way, times, copying, signing out."""

import re
import time
from collections.abc import Callable

from playwright.sync_api import Page, Request, Route, expect

from models.organisation import Organisation
from models.project import Project

SLOW_SECONDS = 0.7


def slowly(route: Route) -> None:
    """Let a request through as a bad line would."""
    time.sleep(SLOW_SECONDS)
    route.continue_()


def test_the_menu_closes_by_escape_and_gives_the_focus_back(ada_page: Page) -> None:
    button, menu = ada_page.locator(".menu-button"), ada_page.locator("#user-menu")
    expect(menu).to_be_hidden()
    button.press("Enter")
    expect(menu).to_be_visible()
    ada_page.keyboard.press("Tab")
    ada_page.keyboard.press("Escape")

    expect(menu).to_be_hidden()
    expect(button).to_be_focused()


def test_the_menu_closes_by_a_click_elsewhere(ada_page: Page) -> None:
    ada_page.locator(".menu-button").click()
    expect(ada_page.locator("#user-menu")).to_be_visible()
    ada_page.mouse.click(20, 500)

    expect(ada_page.locator("#user-menu")).to_be_hidden()


def test_the_menu_opens_without_javascript(signed_in: Callable[..., Page]) -> None:
    page = signed_in("ada", java_script_enabled=False)
    page.locator(".menu-button").click()
    page.get_by_role("link", name="Your activity").click()

    page.wait_for_url("**/activity")


def test_a_form_is_sent_once_and_its_button_disabled_meanwhile(ada_page: Page) -> None:
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST":
            sent.append(request.url)

    ada_page.goto("/orgs/acme/projects/new")
    ada_page.locator("[name=name]").press_sequentially("Shop")
    ada_page.route("**/projects/new", slowly)
    ada_page.on("request", note)
    button = ada_page.get_by_role("button", name="Create project")
    button.dblclick(no_wait_after=True)
    expect(button).to_be_disabled()
    ada_page.wait_for_url("**/projects/shop")

    assert len(sent) == 1


def test_the_button_of_a_refused_form_can_be_pressed_again(ada_page: Page) -> None:
    ada_page.goto("/orgs/acme/projects/new")
    button = ada_page.get_by_role("button", name="Create project")
    button.click()
    expect(ada_page.locator("main")).to_contain_text("Enter a name.")

    expect(button).to_be_enabled()


def test_a_link_within_a_form_disables_nothing(ada_page: Page) -> None:
    # The browser's console would complain of a button that is not found: see `complaints`.
    ada_page.goto("/orgs/acme/projects/new")
    ada_page.get_by_role("link", name="Cancel").click()

    ada_page.wait_for_url("**/orgs/acme")


def test_a_time_says_how_long_ago_and_keeps_the_exact_one_in_utc(ada_page: Page, web: Project) -> None:
    ada_page.goto("/orgs/acme/activity")
    shown = ada_page.locator("article.entry time").first

    expect(shown.locator(".ago")).to_have_text(re.compile("just now|seconds ago"))
    assert re.fullmatch(r"[\d-]+T[\d:.]+Z", shown.get_attribute("datetime") or "")
    assert re.search(r" · [\d-]+ [\d:]+ UTC$", shown.get_attribute("title") or "")


def test_a_link_is_copied(ada_page: Page, acme: Organisation) -> None:
    ada_page.goto("/orgs/acme/members")
    ada_page.get_by_label("Email").fill("new@example.com")
    ada_page.get_by_role("button", name="Add member").click()
    ada_page.get_by_role("button", name="Copy").click()

    expect(ada_page.get_by_role("button", name="Copied")).to_be_visible()


def test_signing_out_forgets_the_pages_that_back_would_show(ada_page: Page) -> None:
    ada_page.get_by_role("link", name="Acme").first.click()
    ada_page.wait_for_url("**/orgs/acme")
    assert "htmx-history-cache" in ada_page.evaluate("Object.keys(sessionStorage)")
    ada_page.locator(".menu-button").click()
    ada_page.get_by_role("button", name="Sign out").click()
    ada_page.wait_for_url("**/login")

    assert "htmx-history-cache" not in ada_page.evaluate("Object.keys(sessionStorage)")


def test_after_signing_out_back_shows_no_page_of_before(ada_page: Page) -> None:
    ada_page.goto("/orgs/acme/settings")  # without a feed, which would ask and find out by itself
    other = ada_page.context.new_page()
    other.goto("/orgs/acme/activity")
    other.locator(".menu-button").click()
    other.get_by_role("button", name="Sign out").click()
    other.wait_for_url("**/login")
    other.go_back()
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()

    # As a browser does that has kept the page whole.
    ada_page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(ada_page.get_by_role("heading", name="Sign in")).to_be_visible()
