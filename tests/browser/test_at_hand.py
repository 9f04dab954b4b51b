"""What one comes to a page for is at hand, and follows what is observed and what is typed."""

from collections.abc import Callable
from datetime import UTC, datetime

import psycopg
from playwright.sync_api import Page, expect

from models import installation
from models.jobs import observation
from models.jobs.observation import Observed
from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.transaction import transaction
from tests.support.deployments import deployed
from tests.support.money import add_card

WEB = "/orgs/acme/projects/web"
MY_API = f"{WEB}/containers/my-api"


def test_the_head_follows_what_is_observed_while_nobody_reloads(ada_page: Page, api: Container) -> None:
    with transaction():
        installation.report("Docker 28.2.2", datetime.now(UTC), None)
    ada_page.goto(MY_API)
    headline = ada_page.locator("#headline")
    expect(headline).to_have_text("Being deployed")
    headline.evaluate("each => { each.dataset.kept = 'yes' }")
    deployed(api.key, 1)
    with transaction():
        installation.report("Docker 28.2.2", datetime.now(UTC), None)
    expect(headline).to_have_text("Running nginx:1.27")
    with transaction():
        observation.observe([Observed(api.key, 1, "error", "restarting: 8 times in 100 s, last exit 137")])
        installation.report("Docker 28.2.2", datetime.now(UTC), None)
    expect(headline).to_have_text("Restarting: 8 times in 100 s, last exit 137")

    # The same element, or a screen reader would not be told.
    expect(headline).to_have_attribute("data-kept", "yes")
    expect(headline).to_have_attribute("role", "status")


def test_a_resource_is_edited_from_the_head_of_its_page(ada_page: Page, api: Container) -> None:
    ada_page.goto(MY_API)
    summary = ada_page.locator("header.head #edit > summary")
    expect(summary).to_be_in_viewport()
    summary.click()
    form = ada_page.locator("#edit form")
    expect(form).to_be_visible()
    head = ada_page.locator("#headline").bounding_box()
    box = form.bounding_box()
    assert head
    assert box
    assert box["y"] >= head["y"] + head["height"]


def test_the_port_of_an_image_is_proposed_while_one_types_and_taken_where_none_is_typed(
    ada_page: Page, web: Project
) -> None:
    ada_page.goto(f"{WEB}/containers/new")
    proposed = ada_page.locator("#port-proposed")
    expect(proposed).to_be_hidden()
    ada_page.get_by_label("Image").fill("nginx:1.28")
    expect(proposed).to_have_text("Left empty: 80, which is usual for nginx.")
    ada_page.get_by_label("Port").fill("81")
    expect(proposed).to_have_text("80 is usual for nginx.")
    ada_page.get_by_label("Port").fill("")
    ada_page.get_by_label("Name").fill("front")
    ada_page.get_by_role("button", name="Create container").click()
    ada_page.wait_for_url(f"**{WEB}/containers/front")

    expect(ada_page.locator(".deployments .facts")).to_contain_text("front:80")


def test_without_scripts_a_button_shows_the_price_and_the_port(
    opened: Callable[..., Page], signed_in: Callable[..., Page], acme: Organisation, web: Project
) -> None:
    page = signed_in("ada", java_script_enabled=False)
    page.goto(f"{WEB}/containers/new")
    page.get_by_label("Image").fill("redis:7.4")
    page.get_by_label("CPU (millicores)").fill("1000")
    page.get_by_label("Memory (MiB)").fill("1024")
    page.get_by_label("Port").fill("80")
    page.get_by_role("button", name="Show what it costs").click()

    expect(page.locator("#price")).to_contain_text("€25.48 a month")
    expect(page.locator("#port-proposed")).to_have_text("6379 is usual for redis.")
    expect(page.get_by_label("Image")).to_have_value("redis:7.4")
    expect(page.locator(".error")).to_have_count(0)


def test_with_scripts_there_is_no_such_button(ada_page: Page, web: Project) -> None:
    ada_page.goto(f"{WEB}/containers/new")

    expect(ada_page.get_by_role("button", name="Create container")).to_be_visible()
    expect(ada_page.get_by_role("button", name="Show what it costs")).to_be_hidden()


def test_every_corner_of_a_figure_leads_to_what_it_counts(
    ada_page: Page, api: Container, superuser: psycopg.Connection
) -> None:
    superuser.execute("UPDATE containers SET status = 'error'")
    ada_page.goto("/orgs/acme")
    cell = ada_page.locator(".counts > div", has_text="Containers")
    box = cell.bounding_box()
    assert box
    cell.click(position={"x": box["width"] - 3, "y": 3})
    ada_page.wait_for_url("**/orgs/acme/containers")
    ada_page.go_back()
    ada_page.get_by_role("link", name="1 failing").click()
    ada_page.wait_for_url("**/orgs/acme/containers?failing=1")

    expect(ada_page.get_by_role("link", name="my-api")).to_be_visible()


def test_a_card_is_typed_into_one_row(ada_page: Page, acme: Organisation, ada: Actor) -> None:
    add_card(acme, ada)
    ada_page.goto("/orgs/acme/billing")
    ada_page.locator("details.add > summary").click()
    places = ada_page.locator("details.add form :is(input:not([type=hidden]), select, button)")
    boxes = [each.bounding_box() for each in places.all()]

    assert len(boxes) == 5
    assert len({round(box["y"]) for box in boxes if box}) == 1
