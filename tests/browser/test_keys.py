"""The keys of a feed, and where the focus is after Back and after an error."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from models.kinds.container import Container
from models.project import Project

FEED = "/orgs/acme/activity"
NEW = "/orgs/acme/projects/web/containers/new"


def link(page: Page, number: int) -> Locator:
    """The link of a row."""
    return page.locator(f"#entry-acme-{number} .summary a")


def test_j_and_k_go_from_row_to_row_and_enter_opens_one(ada_page: Page) -> None:
    ada_page.goto(FEED)
    ada_page.keyboard.press("j")
    expect(link(ada_page, 4)).to_be_focused()
    ada_page.keyboard.press("j")
    expect(link(ada_page, 3)).to_be_focused()
    ada_page.keyboard.press("k")
    expect(link(ada_page, 4)).to_be_focused()
    ada_page.keyboard.press("Enter")

    ada_page.wait_for_url(f"**{FEED}/4")


def test_a_fold_is_passed_in_one_step_and_entered_when_it_is_open(ada_page: Page, folded: None) -> None:
    ada_page.goto(FEED)
    fold = ada_page.locator(".fold summary")
    ada_page.keyboard.press("j")
    expect(link(ada_page, 18)).to_be_focused()
    ada_page.keyboard.press("j")
    expect(fold).to_be_focused()
    ada_page.keyboard.press("j")
    expect(link(ada_page, 17)).to_be_focused()
    ada_page.keyboard.press("k")
    ada_page.keyboard.press("Enter")
    expect(ada_page.locator(".fold article.entry")).to_have_count(12)
    ada_page.keyboard.press("j")

    expect(link(ada_page, 30)).to_be_focused()


def test_without_the_focus_j_begins_at_what_is_read(ada_page: Page, web: Project) -> None:
    ada_page.set_viewport_size({"width": 1280, "height": 220})
    ada_page.goto(FEED)
    ada_page.evaluate("scrollTo({ top: document.getElementById('entry-acme-2').offsetTop - 60, behavior: 'instant' })")
    ada_page.keyboard.press("j")

    focused = ada_page.evaluate("Number(document.activeElement.closest('.entry').dataset.number)")
    assert focused < 5, "the top of the page is not what is read"


def test_a_question_mark_shows_the_keys_and_there_they_are_turned_off(ada_page: Page) -> None:
    ada_page.goto(FEED)
    keys = ada_page.locator("#keys")
    expect(keys).to_be_hidden()
    ada_page.keyboard.press("?")
    expect(keys).to_be_visible()
    ada_page.get_by_label("Use j and k").uncheck()
    ada_page.keyboard.press("Escape")
    ada_page.reload()
    ada_page.keyboard.press("j")

    assert ada_page.evaluate("document.activeElement === document.body")
    ada_page.get_by_role("button", name="Keys").click()
    expect(ada_page.get_by_label("Use j and k")).not_to_be_checked()


def test_a_letter_that_is_typed_is_no_key(ada_page: Page, api: Container) -> None:
    ada_page.goto("/orgs/acme/projects/web/containers/my-api")
    ada_page.locator("details.edit > summary").click()
    image = ada_page.get_by_label("Image", exact=True)
    image.fill("")
    image.press_sequentially("jk?")

    expect(image).to_have_value("jk?")
    expect(image).to_be_focused()
    expect(ada_page.locator("#keys")).to_be_hidden()


@pytest.mark.parametrize("restored", ["from what was kept", "from the server"])
def test_after_back_the_focus_is_on_the_row_that_was_followed(ada_page: Page, restored: str) -> None:
    ada_page.goto(FEED)
    link(ada_page, 2).click()
    ada_page.wait_for_url(f"**{FEED}/2")
    expect(ada_page.locator("main")).to_be_focused()
    if restored == "from the server":
        ada_page.evaluate("sessionStorage.removeItem('htmx-history-cache')")
    ada_page.go_back()

    expect(link(ada_page, 2)).to_be_focused()


@pytest.mark.parametrize("sent", ["by htmx", "by the browser"])
def test_after_an_error_the_focus_is_on_the_first_field_that_is_wrong(ada_page: Page, web: Project, sent: str) -> None:
    ada_page.goto(NEW)
    ada_page.get_by_label("Name", exact=True).fill("My API")
    ada_page.get_by_label("Handle").fill("NOT ONE")
    if sent == "by htmx":
        ada_page.get_by_role("button", name="Create container").click()
    else:
        ada_page.evaluate("document.querySelector('main form').submit()")
    expect(ada_page.locator(".error")).to_have_count(2)

    expect(ada_page.get_by_label("Handle")).to_be_focused()


def test_without_scripts_the_first_field_that_is_wrong_has_the_focus(signed_in: Callable[..., Page]) -> None:
    page = signed_in("ada", java_script_enabled=False)
    page.goto("/account")
    page.get_by_label("Current password").fill("wrong")
    page.get_by_label("New password").fill("short")
    page.get_by_role("button", name="Change password").click()

    expect(page.locator(".error")).to_have_count(2)
    expect(page.get_by_label("Current password")).to_be_focused()
