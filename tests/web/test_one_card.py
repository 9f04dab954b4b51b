"""A button that is pressed ten times at once, on the real web server."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from models.billing.cards import payment_methods
from models.database import db
from models.organisation import Organisation
from models.settings import Settings
from tests.conftest import PASSWORD
from tests.support.clients import Browser
from tests.support.log import summaries
from tests.support.serving import served

BILLING = "/orgs/acme/billing"
ADD = f"{BILLING}/payment-methods"
CARD = {"brand": "Visa", "last_four": "4242", "expiry_month": "9", "expiry_year": "2099"}
# Of the form that is sent there.
REQUEST_ID = re.compile(rf'action="{ADD}".*?name="request_id"[^>]*value="([^"]+)"'.encode(), re.DOTALL)
CLICKS = 10


@pytest.fixture(scope="module")
def dashboard(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the dashboard on its server, in two processes."""
    with served(settings, tmp_path_factory.mktemp("dashboard"), processes=2) as server:
        yield server.port


@pytest.fixture
def ada_browser(dashboard: int, acme: Organisation) -> Browser:
    """Ada, signed in."""
    browser = Browser(dashboard)
    assert browser.send("/login", email="ada@example.com", password=PASSWORD).status == 302
    return browser


def pressed(browser: Browser, request_ids: list[str]) -> list[int]:
    """The statuses of clicks at the same moment, each in a form with this id."""
    with ThreadPoolExecutor(len(request_ids)) as clicks:
        answers = clicks.map(lambda each: browser.send(BILLING, to=ADD, request_id=each, **CARD), request_ids)
        return [each.status for each in answers]


def test_add_payment_method_pressed_ten_times_at_once_saves_one_card(ada_browser: Browser, acme: Organisation) -> None:
    form = REQUEST_ID.search(ada_browser.get(BILLING).body)
    assert form

    assert pressed(ada_browser, [form[1].decode()] * CLICKS) == [302] * CLICKS
    db.session.rollback()
    assert len(payment_methods(acme.id)) == 1
    assert summaries(acme).count("Payment method Visa ending 4242 added") == 1


def test_ten_forms_save_ten_cards(ada_browser: Browser, acme: Organisation) -> None:
    assert pressed(ada_browser, [str(uuid4()) for _ in range(CLICKS)]) == [302] * CLICKS
    db.session.rollback()
    assert len(payment_methods(acme.id)) == CLICKS
