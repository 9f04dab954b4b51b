"""What the system does by itself, in a browser: seen at once, folded, unfolded; a suspension and its end."""

from collections.abc import Callable
from datetime import timedelta

import psycopg
from playwright.sync_api import Page, expect

from models.database import db
from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.system import charging
from models.transaction import transaction
from tests.support.factories import many_containers
from tests.support.work import job_of, run

CONTAINERS = 10_000
SOON_MILLISECONDS = 15_000  # of a machine that others use; docs/performance.md has what it takes


def test_a_cascade_of_ten_thousand_is_seen_at_once_passed_in_one_step_and_unfolds(
    signed_in: Callable[..., Page], acme: Organisation, web: Project, ada: Actor
) -> None:
    with transaction():
        many_containers(web, ada, CONTAINERS)
    page = signed_in("ada")
    page.goto("/orgs/acme/projects/web/settings")
    page.locator("#delete summary").click()
    page.get_by_label("Confirm").or_(page.locator("[name=confirm]")).first.fill("web")
    page.get_by_role("button", name="Delete project").click()

    # Nobody scrolls, reloads or clicks: the page shows it by itself.
    page.locator(".fold, .entry-system").first.wait_for(timeout=SOON_MILLISECONDS)
    page.get_by_text("Web is deleted.", exact=True).wait_for()
    expect(page.locator("article.entry[data-action=delete]")).to_contain_text("caused 10,000 entries")
    expect(page.locator("#state")).to_have_text("deleted")
    page.goto("/orgs/acme/activity")
    fold = page.locator("li.fold")
    expect(fold).to_have_count(1)
    expect(fold.locator("strong")).to_have_text("system terminated 10,000 containers")
    expect(fold).to_contain_text("Project Web deleted")
    expect(page.locator("article.entry").first).to_contain_text("caused 10,000 entries")

    fold.locator("summary").click()
    expect(fold.locator("article.entry")).to_have_count(50)
    fold.locator("a.older").scroll_into_view_if_needed()
    expect(fold.locator("article.entry")).to_have_count(100)


def test_an_unfolded_run_is_a_page_without_javascript(
    signed_in: Callable[..., Page], acme: Organisation, web: Project, ada: Actor
) -> None:
    with transaction():
        for number in range(60):
            web.create(ada, Container, name=f"c{number}", handle=f"c{number}", image="nginx:1.28")
    with transaction() as hints:
        web.delete(ada, "web")
    run(job_of(hints))
    page = signed_in("ada", java_script_enabled=False)
    page.goto("/orgs/acme/activity")
    page.locator("li.fold summary").click()
    page.get_by_role("link", name="Show the 60 entries").click()

    expect(page.locator("article.entry")).to_have_count(50)
    page.get_by_role("link", name="Load older").click()
    expect(page.locator("article.entry")).to_have_count(10)
    expect(page.get_by_text("These are all the entries in the fold")).to_be_visible()


def test_on_a_phone_the_times_in_an_unfolded_run_stand_below_the_text(
    signed_in: Callable[..., Page], folded: None
) -> None:
    page = signed_in("ada", viewport={"width": 390, "height": 844})
    page.goto("/orgs/acme/activity")
    page.locator("li.fold summary").click()
    entry = page.locator("li.fold article.entry").first
    about, time = entry.locator(".about").bounding_box(), entry.locator("time").bounding_box()

    assert about
    assert time
    assert time["y"] >= about["y"] + about["height"]


def test_a_suspended_organisation_says_until_when_and_a_top_up_resumes_it(
    ada_page: Page, api: Container, superuser: psycopg.Connection
) -> None:
    ada_page.goto("/orgs/acme/billing")
    if not ada_page.get_by_label("Last four digits").is_visible():
        ada_page.get_by_text("Add a payment method").first.click()
    ada_page.get_by_label("Last four digits").fill("4242")
    ada_page.get_by_label("Expiry month").first.fill("9")
    ada_page.get_by_label("Expiry year").first.fill("2031")
    ada_page.get_by_role("button", name="Add payment method").click()
    ada_page.get_by_text("was added").wait_for()
    superuser.execute("UPDATE billing_accounts SET balance_cents = -1, exhausted = true")
    charging.charge_round(timedelta(hours=72), hint=run)
    db.session.rollback()

    ada_page.goto("/orgs/acme/projects/web/containers/my-api")
    expect(ada_page.locator(".notice-warning")).to_contain_text("all containers and memcached are terminated")
    expect(ada_page.locator(".marks").first).to_contain_text("suspended")
    ada_page.get_by_role("link", name="Top up to resume").click()
    ada_page.locator("#top-up-amount").fill("25.00")
    ada_page.get_by_role("button", name="Top up", exact=True).click()
    ada_page.get_by_text("The balance was topped up by €25.00.").wait_for()
    expect(ada_page.locator(".notice-warning")).to_have_count(0)

    ada_page.goto("/orgs/acme/activity")
    ada_page.get_by_text("Organisation Acme resumed: its balance was topped up").wait_for()
