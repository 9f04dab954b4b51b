"""Every tracked action, done by clicking, then found in the feed."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from models.field import Shape
from models.kinds.catalogue import KINDS
from models.kinds.container import Container
from models.kinds.resource import Resource
from models.log.record import PAST
from models.organisation import Organisation
from models.people.invitation import invitations
from models.people.user import User
from models.project import Project
from tests.browser.conftest import first_entry
from tests.support.invitations import accept
from tests.support.kinds import SAMPLES

WEB = "/orgs/acme/projects/web"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)
def test_a_resource_is_created_updated_and_ended(ada_page: Page, web: Project, kind: type[Resource]) -> None:
    page = ada_page
    plural, noun, end = kind.plural, kind.noun, kind.end_action
    hidden = [name for name, declared in kind.fields().items() if declared.shape is Shape.SECRET]
    first = {**SAMPLES[kind].usual, **dict.fromkeys(hidden, "s3cret-canary")}
    then = {**SAMPLES[kind].changed, **dict.fromkeys(hidden, "another-canary")}
    name = first.get("name", first["handle"])
    page.goto(WEB)
    page.locator(f'a[href$="/{plural}/new"]').first.click()
    page.wait_for_url(f"**/{plural}/new")
    fill(page, "main form", first)
    page.locator("main .form .button-main[type=submit]").click()
    page.wait_for_url(f"**/{plural}/{first['handle']}")
    assert first_entry(page) == entry(5 + 1, "create", noun, name, f"{noun.capitalize()} {name} created")

    page.goto(f"{WEB}/{plural}/{first['handle']}")
    page.locator("details.edit > summary").click()
    fill(page, "details.edit form", then)
    page.locator("#edit .button-main[type=submit]").click()
    expect(page.get_by_role("status").filter(has_text="saved")).to_be_visible()
    assert first_entry(page) == entry(7, "update", noun, name, f"{noun.capitalize()} {name} updated")

    page.goto(f"{WEB}/{plural}/{first['handle']}")
    page.locator("details.danger > summary").click()
    page.locator("details.danger button[type=submit]").click()
    page.wait_for_url("**/projects/web")
    assert first_entry(page) == entry(8, end, noun, name, f"{noun.capitalize()} {name} {PAST[end]}")
    assert "canary" not in page.content()


def test_a_project_is_created_updated_and_deleted(ada_page: Page) -> None:
    page = ada_page
    page.goto("/orgs/acme/projects/new")
    fill(page, "main form", {"name": "Shop", "handle": "shop"})
    page.locator("main .form .button-main[type=submit]").click()
    page.wait_for_url("**/projects/shop")
    assert first_entry(page) == entry(5, "create", "project", "Shop", "Project Shop created")

    page.goto("/orgs/acme/projects/shop/settings")
    fill(page, "main form.panel", {"name": "Web shop"})
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/projects/shop")
    assert first_entry(page) == entry(6, "update", "project", "Web shop", "Project Web shop updated")

    page.goto("/orgs/acme/projects/shop/settings")
    page.locator("details.danger > summary").click()
    page.locator("details.danger input[name=confirm]").fill("shop")
    page.locator("details.danger button[type=submit]").click()
    page.wait_for_url("**/projects/shop")
    assert first_entry(page) == entry(7, "delete", "project", "Web shop", "Project Web shop deleted")


def test_an_organisation_is_created_updated_and_deleted(ada_page: Page, api: Container) -> None:
    page = ada_page
    page.goto("/orgs/new")
    fill(page, "main form", {"name": "Globex", "handle": "globex", "email": "it@globex.example.com"})
    page.locator("main .form .button-main[type=submit]").click()
    page.wait_for_url("**/orgs/globex")
    created = first_entry(page, "/orgs/globex/activity")
    assert created == entry(1, "create", "organisation", "Globex", "Organisation Globex created")

    page.goto("/orgs/acme/settings")
    fill(page, "main form.panel", {"name": "Acme Corporation"})
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="saved")).to_be_visible()
    updated = first_entry(page)
    assert updated == entry(7, "update", "organisation", "Acme Corporation", "Organisation Acme Corporation updated")

    page.goto("/orgs/acme/settings")
    page.locator("details.danger > summary").click()
    page.locator("details.danger input[name=confirm]").fill("acme")
    page.locator("details.danger button[type=submit]").click()
    page.wait_for_url("**/orgs/acme")
    expect(page.locator("#progress")).to_contain_text("is deleted")
    page.goto("/orgs/acme/activity")
    rows = page.locator("article.entry")
    expect(rows.nth(0)).to_have_attribute("data-resource-type", "project")
    expect(rows.nth(0)).to_have_attribute("data-actor", "system")
    expect(rows.nth(1)).to_have_attribute("data-action", "terminate")
    expect(rows.nth(2)).to_have_attribute("data-action", "delete")
    expect(rows.nth(2)).to_have_attribute("data-resource-type", "organisation")
    expect(rows.nth(2)).to_have_attribute("data-actor", "Ada Lovelace")


def test_a_user_is_invited_joins_is_given_another_role_and_removed(
    ada_page: Page, acme: Organisation, people: dict[str, User]
) -> None:
    page = ada_page
    page.goto("/orgs/acme/members")
    page.get_by_label("Email").fill("mallory@example.com")
    page.get_by_label("Role", exact=True).select_option("member")
    page.get_by_role("button", name="Add").first.click()
    expect(page.locator("main")).to_contain_text("Send this link")
    expect(page.locator("main")).not_to_contain_text("Mallory Malory")
    told = "Invitation of mallory@example.com as member sent"
    assert first_entry(page) == entry(5, "create", "invitation", "mallory@example.com", told)
    [invitation] = invitations(acme.id, datetime.now(UTC))
    accept(invitation, people["mallory"])

    page.goto("/orgs/acme/members")
    page.get_by_label("Role of Mallory Malory").select_option("admin")
    page.get_by_role("button", name="Save the role of Mallory Malory").click()
    expect(page.get_by_role("status").filter(has_text="is now an admin of Acme")).to_be_visible()
    told = "User Mallory Malory's role changed from member to admin"
    assert first_entry(page) == entry(7, "update", "user", "Mallory Malory", told)

    page.goto("/orgs/acme/members")
    mallory = page.locator(".item-person").filter(has_text="Mallory Malory")
    mallory.locator("details.danger > summary").click()
    mallory.get_by_role("button", name="Remove Mallory Malory").click()
    expect(page.get_by_role("status").filter(has_text="was removed")).to_be_visible()
    assert first_entry(page) == entry(8, "delete", "user", "Mallory Malory", "User Mallory Malory removed")


def test_the_balance_is_topped_up_and_payment_methods_come_change_and_go(ada_page: Page) -> None:
    page = ada_page
    for number, last_four in enumerate(("4242", "4444"), 5):
        page.goto("/orgs/acme/billing")
        method = page.locator('form[action$="/billing/payment-methods"]')
        if not method.is_visible():
            page.locator("details").filter(has=method).locator("summary").first.click()
        values = {"brand": "Visa", "last_four": last_four, "expiry_month": "9", "expiry_year": "2040"}
        fill(page, 'form[action$="/billing/payment-methods"]', values)
        method.locator("button[type=submit]").click()
        expect(page.get_by_role("status").filter(has_text="was added")).to_be_visible()
        told = f"Payment method Visa ending {last_four} added"
        assert first_entry(page) == entry(number, "create", "billing", f"Visa ending {last_four}", told)

    page.goto("/orgs/acme/billing")
    page.locator(".item-method").filter(has_text="4444").get_by_role("button", name="Make default").click()
    expect(page.get_by_role("status").filter(has_text="is the default")).to_be_visible()
    told = "Payment method Visa ending 4444 made the default"
    assert first_entry(page) == entry(7, "update", "billing", "Visa ending 4444", told)

    page.goto("/orgs/acme/billing")
    fill(page, 'form[action$="/top-ups"]', {"amount": "25"})
    page.locator('form[action$="/top-ups"] button[type=submit]').click()
    expect(page.get_by_role("status").filter(has_text="topped up")).to_be_visible()
    told = "Balance topped up by €25.00 with Visa ending 4444"
    assert first_entry(page) == entry(8, "update", "billing", "Balance", told)

    page.goto("/orgs/acme/billing")
    card = page.locator(".item-method").filter(has_text="4242")
    card.locator("details.danger > summary").click()
    card.locator("details.danger button[type=submit]").click()
    expect(page.get_by_role("status").filter(has_text="was removed")).to_be_visible()
    told = "Payment method Visa ending 4242 removed"
    assert first_entry(page) == entry(9, "delete", "billing", "Visa ending 4242", told)


def test_an_invited_person_joins_by_the_link(ada_page: Page, opened: Callable[..., Page], acme: Organisation) -> None:
    ada_page.goto("/orgs/acme/members")
    ada_page.get_by_label("Email").fill("new@example.com")
    ada_page.get_by_role("button", name="Add").first.click()
    link = ada_page.get_by_label("Invitation link").input_value()
    ada_page.reload()
    expect(ada_page.get_by_label("Invitation link")).to_have_count(0)

    newcomer = opened()
    newcomer.goto(link)
    newcomer.locator('main a[href*="/signup"]').first.click()
    newcomer.get_by_label("Your name").fill("New Person")
    expect(newcomer.get_by_label("Email")).to_have_value("new@example.com")
    newcomer.get_by_label("Password").fill("a long password")
    newcomer.locator("main button[type=submit]").click()
    newcomer.get_by_role("button", name="Join").click()
    newcomer.wait_for_url("**/orgs/acme")
    told = "User New Person added as member, invited by Ada Lovelace"
    assert first_entry(ada_page)["summary"] == told


def fill(page: Page, form: str, values: dict[str, str]) -> None:
    """Type or choose each value in its field."""
    for name, value in values.items():
        field = page.locator(f'{form} [name="{name}"]').first
        if field.evaluate("element => element.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)


def entry(number: int, action: str, type: str, resource: str, summary: str) -> dict[str, str]:
    """What the newest row should say, by Ada."""
    return {
        "number": str(number),
        "action": action,
        "resource-type": type,
        "resource": resource,
        "actor": "Ada Lovelace",
        "summary": summary,
    }
