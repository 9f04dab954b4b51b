"""Output in a browser: it comes when it is opened, grows by itself, and holds still while it is read."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from models import installation
from models.jobs.deployment import DeploymentKey
from models.jobs.output import Line, Output
from models.kinds.container import Container
from models.organisation import Organisation
from models.transaction import transaction
from worker import output

MY_API = "/orgs/acme/projects/web/containers/my-api"
PHONE = {"viewport": {"width": 375, "height": 700}, "is_mobile": True, "has_touch": True}


@pytest.fixture(autouse=True)
def _lasting(app: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine is there, and what was read stays for as long as a busy machine needs."""
    monkeypatch.setattr("worker.output.KEPT_SECONDS", 600)
    with transaction():
        installation.report("Docker 28.2.2", datetime.now(UTC))


def read(container: Container, count: int) -> None:
    """The runtime has read so many lines."""
    lines = [Line("2026-11-26T19:00:00Z", 1, f"line {each} " + "word " * 20) for each in range(count)]
    output.hand_over(DeploymentKey(*container.key, 1), Output(lines))


def test_it_comes_when_it_is_opened_and_grows_while_nobody_reads_further_up(
    signed_in: Callable[..., Page], acme: Organisation, api: Container
) -> None:
    read(api, 50)
    page = signed_in("linus")
    page.goto(MY_API)
    lines = page.locator(".output-lines")
    expect(lines).to_have_count(0)
    page.locator(".output-peek summary").click()
    expect(lines).to_contain_text("line 49")
    read(api, 60)
    expect(lines).to_contain_text("line 59")
    # Its newest line is in view.
    assert lines.evaluate("box => box.scrollTop") == 0

    lines.evaluate("box => { box.scrollTop = -200 }")
    expect(page.locator(".output-live")).to_have_text("Paused while you read")
    read(api, 70)
    lines.evaluate("box => { box.scrollTop = 0 }")
    expect(lines).to_contain_text("line 69")
    expect(page.locator(".output-live")).to_have_text("Live")


def test_on_a_phone_and_without_scripts_it_is_a_page(
    signed_in: Callable[..., Page], acme: Organisation, api: Container
) -> None:
    read(api, 50)
    page = signed_in("linus", java_script_enabled=False, color_scheme="dark", **PHONE)
    page.goto(MY_API)
    page.locator(".output-peek summary").click()
    page.get_by_role("link", name="Show what my-api has written lately").click()

    expect(page.locator(".output-lines")).to_contain_text("line 49")
    assert page.locator("html").evaluate("page => page.scrollWidth <= page.clientWidth")
    page.get_by_role("link", name="Read again").click()
    expect(page.locator(".output-lines")).to_contain_text("line 49")
