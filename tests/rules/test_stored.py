"""What browsers may keep: every route says it, and every answer bears it."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.rules.test_routes import EXPECTED, Addresses, addresses, ask, visit
from tests.web.conftest import Visitor

__all__ = ["addresses", "visit"]
# Of those that show or bear no link by their address: they show one that was just made.
SHOW_A_LINK = {"members.add", "members.resend"}
OF_THE_ACCOUNT = ("/account",)


def is_stored(app: Flask, endpoint: str) -> bool:
    """Whether the route says that browsers may keep what it answers."""
    return bool(getattr(app.view_functions[endpoint], "stored", True))


def test_nothing_about_an_account_and_no_link_that_opens_something_is_stored(app: Flask) -> None:
    private = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(OF_THE_ACCOUNT) or "token" in rule.arguments
    }

    assert {endpoint for endpoint, _ in EXPECTED if not is_stored(app, endpoint)} == private | SHOW_A_LINK


@pytest.mark.parametrize(("endpoint", "method"), sorted(EXPECTED))
def test_an_answer_says_what_its_route_says(
    app: Flask, addresses: Addresses, visit: Callable[[str], Visitor], endpoint: str, method: str
) -> None:
    is_asset = endpoint == "assets.file"
    versioned = app.jinja_env.from_string('{{ "style.css"|asset }}').render()
    address = versioned if is_asset else addresses.of(endpoint).split("?")[0]
    answer = ask(visit("ada"), method, address)
    kept = answer.headers["Cache-Control"]

    if is_asset:
        assert "immutable" in kept
        assert "Cookie" not in answer.headers.get("Vary", "")
    elif endpoint != "health.check":
        assert kept == ("private, no-cache" if is_stored(app, endpoint) else "no-store")
        # After a sign-out the cookie is another one, so Back asks again. A redirect has nothing to show.
        assert kept == "no-store" or answer.status_code == 302 or "Cookie" in answer.headers["Vary"]
