"""From the sign-up to the system's own entries, by clicking."""

from playwright.sync_api import Page, expect

from tests.conftest import PASSWORD


def test_a_newcomer_gets_from_sign_up_to_the_systems_own_entry(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Sign up").or_(page.get_by_role("link", name="Create an account")).first.click()
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("Email").fill("ada@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("main .button-main[type=submit]").click()
    page.wait_for_url("**/orgs")

    page.goto("/orgs/new")
    page.get_by_label("Name", exact=True).press_sequentially("Acme & Söhne")
    expect(page.get_by_label("Handle")).to_have_value("acme-sohne")
    page.locator("main .button-main[type=submit]").click()
    page.wait_for_url("**/orgs/acme-sohne")
    page.get_by_role("link", name="New project").first.click()
    page.get_by_label("Name", exact=True).press_sequentially("Web")
    page.locator("main .button-main[type=submit]").click()
    page.wait_for_url("**/projects/web")
    page.goto("/orgs/acme-sohne/projects/web/containers/new")
    page.get_by_label("Name", exact=True).press_sequentially("My API")
    page.get_by_label("Image").fill("nginx:1.28")
    page.locator("main .button-main[type=submit]").click()
    page.wait_for_url("**/containers/my-api")

    page.goto("/orgs/acme-sohne")
    expect(page.locator("article.entry")).to_have_count(3)

    page.goto("/orgs/acme-sohne/projects/web/settings")
    page.locator("details.danger summary").click()
    page.get_by_label("Handle").fill("web")
    page.locator("details.danger button[type=submit]").click()
    page.wait_for_url("**/projects/web")
    expect(page.locator("#progress")).to_contain_text("is deleted")
    expect(page.locator("#progress")).to_contain_text("1 resource ended")

    page.goto("/orgs/acme-sohne/activity")
    newest = page.locator("article.entry").first
    expect(newest).to_have_attribute("data-actor", "system")
    expect(newest).to_have_attribute("data-action", "terminate")
    newest.get_by_role("link", name="because of #4").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Project Web deleted")


def test_with_the_keyboard_alone(page: Page) -> None:
    page.goto("/signup")
    for text in ("Ada Lovelace", "ada@example.com", PASSWORD):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/orgs")
    tab_to(page, "New organisation")
    page.keyboard.press("Enter")
    page.wait_for_url("**/orgs/new")
    tab_to_field(page, "name")
    page.keyboard.type("Acme")
    page.keyboard.press("Enter")
    page.wait_for_url("**/orgs/acme")
    tab_to(page, "Organisation Acme created")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    page.wait_for_url("**/orgs/acme/activity/1")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Organisation Acme created")


def tab_to(page: Page, text: str) -> None:
    """Press Tab until what has the focus says `text`."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if text in (page.evaluate("document.activeElement.innerText") or ""):
            return
    raise AssertionError(f"{text!r} cannot be reached with the Tab key")


def tab_to_field(page: Page, name: str) -> None:
    """Press Tab until the focus is in a field; one that has it already will do."""
    for _ in range(60):
        if page.evaluate("document.activeElement.name") == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{name!r} cannot be reached with the Tab key")
