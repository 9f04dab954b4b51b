"""Every text that a browser sends is refused by its length before anything looks into it.

Which fields, parameters, cookies and headers there are is found out by watching what the routes read: a new one without
a limit fails here.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from html import unescape
from typing import Any

import pytest
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import TestResponse

from models.kinds.catalogue import KINDS
from models.log.actor import Actor
from models.organisation import Organisation
from models.people.account_link import Purpose, make_link
from models.people.user import User
from models.project import Project
from models.settings import Settings
from models.transaction import transaction
from tests.rules.test_routes import EXPECTED, Addresses, addresses, ask
from tests.support.invitations import invite
from tests.support.log import entries
from tests.support.reading import Read, following, watch
from tests.support.world import complete, handle_of
from tests.web.conftest import Visitor, visit
from web import bounds, form_body
from web.application import create_app
from web.forms import Form, form_for

__all__ = ["addresses", "visit"]

# Read without a form, for all routes in one place: tried once, and not at each of them.
BY_HAND = set(bounds.BY_HAND)
# What leaves less to read for those that come after it.
LAST = ("resources.terminate", "billing.remove_method", "members.remove", "members.revoke")
# Longer than any field may be: in characters, in bytes, and as a few letters under many marks.
FORM_TEXTS = {"characters": "x" * 35_000, "bytes": "\U0001f600" * 33_000, "marks": "a" + "\u0301\u0323" * 17_000}
# An address is shorter than a form.
QUERY_TEXTS = {"characters": "x" * 2100, "bytes": "\U0001f600" * 201, "marks": "a" + "\u0301\u0323" * 250}
PART_TEXTS = {"characters": "x" * 150, "bytes": "\U0001f600" * 110, "marks": "a" + "\u0301" * 120}
REFUSED = re.compile(
    r"(?P<what>[^<>]+?) is too long: "
    r"(?:[\d,]+ (?:characters|bytes), at most (?P<most>[\d,]+) are|at most [\d,]+ bytes are)"
)


@pytest.fixture
def read(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Read:
    """What the requests of a test read, with mail to be sent, so that every form is there."""
    monkeypatch.setitem(app.config, "SMTP_URL", "smtp://localhost")
    return watch(app, monkeypatch)


@pytest.fixture
def everywhere(
    read: Read, addresses: Addresses, acme: Organisation, web: Project, ada: Actor, people: dict[str, User]
) -> list[tuple[str, str, str]]:
    """Endpoint, method and address of every route; of those of a kind, one for each."""
    complete(acme, web, ada, people)
    addresses.values["token"] = invite(acme, ada, "walk@example.com").token
    with transaction():
        links = {
            f"passwords.{view}": make_link(people["ada"], purpose, datetime.now(UTC))
            for view, purpose in (("choose", Purpose.RESET), ("verify", Purpose.VERIFY))
        }
    found = []
    for endpoint, method in sorted(EXPECTED, key=lambda each: (each[0] in LAST, each)):
        others = [{"token": links[endpoint]}] if endpoint in links else [{}]
        if endpoint == "history.restore":
            kind, handle = KINDS[0], handle_of(KINDS[0])
            thing = kind.noun, web.find(kind, handle).id
            about = next(each for each in entries(acme) if (each.resource_type, each.resource_id) == thing)
            others = [{"kind": kind.plural, "handle": handle, "number": str(about.number)}]
        elif endpoint in ("resources.new", "resources.update"):
            others = [{"kind": kind.plural, "handle": handle_of(kind)} for kind in KINDS]
        found += [(endpoint, method, addresses.of(endpoint, **each).split("?")[0]) for each in others]
    return found


def require_refused(send: Callable[[str], TestResponse], where: str, text: str) -> None:
    """The answer names field and limit and shows a bit of the text at most, and nothing has looked into it."""
    with following(text) as seen:
        answer = send(text)

    found = REFUSED.search(unescape(answer.text))
    assert 400 <= answer.status_code < 500, (where, answer.status_code)
    assert found, (where, answer.text[:3000])
    shown = bounds.SHOWN_TIMES * int((found["most"] or "100").replace(",", ""))
    assert len(text) <= shown or text[: shown + 1] not in unescape(answer.text), where
    assert seen.looked_into_by == set(), where


def send_field(visitor: Visitor, address: str, name: str, text: str) -> TestResponse:
    """Sends a form in which the text stands as it is: written in percents, it takes a call a character to read."""
    token = text if name == "csrf_token" else visitor.token
    body = f"csrf_token={token}" + ("" if name == "csrf_token" else f"&{name}={text}")
    return visitor.ask("POST", address, data=body.encode(), content_type=form_body.TYPE)


def fields_of_all_forms() -> set[str]:
    """The names of the fields of every form there is."""
    for kind in KINDS:
        form_for(kind)
    return {name for form in forms(Form) for name in form(formdata=None)._fields}


def forms(base: type[Form]) -> Iterator[type[Form]]:
    """The forms that derive from one."""
    for each in base.__subclasses__():
        yield each
        yield from forms(each)


def test_every_field_of_every_form_is_refused_by_its_length_before_anything_looks_into_it(
    read: Read, everywhere: list[tuple[str, str, str]], visit: Callable[[str], Visitor]
) -> None:
    found: set[str] = set()
    for endpoint, method, address in everywhere:
        if method != "POST":
            continue
        for who in ("anonymous", "ada"):
            visitor = visit(who)
            visitor.post("/nowhere")  # for the token of a form
            read.clear()
            visitor.post(address)
            names = set(read.form)
            for name in sorted(names - found if names <= BY_HAND else names):
                for text in FORM_TEXTS.values():
                    require_refused(partial(send_field, visitor, address, name), f"{name} of {endpoint}", text)
            found |= names
            if not names <= BY_HAND:
                break  # whoever is signed in is not asked to sign in
    assert {"of", "csrf_token", "value", "environment"} <= found
    assert fields_of_all_forms() - found == set()


def test_every_parameter_of_every_address_is_refused_by_its_length(
    read: Read, everywhere: list[tuple[str, str, str]], visit: Callable[[str], Visitor]
) -> None:
    found: set[str] = set()
    visitors = [visit("ada"), visit("anonymous")]
    for endpoint, method, address in everywhere:
        if method != "GET":
            continue
        for visitor in visitors:
            read.clear()
            visitor.get(address)
            visitor.fragment(f"{address}?after=0")
            names = set(read.query)
            found |= names
            for name in sorted(names):
                length = bounds.QUERY.get(name, bounds.QUERY_LENGTH)
                for text in (each for each in QUERY_TEXTS.values() if len(each) > length.characters):
                    require_refused(
                        lambda text, visitor=visitor, name=name, address=address: visitor.get(  # type: ignore[misc]
                            address, query_string={name: text}
                        ),
                        f"{name} of {endpoint}",
                        text,
                    )
    assert {"next", "before", "after", "cursor", "run", "show"} <= found


def test_every_part_of_every_address_is_refused_by_its_length(
    app: Flask, read: Read, addresses: Addresses, visit: Callable[[str], Visitor]
) -> None:
    visitors = [visit("ada"), visit("anonymous")]
    parts: set[str] = set()
    for rule in app.url_map.iter_rules():
        for part in rule.arguments:
            parts.add(part)
            for text in PART_TEXTS.values():
                address = "/".join(
                    text if f":{part}>" in each or f"<{part}>" in each else "1" if "<" in each else each
                    for each in rule.rule.split("/")
                )
                for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                    for visitor in visitors:
                        require_refused(
                            lambda _, visitor=visitor, method=method, address=address: ask(visitor, method, address),  # type: ignore[misc]
                            f"{part} of {rule}",
                            text,
                        )
    assert {"org", "project", "kind", "handle", "number", "token", "path"} <= parts


def test_every_header_that_is_read_is_refused_by_its_length(
    settings: Settings, everywhere: list[tuple[str, str, str]], acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(replace(settings, trusted_proxies=1))
    read = watch(app, monkeypatch)
    visitor = Visitor(app.test_client())
    secure = {"base_url": "https://localhost"}
    for _, method, address in everywhere:
        for headers in ({}, {"HX-Request": "true"}, {"X-CSRFToken": "x"}):
            visitor.ask(method, address, headers=headers, **secure)
    visitor.token = ""
    visitor.post("/login", email="ada@example.com", password="x")
    names = {name for name in read.headers if name != "HTTP_COOKIE"}

    assert {"HTTP_HOST", "HTTP_X_FORWARDED_FOR", "HTTP_HX_CURRENT_URL", "HTTP_X_CSRFTOKEN"} <= names
    for name in sorted({*names, "HTTP_X_ANYTHING"}):
        text = "y" * (bounds.HEADER_MOST_BYTES + 1)
        require_refused(
            lambda text, name=name: visitor.ask("GET", "/login", environ_overrides={name: text}),  # type: ignore[misc]
            name,
            text,
        )


def test_a_proxy_in_front_is_given_no_long_header_either(settings: Settings) -> None:
    heads: Any = create_app(replace(settings, trusted_proxies=1)).wsgi_app

    assert isinstance(heads, bounds.Heads)
    assert isinstance(heads.application, ProxyFix)


def test_a_long_cookie_is_as_good_as_none(
    app: Flask, read: Read, acme: Organisation, visit: Callable[[str], Visitor]
) -> None:
    visitor = visit("anonymous")
    for address in ("/login", "/orgs/acme/activity"):
        visitor.get(address)
    visitor.post("/login", email="ada@example.com", password="not the right one")
    visit("ada").get("/orgs/acme/activity")
    names = set(read.cookies)

    assert {"tz", app.config["SESSION_COOKIE_NAME"], "activity_log_device"} <= names
    for name in sorted(names):
        text = "y" * 60_000
        stranger = visit("anonymous")
        with following(text) as seen:
            answer = stranger.get("/login", headers={"Cookie": f"{name}={text}"})
        assert answer.status_code == 200
        assert seen.looked_into_by == set()


@pytest.mark.parametrize(("field", "address"), [("email", "/login"), ("name", "/signup"), ("next", "/login")])
def test_refusing_four_times_as_much_takes_no_more_calls(
    visit: Callable[[str], Visitor], field: str, address: str
) -> None:
    visitor = visit("anonymous")
    visitor.post("/nowhere")

    def calls(times: int) -> int:
        text = "a" + "\u0301" * 15_000 * times
        with following(text) as seen:
            assert send_field(visitor, address, field, text).status_code in (400, 422)
        return seen.calls

    calls(1)  # whatever is kept from the first time on
    assert calls(4) <= 1.1 * calls(1)


def test_a_form_with_ten_thousand_fields_is_not_taken_apart(visit: Callable[[str], Visitor]) -> None:
    visitor = visit("anonymous")
    visitor.get("/login")
    answer = visitor.ask(
        "POST", "/login", data="&".join(f"f{each}=1" for each in range(10_000)), content_type=form_body.TYPE
    )

    assert answer.status_code == 400
    assert "at most 1,000" in answer.text


def test_what_is_no_form_is_not_read(visit: Callable[[str], Visitor]) -> None:
    answer = visit("anonymous").ask("POST", "/login", data="[" * 100_000, content_type="application/json")

    assert answer.status_code == 400
    assert "Send a form" in answer.text


def test_an_address_as_a_whole_has_a_limit(visit: Callable[[str], Visitor]) -> None:
    answer = visit("anonymous").get("/" + "/".join(["a" * 90] * 100))

    assert (answer.status_code, answer.text) == (414, "The address is too long: at most 8,000 bytes are allowed.\n")


def test_who_is_asked_to_sign_in_at_a_very_long_address_can(visit: Callable[[str], Visitor]) -> None:
    answer = visit("anonymous").get("/orgs?" + "&".join(f"a{each}={'b' * 100}" for each in range(30)))

    assert (answer.status_code, answer.location) == (302, "/login")
