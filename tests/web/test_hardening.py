"""Odd input and what browsers are told: each case was an error, an oracle, or a wrong sign before."""

import re
from collections.abc import Callable
from dataclasses import replace
from time import process_time

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from models.database import db
from models.errors import Invalid
from models.log.actor import Actor
from models.organisation import Organisation
from models.people.user import EMAIL_MOST, checked_email
from models.settings import Settings
from models.transaction import transaction
from tests.support.invitations import invite
from tests.web.conftest import Visitor
from web.application import create_app

Visit = Callable[[str], Visitor]
PASSWORD = "correct horse battery"


@pytest.mark.parametrize("strange", ["/orgs\r\nSet-Cookie: a=b", "/orgs\n", "/\x00", "/\t/evil.example"])
def test_an_address_to_go_on_to_that_is_none_leads_home(visit: Visit, acme: Organisation, strange: str) -> None:
    visitor = visit("anonymous")
    answer = visitor.post("/login", email="ada@example.com", password=PASSWORD, next=strange)

    assert (answer.status_code, answer.location) == (302, "/orgs")
    assert visit("anonymous").get("/login", query_string={"next": strange}).status_code == 200


def test_a_long_email_is_refused_before_it_is_normalised() -> None:
    def seconds(marks: int) -> float:
        started = process_time()
        with pytest.raises(Invalid, match="too long"):
            checked_email("a" + "\u0301\u0323" * marks + "@example.com")
        return process_time() - started

    # Normalising takes a hundred times as long for ten times as much; being refused takes ten times as long at most.
    short, long = min(seconds(5_000) for _ in range(5)), min(seconds(50_000) for _ in range(5))
    assert long < 30 * max(short, 1e-5)
    with pytest.raises(Invalid):
        checked_email(f"{'a' * EMAIL_MOST}@example.com")


def test_signing_up_with_a_very_long_email_says_so(visit: Visit, app: Flask) -> None:
    visitor = visit("anonymous")
    answer = visitor.post("/signup", email="a\u0301" * 60_000 + "@example.com", name="Ada", password=PASSWORD)

    assert answer.status_code == 422
    assert f"at most {EMAIL_MOST} are allowed" in answer.text


def test_being_asked_to_sign_in_is_no_success(visit: Visit, acme: Organisation) -> None:
    page = visit("anonymous").get("/orgs/acme", follow_redirects=True).text

    assert "Sign in to see this page." in page
    assert "notice-done" not in page


def test_a_link_without_an_invitation_does_not_tell_whether_there_is_an_organisation(
    visit: Visit, acme: Organisation, ada: Actor
) -> None:
    visitor = visit("anonymous")
    existing, missing = visitor.get("/orgs/acme/join/guess"), visitor.get("/orgs/nothing/join/guess")
    with transaction():
        acme.delete(ada, confirm="acme")
    deleted = visitor.get("/orgs/acme/join/guess")

    assert existing.status_code == missing.status_code == deleted.status_code == 404
    assert existing.text == missing.text == deleted.text


def test_the_link_of_a_deleted_organisation_lets_nobody_sign_up(
    settings: Settings, acme: Organisation, ada: Actor
) -> None:
    invited = invite(acme, ada)
    app = create_app(replace(settings, signup="invite"))
    address = f"/invitations/{invited.token}"
    open_link = Visitor(app.test_client()).get("/signup", query_string={"next": address})
    with transaction():
        acme.delete(ada, confirm="acme")
    dead_link = Visitor(app.test_client()).get("/signup", query_string={"next": address})

    assert (open_link.status_code, dead_link.status_code) == (200, 403)


def test_an_expiry_year_is_written_as_a_year(owner: Visitor, acme: Organisation) -> None:
    card = {"brand": "Visa", "last_four": "4242", "expiry_month": "1", "expiry_year": "1900"}
    answer = owner.post("/orgs/acme/billing/payment-methods", **card)

    assert "Expiry year must be from 2000 to 2100." in answer.text


def test_errors_of_the_database_do_not_say_what_a_statement_was_given(app: Flask) -> None:
    with pytest.raises(DBAPIError) as caught:
        db.session.execute(text("SELECT CAST(:secret AS integer)"), {"secret": "hunter2"})
    db.session.rollback()

    # PostgreSQL's own sentence quotes it; what SQLAlchemy adds does not.
    assert "hunter2" not in str(caught.value).partition("[SQL:")[2]


@pytest.mark.parametrize("secure", [True, False])
def test_browsers_are_kept_to_tls_where_cookies_are(settings: Settings, app: Flask, secure: bool) -> None:
    answer = create_app(replace(settings, secure_cookies=secure)).test_client().get("/login")

    assert ("Strict-Transport-Security" in answer.headers) == secure


def test_assets_are_kept_for_good_and_depend_on_no_cookie(owner: Visitor, acme: Organisation) -> None:
    addresses = set(re.findall(r"/static/[a-z0-9./]+\?v=\w+", owner.get("/orgs/acme").text))
    [style] = [each for each in addresses if "style.css" in each]
    [font] = re.findall(r'url\("(vendor/[^"]+)"\)', owner.get(style).text)

    for address in (*addresses, f"/static/{font}"):
        headers = owner.get(address).headers
        assert headers["Cache-Control"].endswith("immutable"), address
        assert "no-cache" not in headers["Cache-Control"], address
        assert "Cookie" not in headers.get("Vary", "")


@pytest.mark.parametrize("address", ["style.css", "style.css?v=0123456789ab", "vendor/htmx.min.js?v="])
def test_an_asset_of_another_version_is_not_kept(owner: Visitor, acme: Organisation, address: str) -> None:
    headers = owner.get(f"/static/{address}").headers

    assert "no-cache" in headers["Cache-Control"]
    assert "immutable" not in headers["Cache-Control"]


def test_the_page_of_an_entry_says_who_it_was_by_more_than_a_name(owner: Visitor, acme: Organisation) -> None:
    page = owner.get("/orgs/acme/activity/1").text

    assert "ada@example.com, user 1<" in page


def test_a_host_that_is_not_ours_gets_no_page(settings: Settings, app: Flask) -> None:
    client = create_app(replace(settings, trusted_hosts=("log.example.com", ".example.org"))).test_client()

    def status(host: str) -> int:
        return client.get("/login", headers={"Host": host}).status_code

    assert [status(each) for each in ("log.example.com", "log.example.com:8443", "a.example.org")] == [200] * 3
    # Of this machine, as health checks ask.
    assert status("127.0.0.1:8000") == 200
    assert [status(each) for each in ("evil.example", "example.com", "localhost")] == [400] * 3
    assert app.test_client().get("/login", headers={"Host": "anything.example"}).status_code == 200


@pytest.mark.parametrize(("proxies", "refused"), [(0, False), (1, True)])
def test_the_host_that_a_trusted_proxy_names_is_one_of_ours_too(
    settings: Settings, app: Flask, proxies: int, refused: bool
) -> None:
    hosts = replace(settings, trusted_hosts=("log.example.com",), trusted_proxies=proxies)
    client = create_app(hosts).test_client()

    def status(**headers: str) -> int:
        return client.get(
            "/login", headers={name.replace("_", "-"): value for name, value in headers.items()}
        ).status_code

    # Without a proxy nobody is believed who says so; with one, the proxy's own host is of no account.
    assert status(Host="log.example.com", X_Forwarded_Host="evil.example") == (400 if refused else 200)
    assert status(Host="web:8000", X_Forwarded_Host="log.example.com") == (200 if refused else 400)
    assert status(Host="evil.example") == 400
    assert status(Host="log.example.com", X_Forwarded_Host="log.example.com, evil.example") == (400 if refused else 200)
