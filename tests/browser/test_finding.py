"""Finding something in the log: by clicking alone, with the keyboard, and without scripts."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect

from models.jobs.job import JobKey
from models.kinds.memcached import Memcached
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.system import cascade
from models.transaction import transaction

FEED = "/orgs/acme/activity"


@pytest.fixture
def busy(busy: Project, acme: Organisation, ada: Actor) -> Project:
    """A project in which a few things happened, and one that the system has emptied."""
    with transaction():
        acme.create_project(ada, name="Old", handle="old").create(ada, Memcached, name="old", handle="old")
    with transaction() as hints:
        acme.find_project("old").delete(ada, "old")
    for hint in hints:
        if isinstance(hint, JobKey):
            cascade.run(hint)
    return busy


def on_last_sunday(superuser: psycopg.Connection) -> None:
    """Moves what has happened so far to last Sunday, all of it in its order."""
    now = datetime.now(UTC)
    noon = (now - timedelta(days=now.isoweekday())).replace(hour=12, minute=0)
    with superuser.transaction():
        superuser.execute("ALTER TABLE activity_entries DISABLE TRIGGER activity_entries_are_permanent")
        superuser.execute("UPDATE activity_entries SET occurred_at = %s + number * interval '1 second'", (noon,))
        superuser.execute("ALTER TABLE activity_entries ENABLE ALWAYS TRIGGER activity_entries_are_permanent")


def summaries(page: Page) -> Locator:
    """The sentences on the page."""
    return page.locator("#feed .entry .summary")


def choose(page: Page, menu: str, label: str) -> None:
    """Opens a menu and follows what it offers."""
    page.locator("#finder-menus").get_by_role("button", name=menu, exact=True).click()
    offered = page.locator("#menu")
    offered.get_by_role("link", name=label).first.click()
    expect(page.locator(".asked-term").first).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_the_questions_of_an_investigation_are_answered_by_clicking_alone(
    signed_in: Callable[..., Page], busy: Project, superuser: psycopg.Connection, scripts: bool
) -> None:
    on_last_sunday(superuser)
    page = signed_in("ada", java_script_enabled=scripts)

    # Who removed a member?
    page.goto(FEED)
    choose(page, "Action", "Deleted")
    choose(page, "Type", "User")
    expect(summaries(page)).to_have_text(["User Linus Pauling removed"])
    expect(page.locator("#feed .entry .actor")).to_contain_text("Ada Lovelace")

    # When did the image of my-api change, and to what?
    page.get_by_role("link", name="Clear", exact=True).click()
    expect(page.locator(".asked-term")).to_have_count(0)
    page.get_by_role("link", name="Only my-api").first.click()
    expect(page.locator(".asked-term")).to_have_count(1)
    expect(summaries(page)).to_have_text(["Container my-api updated", "Container my-api created"])
    expect(page.locator("#feed .entry .brief").first).to_contain_text("nginx:1.27 → 1.28")
    expect(page.locator("#feed .entry time").first).to_be_visible()

    # What did "system" do last Sunday?
    page.get_by_role("link", name="Clear", exact=True).click()
    expect(page.locator(".asked-term")).to_have_count(0)
    choose(page, "Person", "system")
    choose(page, "Date", "Last Sunday")
    expect(page.locator(".asked-term")).to_have_count(2)
    expect(summaries(page)).to_have_text(["Memcached old terminated"])

    # What happened to everything called "db-"?
    page.get_by_role("link", name="Clear", exact=True).click()
    expect(page.locator(".asked-term")).to_have_count(0)
    choose(page, "Name", "db-…")
    expect(summaries(page)).to_have_text(["Memcached db-cache created", "Container db-main created"])


def test_everything_called_db_is_one_word(ada_page: Page, busy: Project) -> None:
    ada_page.goto(FEED)
    ada_page.keyboard.press("/")
    expect(ada_page.locator("#feed-query")).to_be_focused()
    ada_page.keyboard.type("resource:db-*")
    ada_page.keyboard.press("Enter")

    expect(summaries(ada_page)).to_have_text(["Memcached db-cache created", "Container db-main created"])
    expect(ada_page.locator(".explained")).to_have_text("Entries about anything that begins with “db-”")
    assert "q=resource%3Adb-" in ada_page.url
    ada_page.go_back()
    expect(ada_page.locator(".asked-term")).to_have_count(0)
    expect(summaries(ada_page)).not_to_have_count(2)


def test_what_is_typed_is_continued_with_the_keyboard(ada_page: Page, busy: Project) -> None:
    ada_page.goto(FEED)
    ada_page.locator("#feed-query").click()
    ada_page.keyboard.type("ty")
    expect(ada_page.locator("#suggestions button")).to_have_text(["type:"])
    ada_page.keyboard.press("ArrowDown")
    ada_page.keyboard.press("Enter")
    expect(ada_page.locator("#feed-query")).to_have_value("type:")
    expect(ada_page.locator("#suggestions button").first).to_have_text("Container")
    ada_page.locator("#suggestions").get_by_role("button", name="Memcached").click()
    expect(ada_page.locator("#feed-query")).to_have_value("type:memcached ")
    expect(ada_page.locator("#feed-query")).to_be_focused()
    ada_page.keyboard.press("Enter")

    expect(ada_page.locator(".asked-term")).to_have_count(1)
    expect(summaries(ada_page).first).to_contain_text("Memcached")


def test_escape_closes_the_suggestions_and_then_empties_the_field(ada_page: Page, busy: Project) -> None:
    ada_page.goto(FEED)
    field = ada_page.locator("#feed-query")
    field.click()
    ada_page.keyboard.type("ac")
    expect(ada_page.locator("#suggestions")).to_be_visible()
    ada_page.keyboard.press("Escape")
    expect(ada_page.locator("#suggestions")).to_be_hidden()
    expect(field).to_have_value("ac")
    ada_page.keyboard.press("Escape")

    expect(field).to_have_value("")
    expect(field).to_be_focused()


def test_a_click_with_alt_excludes_what_a_row_names(ada_page: Page, busy: Project) -> None:
    ada_page.goto(FEED)
    ada_page.locator("#feed .entry .actor", has_text="system").first.click(modifiers=["Alt"])
    expect(ada_page.locator(".asked-out")).to_have_attribute("data-term", "-actor:system")
    ada_page.get_by_role("link", name="Ask for -actor:system").click()

    expect(ada_page.locator(".asked-term")).to_have_attribute("data-term", "actor:system")
    expect(ada_page.locator("#feed .entry:not(.entry-system)")).to_have_count(0)


def test_what_is_wrong_is_said_at_the_field_which_keeps_it_and_has_the_focus(ada_page: Page, busy: Project) -> None:
    ada_page.goto(FEED)
    field = ada_page.locator("#feed-query")
    field.fill("type:contaner")
    field.press("Enter")

    expect(ada_page.locator("#finder-error")).to_contain_text("Did you mean container?")
    expect(field).to_have_value("type:contaner")
    expect(field).to_be_focused()


def test_new_entries_are_announced_within_a_search(ada_page: Page, busy: Project, ada: Actor) -> None:
    ada_page.goto(f"{FEED}?q=db-")
    with transaction():
        busy.create(ada, Memcached, name="quiet", handle="quiet")
        busy.create(ada, Memcached, name="db-late", handle="db-late")
    ada_page.locator("#newer .pill").click()

    expect(summaries(ada_page).first).to_have_text("Memcached db-late created")
    expect(summaries(ada_page)).to_have_count(3)


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_on_a_phone_menus_views_and_moments_are_folded_until_asked_for(
    signed_in: Callable[..., Page], busy: Project, scripts: bool
) -> None:
    page = signed_in("ada", java_script_enabled=scripts, viewport={"width": 390, "height": 844})
    page.goto(FEED)
    menus = page.locator("#finder-menus").get_by_role("button")
    expect(page.get_by_role("searchbox", name="Find in the log")).to_be_visible()
    expect(menus).to_have_count(0)
    page.locator("summary", has_text="More ways to find").click()
    expect(page.get_by_label("Go to")).to_be_visible()
    choose(page, "Action", "Created")

    expect(page.locator(".asked-term")).to_have_attribute("data-term", "action:create")
    expect(menus).to_have_count(0)


def test_where_there_is_room_nothing_is_folded(ada_page: Page, busy: Project) -> None:
    ada_page.goto(FEED)

    expect(ada_page.locator("#finder-menus").get_by_role("button")).to_have_count(7)
    expect(ada_page.locator("summary", has_text="More ways to find")).to_be_hidden()
    find, go = ada_page.locator("#feed-query").bounding_box(), ada_page.get_by_label("Go to").bounding_box()
    menu = ada_page.locator("#menu-actor").bounding_box()
    assert find
    assert go
    assert menu
    assert abs(go["y"] - menu["y"]) < 4, "on one line"
    assert go["y"] - find["y"] < 60, "the one below the field"
