"""A resource through time, by clicking only, with scripts and without."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from models.kinds.container import Container
from models.log.actor import Actor
from models.transaction import transaction
from tests.support.deployments import deployed, fail

API = "/orgs/acme/projects/web/containers/my-api"


@pytest.fixture(params=[True, False], ids=["with scripts", "without"])
def page(request: pytest.FixtureRequest, signed_in: Callable[..., Page], api: Container) -> Page:
    """Ada's browser, at a container."""
    found = signed_in("ada", java_script_enabled=request.param)
    found.goto(API)
    return found


@pytest.fixture
def changed(api: Container, ada: Actor) -> Container:
    """A container that entry 6 created, and entries 7 and 8 changed."""
    for image in ("nginx:1.28", "nginx:1.29"):
        with transaction():
            api.update(ada, api.version, image=image)
    return api


def test_two_states_are_chosen_compared_and_the_older_one_is_restored(changed: Container, page: Page) -> None:
    heading = page.get_by_role("heading", level=1)
    page.get_by_role("link", name="Compare two moments").click()
    expect(heading).to_have_text("my-api through time")
    page.get_by_role("radio", name="Before: as it was after #6").check()
    page.get_by_role("radio", name="After: as it was after #8").check()
    page.get_by_role("button", name="Compare").click()
    image = page.locator(".compared tr", has_text="Image")
    expect(image.locator("del")).to_have_text("nginx:1.27")
    expect(image.locator("ins")).to_have_text("nginx:1.29")
    page.get_by_role("link", name="Restore this state").click()
    expect(heading).to_have_text("Restore my-api to #6")
    page.get_by_role("button", name="Restore this state").click()
    page.wait_for_url(f"**{API}")
    expect(page.locator("main")).to_contain_text("Container my-api restored to entry #6.")
    page.goto("/orgs/acme/activity/9")
    page.get_by_role("link", name="what it was after #6").click()
    expect(heading).to_have_text("Container my-api created")
    expect(page.locator("#state")).to_contain_text("nginx:1.27")


def test_an_entry_leads_to_what_it_was_before_and_to_now(changed: Container, page: Page) -> None:
    page.goto("/orgs/acme/activity/7")
    page.get_by_role("link", name="Compare with the one before").click()
    image = page.locator(".compared tr", has_text="Image")
    expect(image.locator("ins")).to_have_text("nginx:1.28")
    page.go_back()
    page.get_by_role("link", name="Compare with now").click()
    expect(image.locator("ins")).to_have_text("nginx:1.29")


def test_a_failed_deployment_is_seen_beside_the_last_that_came_up(changed: Container, page: Page, ada: Actor) -> None:
    deployed(changed.key, changed.revision)
    with transaction():
        changed.update(ada, changed.version, memory_mib=64)
    fail(changed)
    page.goto(API)
    told = page.locator("#before-failure")
    expect(told.locator(".changes")).to_contain_text("Memory (MiB)")
    expect(told.locator(".changes tbody tr")).to_have_count(1)
    told.get_by_role("link", name="All fields side by side").click()
    expect(page.locator(".compared .differs")).to_have_count(1)
