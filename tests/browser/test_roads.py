"""From one thing to the next by links alone, also where something has ended; and the row of an entry as its link."""

import pytest
from playwright.sync_api import Locator, Page, expect

from models.kinds.container import Container
from models.log.actor import Actor
from models.project import Project
from models.transaction import transaction
from tests.support.work import job_of, run

FEED = "/orgs/acme/activity"


@pytest.fixture
def gone(web: Project, api: Container, ada: Actor) -> Container:
    """A container that has ended, in a project that is deleted."""
    with transaction():
        api.update(ada, api.version, image="nginx:1.28")
    with transaction() as hints:
        web.delete(ada, "web")
    run(job_of(hints))
    return api


def entry(page: Page, summary: str) -> Locator:
    """The row with this sentence."""
    return page.locator("article.entry").filter(has_text=summary).first


def test_from_a_row_to_everything_around_it_and_back(ada_page: Page, gone: Container) -> None:
    page, heading = ada_page, ada_page.get_by_role("heading", level=1)
    page.goto(FEED)
    entry(page, "Container my-api updated").get_by_role("link").first.click()
    expect(heading).to_have_text("Container my-api updated")
    at = page.url
    facts = page.locator(".facts")
    facts.get_by_role("link", name="my-api").first.click()
    page.wait_for_url(f"**/containers/my-api/{gone.id}")
    expect(heading).to_have_text("my-api")
    expect(page.locator(".notice").first).to_contain_text("was terminated on")
    entry(page, "Container my-api terminated").get_by_role("link").first.click()
    expect(heading).to_have_text("Container my-api terminated")
    entry(page, "Project Web deleted").get_by_role("link").first.click()
    expect(heading).to_have_text("Project Web deleted")
    page.locator(".facts").get_by_role("link", name="Ada Lovelace").click()
    expect(heading).to_have_text("Ada Lovelace")
    entry(page, "Container my-api updated").get_by_role("link").first.click()
    page.wait_for_url(at)
    page.get_by_role("link", name="Previous entry").click()
    expect(heading).to_have_text("Container my-api created")
    page.get_by_role("link", name="Next entry").click()
    page.wait_for_url(at)
    page.get_by_role("link", name="All entries").click()
    page.wait_for_url(f"**{FEED}")


@pytest.mark.parametrize("where", ["alive", "ended in a deleted project"])
def test_a_walk_by_links_alone_and_all_the_way_back(
    ada_page: Page, api: Container, web: Project, ada: Actor, where: str
) -> None:
    with transaction():
        api.update(ada, api.version, image="nginx:1.28")
    if where != "alive":
        with transaction() as hints:
            web.delete(ada, "web")
        run(job_of(hints))
    page, heading = ada_page, ada_page.get_by_role("heading", level=1)
    page.goto(FEED)
    seen = [page.url]

    def follow(link: Locator, reached: str) -> None:
        link.click()
        expect(heading).to_have_text(reached)
        assert page.url not in seen, "the same page again"
        seen.append(page.url)

    follow(entry(page, "Container my-api updated").get_by_role("link").first, "Container my-api updated")
    follow(page.locator(".facts").get_by_role("link", name="my-api").first, "my-api")
    if where != "alive":
        expect(page.locator(".notice").first).to_contain_text("was terminated on")
    follow(entry(page, "Container my-api created").get_by_role("link").first, "Container my-api created")
    follow(page.locator(".facts").get_by_role("link", name="Ada Lovelace"), "Ada Lovelace")
    for passed in reversed(seen[:-1]):
        page.go_back()
        page.wait_for_url(passed)
    expect(entry(page, "Container my-api updated").get_by_role("link").first).to_be_focused()


def test_from_the_overview_to_what_has_ended_in_a_deleted_project(ada_page: Page, gone: Container) -> None:
    page = ada_page
    page.goto("/orgs/acme")
    page.get_by_role("link", name="All projects").click()
    page.wait_for_url("**/orgs/acme/projects")
    page.locator("main").get_by_role("link", name="Web", exact=True).click()
    page.wait_for_url("**/projects/web")
    page.locator("main").get_by_role("link", name="containers", exact=True).click()
    page.wait_for_url("**/containers?ended=1")
    page.get_by_role("link", name="my-api").click()
    page.wait_for_url(f"**/containers/my-api/{gone.id}")


def test_the_whole_row_leads_to_the_entry(ada_page: Page, api: Container) -> None:
    page = ada_page
    page.goto(FEED)
    entry(page, "Container my-api created").locator("time").click()

    page.wait_for_url(f"**{FEED}/6")
    expect(page.get_by_role("heading", level=1)).to_have_text("Container my-api created")


def test_text_in_a_row_can_be_selected(ada_page: Page, api: Container) -> None:
    page = ada_page
    page.goto(FEED)
    box = entry(page, "Container my-api created").locator(".brief").bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 1, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, middle, steps=5)
    page.mouse.up()

    assert "Image" in page.evaluate("getSelection().toString()")
    assert page.url.endswith(FEED)


def test_a_row_opens_beside_the_feed_as_a_link_does(ada_page: Page, api: Container) -> None:
    page = ada_page
    page.goto(FEED)
    with page.context.expect_page() as opened:
        entry(page, "Container my-api created").locator("time").click(modifiers=["Control"])

    opened.value.wait_for_url(f"**{FEED}/6")
    assert page.url.endswith(FEED)


def test_the_links_inside_a_row_lead_where_they_say(ada_page: Page, gone: Container) -> None:
    page = ada_page
    page.goto(FEED)
    entry(page, "Container my-api terminated").get_by_role("link", name="because of").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Project Web deleted")


def test_the_address_of_an_entry_is_copied(ada_page: Page, api: Container) -> None:
    page = ada_page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{FEED}/6")
    page.get_by_role("button", name="Copy").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_the_json_of_an_entry_is_seen_as_text(ada_page: Page, api: Container) -> None:
    page = ada_page
    page.goto(f"{FEED}/6")
    page.get_by_role("link", name="View as JSON").click()
    page.wait_for_url("**/6?format=json")

    expect(page.locator("pre")).to_contain_text('"summary": "Container my-api created"')
