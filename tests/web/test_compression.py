"""Answers are compressed for whoever takes it, and their lengths tell no secret."""

import gzip
import re
from collections.abc import Callable, Iterator
from contextvars import Context

import pytest
from flask import Flask, Response
from werkzeug.test import TestResponse

from models.kinds.container import Container
from models.organisation import Organisation
from models.settings import Settings
from tests.web.conftest import Visitor, token_in
from web import compression
from web.form_token import masked, unmasked

FEED = "/orgs/acme/activity"
TAKES = {"Accept-Encoding": "gzip, deflate, br, zstd"}
OF_US = {**TAKES, "Sec-Fetch-Site": "same-origin"}
OF_ANOTHER_SITE = {**TAKES, "Sec-Fetch-Site": "cross-site"}


def is_packed(answer: TestResponse) -> bool:
    """Whether it came in gzip's format."""
    return answer.headers.get("Content-Encoding") == "gzip"


def bare(text: str) -> str:
    """A page without its token and its time, which differ each time."""
    return re.sub(r'name="csrf_token"[^>]*value="[^"]+"|read [\d-]+ [\d:]+ UTC', "", text)


def test_a_page_is_compressed_for_who_takes_it_and_says_the_same(owner: Visitor, acme: Organisation) -> None:
    plain, packed = owner.get(FEED), owner.get(FEED, headers=OF_US)

    assert is_packed(packed)
    assert not is_packed(plain)
    assert len(packed.data) == int(packed.headers["Content-Length"]) < len(plain.data) / 2
    assert bare(gzip.decompress(packed.data).decode()) == bare(plain.text)


def test_caches_are_told_that_it_depends_on_what_is_taken(owner: Visitor, acme: Organisation) -> None:
    for headers in ({}, OF_US):
        assert "Accept-Encoding" in owner.get(FEED, headers=headers).headers["Vary"]


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        ("gzip", True),
        ("GZIP;q=0.5", True),
        ("br, *", True),
        ("", False),
        ("br, identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("*;q=0", False),
        ("gzip;q=x", False),
    ],
)
def test_gzip_is_sent_to_who_says_that_it_is_taken(accepted: str, taken: bool) -> None:
    assert compression.takes_gzip(accepted) == taken


@pytest.mark.parametrize(
    "address", ["/orgs/acme/projects/new", "/orgs/acme/settings", "/orgs/acme/members", "/account"]
)
def test_a_page_bears_its_token_differently_each_time_but_the_same_all_over(
    owner: Visitor, acme: Organisation, address: str
) -> None:
    found = [re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', owner.get(address).text) for _ in range(2)]

    assert all(len(each) > 1 for each in found), "in the form and in the menu"
    assert all(len(set(each)) == 1 for each in found), "once for gzip, whatever is written how often"
    assert found[0][0] != found[1][0]
    assert not any("." in token for each in found for token in each), "without a mask it has dots"


def test_each_of_the_different_tokens_holds(owner: Visitor, acme: Organisation) -> None:
    address = "/orgs/acme/projects/new"
    for number, page in enumerate([owner.get(address) for _ in range(2)]):
        sent = {"csrf_token": token_in(page), "name": "Shop", "handle": f"shop-{number}"}
        assert owner.ask("POST", address, data=sent).status_code == 302


def test_who_is_not_signed_in_gets_a_token_under_a_mask_too(visit: Callable[[str], Visitor]) -> None:
    page = visit("anonymous").get("/login")

    assert "." not in token_in(page)


def test_what_is_under_two_masks_has_nothing_in_common(app: Flask) -> None:

    token = "x" * 90

    def answer() -> str:
        with app.test_request_context():
            return masked(token)

    # Each in a context of its own: inside the test's they would share its `g`.
    found = [Context().run(answer) for _ in range(2)]

    assert all(unmasked(each) == token for each in found)
    assert sum(one == other for one, other in zip(*found, strict=True)) < len(found[0]) / 4


def test_a_token_from_before_there_were_masks_still_holds(owner: Visitor, acme: Organisation) -> None:

    token = unmasked(token_in(owner.get("/orgs/acme/projects/new")))
    sent = {"csrf_token": token, "name": "Shop", "handle": "shop"}

    assert "." in token
    assert owner.ask("POST", "/orgs/acme/projects/new", data=sent).status_code == 302


def test_what_another_site_asks_for_is_not_compressed(owner: Visitor, acme: Organisation) -> None:
    assert not is_packed(owner.get(FEED, headers=OF_ANOTHER_SITE))
    assert not is_packed(owner.get(FEED, headers={**TAKES, "Sec-Fetch-Site": "same-site"}))


def test_who_does_not_say_whence_it_is_asked_gets_no_query_compressed(owner: Visitor, acme: Organisation) -> None:
    assert is_packed(owner.get(FEED, headers=TAKES))
    assert not is_packed(owner.get(f"{FEED}?guess=1", headers=TAKES))
    assert is_packed(owner.get(f"{FEED}?guess=1", headers=OF_US))


def test_a_form_that_is_shown_again_is_not_compressed(owner: Visitor, acme: Organisation) -> None:
    token = token_in(owner.get("/orgs/acme/projects/new"))
    answer = owner.ask(
        "POST", "/orgs/acme/projects/new", data={"csrf_token": token, "name": "Typed", "handle": ""}, headers=OF_US
    )

    assert answer.status_code == 422
    assert not is_packed(answer)
    assert 'value="Typed"' in answer.text


def test_what_is_never_stored_is_not_compressed(owner: Visitor, acme: Organisation) -> None:
    answer = owner.get("/account", headers=OF_US)

    assert answer.headers["Cache-Control"] == "no-store"
    assert not is_packed(answer)


@pytest.mark.parametrize("page", ["output", "deployments/1", "deployments/1/output"])
def test_what_strangers_write_into_is_not_compressed(owner: Visitor, api: Container, page: str) -> None:
    answer = owner.get(f"/orgs/acme/projects/web/containers/my-api/{page}", headers=OF_US)

    assert answer.status_code == 200
    assert len(answer.data) > compression.LEAST_BYTES
    assert not is_packed(answer)


def test_the_poll_of_a_feed_keeps_its_etag(owner: Visitor, acme: Organisation) -> None:
    headers = {**OF_US, "HX-Request": "true"}
    first = owner.get(f"{FEED}?after=0", headers=headers)
    etag = first.headers["ETag"]

    assert not is_packed(first)
    assert owner.get(f"{FEED}?after=0", headers={**headers, "If-None-Match": etag}).status_code == 304


def test_an_answer_that_comes_bit_by_bit_is_passed_on_as_it_comes(settings: Settings) -> None:
    app, made = Flask("streaming"), []
    compression.attach(app, settings)

    @app.get("/")
    def stream() -> Response:
        def parts() -> Iterator[str]:
            for number in range(3):
                made.append(number)
                yield "line " * 1000

        return Response(parts(), mimetype="text/csv")

    answer = app.test_client().get("/", headers=OF_US, buffered=False)
    parts = answer.iter_encoded()
    first = next(iter(parts))

    assert made == [0], "nothing is made before somebody reads it"
    assert first == b"line " * 1000
    assert not is_packed(answer)


def test_an_asset_is_sent_packed_or_plain_each_with_an_etag_of_its_own(
    owner: Visitor, asset: Callable[[str], str]
) -> None:
    address = asset("style.css")
    plain, packed = owner.get(address), owner.get(address, headers=TAKES)

    assert gzip.decompress(packed.data) == plain.data
    assert plain.headers["ETag"] != packed.headers["ETag"]
    for answer, headers in ((plain, {}), (packed, TAKES)):
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert "immutable" in answer.headers["Cache-Control"]
        again = owner.get(address, headers={**headers, "If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["Vary"] == "Accept-Encoding"


def test_an_asset_is_packed_whoever_asks_for_it(owner: Visitor, asset: Callable[[str], str]) -> None:
    for headers in (TAKES, OF_US, OF_ANOTHER_SITE):
        assert is_packed(owner.get(asset("vendor/htmx.min.js"), headers=headers))


def test_a_font_is_packed_by_itself(owner: Visitor, asset: Callable[[str], str]) -> None:
    answer = owner.get(asset("vendor/inter.woff2"), headers=TAKES)

    assert answer.mimetype == "font/woff2"
    assert not is_packed(answer)


@pytest.fixture
def asset(app: Flask, acme: Organisation) -> Callable[[str], str]:
    """The address of an asset as it stands in pages."""
    return lambda path: app.jinja_env.from_string(f'{{{{ "{path}"|asset }}}}').render()
