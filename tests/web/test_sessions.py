"""Sessions: listed, ended one by one, and really over then."""

from collections.abc import Callable

import psycopg
import pytest
from flask import Flask

from models.organisation import Organisation
from models.people.session import Session
from models.people.standing import LONGEST
from tests.conftest import PASSWORD
from tests.web.conftest import Visitor

Visit = Callable[[str], Visitor]
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
COOKIE = "activity_log_session"


def sign_in(app: Flask, browser: str) -> Visitor:
    """Ada, in another browser."""
    visitor = Visitor(app.test_client())
    form = {"csrf_token": "", "email": "ada@example.com", "password": PASSWORD}
    visitor.post("/login")
    form["csrf_token"] = visitor.token
    assert visitor.ask("POST", "/login", data=form, headers={"User-Agent": browser}).status_code == 302
    visitor.token = ""
    return visitor


def copied(app: Flask, visitor: Visitor) -> Visitor:
    """Someone else with the same cookie."""
    thief = Visitor(app.test_client())
    cookie = visitor.client.get_cookie(COOKIE)
    assert cookie
    thief.client.set_cookie(COOKIE, cookie.value)
    assert thief.get("/orgs").status_code == 200
    return thief


def ids(superuser: psycopg.Connection) -> list[int]:
    """The sessions that there are, oldest first."""
    return [found for (found,) in superuser.execute("SELECT id FROM sessions ORDER BY id")]


def test_the_page_lists_where_one_is_signed_in(app: Flask, owner: Visitor) -> None:
    sign_in(app, FIREFOX)
    page = owner.get("/account/sessions").text

    assert "Firefox on Linux" in page
    assert page.count("This browser") == 1
    assert "/account/sessions" in owner.get("/account").text


def test_ending_a_session_ends_it_also_for_a_copied_cookie(
    app: Flask, owner: Visitor, superuser: psycopg.Connection
) -> None:
    other = sign_in(app, FIREFOX)
    thief = copied(app, other)
    owner.post(f"/account/sessions/{ids(superuser)[-1]}/end")

    assert (thief.get("/orgs").status_code, other.get("/orgs").status_code) == (302, 302)
    assert owner.get("/orgs").status_code == 200


def test_signing_out_ends_the_session_also_for_a_copied_cookie(app: Flask, owner: Visitor) -> None:
    thief = copied(app, owner)
    owner.token = ""
    owner.post("/logout")

    assert thief.get("/orgs").status_code == 302


def test_nobody_ends_the_session_of_another_person(
    app: Flask, owner: Visitor, visit: Visit, superuser: psycopg.Connection
) -> None:
    visit("mallory").post(f"/account/sessions/{ids(superuser)[0]}/end")

    assert owner.get("/orgs").status_code == 200


def test_a_new_password_leaves_one_session(app: Flask, owner: Visitor, superuser: psycopg.Connection) -> None:
    other = sign_in(app, FIREFOX)
    owner.post("/account/password", current=PASSWORD, new="another good password")

    assert (owner.get("/orgs").status_code, other.get("/orgs").status_code) == (200, 302)
    assert len(ids(superuser)) == 1


def test_a_session_does_not_last_for_ever(owner: Visitor, acme: Organisation, superuser: psycopg.Connection) -> None:
    superuser.execute("UPDATE sessions SET started_at = now() - %s", (LONGEST,))

    assert owner.get("/orgs").status_code == 302


@pytest.mark.parametrize(
    ("said", "described"),
    [
        (FIREFOX, "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("curl/8.0", "Another browser"),
        ("", "Another browser"),
    ],
)
def test_a_browser_is_described_in_two_words(said: str, described: str) -> None:
    assert Session(browser=said).described == described
