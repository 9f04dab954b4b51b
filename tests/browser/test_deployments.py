"""A changed image in a browser: asked for, coming up, running or not, and the page shows it by itself."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from bench.engine import Engine
from models.kinds.container import Container
from models.kinds.secret import Secret
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.settings import Settings
from models.transaction import transaction
from tests.support.processes import process, runtime

MY_API = "/orgs/acme/projects/web/containers/my-api"
SOON_MILLISECONDS = 120_000


@pytest.fixture
def running_engine(settings: Settings, app: object, engine: Engine, tmp_path: Path) -> Iterator[Engine]:
    """An engine, the process that drives it, and the one that has it look again at what had to wait."""
    with (
        runtime(settings, engine.host, tmp_path),
        process(settings, tmp_path / "scheduler.log", "scheduler"),
    ):
        yield engine


def edit(page: Page, **fields: str) -> None:
    """Change the container on its page."""
    page.goto(MY_API)
    page.locator("#edit summary").click()
    for label, value in fields.items():
        page.get_by_label(label).fill(value)
    page.get_by_role("button", name="Save container").click()


def test_a_change_of_image_is_followed_until_it_runs_or_fails(
    running_engine: Engine, signed_in: Callable[..., Page], acme: Organisation, web: Project
) -> None:
    page = signed_in("linus")
    page.goto("/orgs/acme/projects/web/containers/new")
    page.get_by_label("Name").fill("my-api")
    page.get_by_label("Image").fill("acme/web:1")
    page.get_by_label("Memory (MiB)").fill("64")
    page.get_by_role("button", name="Create container").or_(page.locator("form.form button[type=submit]")).first.click()
    page.wait_for_url(f"**{MY_API}")
    # Nobody reloads from here on.
    observed = page.locator(".deployments .observed")
    expect(observed).to_contain_text("revision 1", timeout=SOON_MILLISECONDS)
    expect(page.locator("article.entry").first).to_contain_text("Container my-api deployed acme/web:1")
    expect(page.locator("article.entry").nth(1)).to_contain_text("caused 1 entry")

    edit(page, Image="acme/web:2")
    expect(observed).to_contain_text("revision 2", timeout=SOON_MILLISECONDS)
    edit(page, Image="acme/ends:1")
    failed = page.locator(".deployment").first
    expect(failed).to_contain_text("it ended at once, with status 3", timeout=SOON_MILLISECONDS)
    expect(observed).to_contain_text("revision 2")
    entry = page.locator("article.entry").first
    expect(entry).to_contain_text("Container my-api failed to deploy: it ended at once, with status 3")
    expect(entry).to_have_attribute("data-actor", "system")
    failed.get_by_role("link", name="Revision 3").click()
    page.wait_for_url("**/orgs/acme/activity/10")
    expect(page.get_by_role("heading", level=1)).to_have_text("Container my-api updated")


def test_a_new_value_of_a_secret_offers_a_deployment(
    running_engine: Engine, signed_in: Callable[..., Page], acme: Organisation, web: Project, ada: Actor
) -> None:
    with transaction():
        web.create(ada, Secret, handle="token", value="first")
        web.create(ada, Container, name="my-api", handle="my-api", image="acme/web:1", memory_mib=64, secrets=["token"])
    page = signed_in("linus")
    page.goto("/orgs/acme/projects/web/secrets/token")
    page.locator("#edit summary").click()
    page.get_by_label("Value").fill("second")
    page.get_by_role("button", name="Save secret").click()
    expect(page.locator("#notices")).to_contain_text("takes effect with the next deployment of my-api")
    page.get_by_role("button", name="Deploy my-api again").click()
    expect(page.locator("#notices")).to_contain_text("To be deployed again: my-api.")

    page.goto(MY_API)
    expect(page.locator(".deployments .observed")).to_contain_text("revision 2", timeout=SOON_MILLISECONDS)
    [one] = running_engine.ours()
    assert "TOKEN=second" in running_engine.api.inspect_container(str(one["Id"]))["Config"]["Env"]

    page.goto("/orgs/acme/projects/web/secrets/token")
    page.locator("#end summary").click()
    page.get_by_role("button", name="Delete token").click()
    expect(page.locator("#main")).to_contain_text("Secret token is used by my-api. Remove it there first.")


def test_without_an_engine_the_pages_say_that_nothing_is_run(ada_page: Page, api: Container) -> None:
    for address in ("/orgs/acme", "/orgs/acme/projects/web", MY_API):
        ada_page.goto(address)
        expect(ada_page.locator("#engine")).to_contain_text("nothing is being run")
    expect(ada_page.locator(".deployments .observed")).to_have_text("not run")
    expect(ada_page.locator(".deployment .state")).to_have_text("planned")
