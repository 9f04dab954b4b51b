"""`make screenshots`: the pictures of the README and of docs/, from a running demo."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Literal

import flask
from playwright.sync_api import Page, ViewportSize, sync_playwright

from models import database, demo, sealed
from models.migrations import migrate
from tests.browser.conftest import ARGUMENTS
from tests.support.processes import runtime, site
from tests.support.seals import seal_now
from tests.support.servers import start

DOCS = Path(__file__).resolve().parent.parent / "docs"
PASSWORD = "a demo password"
DESKTOP, PHONE = ViewportSize(width=1280, height=860), ViewportSize(width=390, height=844)
SEARCH = "actor%3A%22Grace+Hopper%22+action%3Acreate,update+type%3Acontainer"
# Name, address, width, light or dark.
PICTURES: tuple[tuple[str, str, ViewportSize, Literal["light", "dark"]], ...] = (
    ("dashboard", "/orgs/acme", DESKTOP, "light"),
    ("entry", "/orgs/acme/activity/118", DESKTOP, "light"),
    ("activity-dark", "/activity", DESKTOP, "dark"),
    ("project", "/orgs/acme/projects/web-shop", DESKTOP, "light"),
    ("phone", "/orgs/acme/activity", PHONE, "light"),
    ("search", f"/orgs/acme/activity?q={SEARCH}", DESKTOP, "light"),
    ("search-phone", f"/orgs/acme/activity?q={SEARCH}", PHONE, "light"),
    ("search-dark", f"/orgs/acme/activity?q={SEARCH}&menu=type", DESKTOP, "dark"),
    ("proof", "/orgs/acme/proof", DESKTOP, "light"),
    ("proof-phone-dark", "/orgs/acme/proof", PHONE, "dark"),
)


def main() -> None:
    """Fill a demo, open its pages, keep the pictures."""
    with tempfile.TemporaryDirectory() as name, start(Path(name)) as servers:
        settings = servers.settings(Path(name) / "data")
        migrate(settings.database_owner_url, "activity_log_app")
        bare = flask.Flask("screenshots")
        for module in (sealed, database):
            module.attach(bare, settings)
        with bare.app_context():
            for _ in demo.fill(PASSWORD):
                pass
            seal_now(settings)
        with site(settings, Path(name)) as address, runtime(settings, "none", Path(name)):
            _take(address)


def _take(address: str) -> None:
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        for name, path, size, scheme in PICTURES:
            page = browser.new_page(
                base_url=address,
                viewport=size,
                color_scheme=scheme,
                timezone_id="Europe/Zurich",
            )
            _sign_in(page)
            page.goto(path)
            page.wait_for_load_state("networkidle")
            page.screenshot(path=DOCS / f"{name}.png")
            page.close()
        browser.close()


def _sign_in(page: Page) -> None:
    page.goto("/login")
    page.get_by_label("Email").fill("ada@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/orgs")


if __name__ == "__main__":
    main()
