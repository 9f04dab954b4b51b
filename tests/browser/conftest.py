"""A real Chromium in front of a real web process and a real worker."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from models.jobs.job import JobKey
from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.people.user import User
from models.project import Project
from models.settings import Settings
from models.system import cascade
from models.transaction import transaction
from tests.conftest import PASSWORD
from tests.support.processes import site

ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MILLISECONDS = 120_000


# Of this package: a worker that outlived it would go on among the tests of others.
@pytest.fixture(scope="package")
def address(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The running platform."""
    with site(settings, tmp_path_factory.mktemp("logs")) as running:
        yield running


expect.set_options(timeout=PATIENCE_MILLISECONDS)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium where it is installed, else Playwright's own; without either the tests fail, never skip."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the browser's console complained about: a refused script or style is a failure of the page."""
    heard: list[str] = []
    yield heard
    assert not heard


@pytest.fixture
def opened(chromium: Browser, address: str, complaints: list[str], app: object) -> Iterator[Callable[..., Page]]:
    """Open a browser of one's own, with whatever it is to be like."""
    contexts: list[BrowserContext] = []

    def listen(message: ConsoleMessage) -> None:
        refused = "Content Security Policy" in message.text or "Uncaught" in message.text
        # What leaving a page breaks off; whatever fails while one stays has more to say than that it is over.
        left = any(word in message.text for word in ("htmx:sendAbort", "htmx:afterRequest"))
        if message.type == "error" and not left and (refused or "status of" not in message.text):
            complaints.append(message.text)

    def open_browser(**options: Any) -> Page:
        options = {"viewport": {"width": 1280, "height": 800}, **options}
        context = chromium.new_context(base_url=address, **options)
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_browser
    for context in contexts:
        context.close()


@pytest.fixture
def page(opened: Callable[..., Page]) -> Page:
    """A browser with nobody signed in."""
    return opened()


@pytest.fixture
def signed_in(opened: Callable[..., Page], people: dict[str, User]) -> Callable[..., Page]:
    """A browser in which someone has signed in."""

    def sign_in(name: str, **options: Any) -> Page:
        page = opened(**options)
        page.goto("/login")
        page.get_by_label("Email").fill(f"{name}@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/orgs")
        return page

    return sign_in


@pytest.fixture
def ada_page(signed_in: Callable[..., Page], acme: Organisation) -> Page:
    """Ada, owner of acme, in her browser."""
    return signed_in("ada")


@pytest.fixture
def folded(acme: Organisation, web: Project, ada: Actor) -> None:
    """A feed in which a deletion's twelve entries by "system" are folded into one line."""
    with transaction():
        for number in range(12):
            web.create(ada, Container, name=f"c{number}", handle=f"c{number}", image="nginx:1.28")
    with transaction() as hints:
        web.delete(ada, "web")
    for hint in hints:
        assert isinstance(hint, JobKey)
        cascade.run(hint)


def first_entry(page: Page, address: str = "/orgs/acme/activity") -> dict[str, str]:
    """The newest entry of a feed as the page shows it."""
    page.goto(address)
    entry = page.locator("article.entry").first
    names = ("number", "action", "resource-type", "resource", "actor")
    found = {name: entry.get_attribute(f"data-{name}") or "" for name in names}
    return {**found, "summary": entry.locator(".summary").inner_text()}
