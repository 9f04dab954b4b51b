"""A fragment is never shown as a page: every answer that depends on a header of htmx says so, on every route."""

import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask, Response, request
from werkzeug.test import TestResponse

from tests.rules.test_routes import EXPECTED, Addresses, addresses
from tests.rules.test_source import having, sources
from tests.web.conftest import TOKEN, Visitor, visit

__all__ = ["addresses", "visit"]

HTMX = {
    "HX-Request": "true",
    "HX-Boosted": "true",
    "HX-History-Restore-Request": "true",
    "HX-Current-URL": "http://localhost/orgs/acme/activity?before=3",
    "HX-Target": "feed",
    "HX-Trigger": "newer",
}
QUERIES = ("", "?before=4", "?cursor=x", "?after=1", "?after=1&show=1")
ONCE = re.compile(r'name="request_id"[^>]*value="[^"]+"|· read [\d-]+ [\d:]+ UTC<')
Asked = Callable[[dict[str, str]], TestResponse]


def undeclared(ask: Asked) -> Iterator[str]:
    """Yields the headers of htmx that change an answer without being named by its Vary."""
    for given in ({}, {"HX-Request": "true"}):
        without = ask(given)
        for name, value in HTMX.items():
            answer = ask({**given, name: value})
            if name not in given and told(answer) != told(without):
                if name.lower() not in without.headers.get("Vary", "").lower():
                    yield f"{name}, without it"
                if name.lower() not in answer.headers.get("Vary", "").lower():
                    yield f"{name}, with it"


def told(answer: TestResponse) -> tuple[object, ...]:
    """What an answer says, apart from what is another one with every request."""
    text = ONCE.sub("", TOKEN.sub("", answer.text))
    return answer.status_code, answer.headers.get("Location"), answer.headers.get("HX-Redirect"), text


@pytest.mark.parametrize(("endpoint", "method"), sorted(EXPECTED))
def test_an_answer_that_depends_on_htmx_says_so(
    addresses: Addresses, visit: Callable[[str], Visitor], endpoint: str, method: str
) -> None:
    ada = visit("ada")
    for query in QUERIES if method == "GET" else ("",):
        address = addresses.of(endpoint).split("?")[0] + query

        def by_ada(headers: dict[str, str], address: str = address) -> TestResponse:
            return ada.ask(method, address, headers=headers)

        def by_nobody(headers: dict[str, str], address: str = address) -> TestResponse:
            return visit("anonymous").ask(method, address, headers=headers)

        assert list(undeclared(by_ada)) == [], address
        assert list(undeclared(by_nobody)) == [], address


@pytest.mark.parametrize("endpoint", sorted(endpoint for endpoint, method in EXPECTED if method == "GET"))
def test_an_address_that_is_opened_shows_a_page(
    addresses: Addresses, visit: Callable[[str], Visitor], endpoint: str
) -> None:
    if endpoint in ("assets.file", "health.check", "proof.checkpoint", "proof.of_entry"):
        return
    for query in QUERIES:
        answer = visit("ada").get(addresses.of(endpoint).split("?")[0] + query, follow_redirects=True)

        assert answer.text.startswith("<!doctype html>"), query


def test_an_asset_depends_on_what_the_browser_can_unpack_alone(visit: Callable[[str], Visitor]) -> None:
    assert visit("anonymous").fragment("/static/style.css").headers["Vary"] == "Accept-Encoding"


def test_an_answer_that_does_not_say_so_would_be_found() -> None:
    app = Flask("other")

    @app.get("/<path>")
    def answer(path: str) -> Response:
        found = Response(request.headers.get("HX-Request", "page"))
        if path == "said":
            found.vary.add("HX-Request")
        return found

    def ask(path: str) -> Asked:
        return lambda headers: app.test_client().get(path, headers=headers)

    assert list(undeclared(ask("/unsaid"))) == ["HX-Request, without it", "HX-Request, with it"]
    assert list(undeclared(ask("/said"))) == []


def test_headers_of_htmx_are_read_in_one_place() -> None:
    assert having(r"headers(\.get\(|\[)\s*[\"']HX-|HTTP_HX_", sources("web")) == set()
    assert having(r"[\"']HX-", sources("web")) == {"web/fragments.py", "web/signed_out.py"}
