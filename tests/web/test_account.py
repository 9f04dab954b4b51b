"""Signing up, in and out; one's own name and password."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask

from models.organisation import Organisation
from models.people.first import token
from models.people.user import User
from models.settings import Settings
from tests.conftest import PASSWORD
from tests.support.log import latest_entry
from tests.web.conftest import TOKEN, Visitor, token_in
from web.application import create_app

Visit = Callable[[str], Visitor]


def test_signing_up_signs_in(app: Flask) -> None:
    visitor = Visitor(app.test_client())
    answer = visitor.post("/signup", name="Ada Lovelace", email="Ada@Example.com", password=PASSWORD)

    assert answer.location == "/orgs"
    assert "Ada Lovelace" in visitor.get("/orgs").text


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("name", "", "Enter a name."),
        ("name", "x" * 78, "too long"),
        ("name", "Ada\x00", "control character"),
        ("name", "System", "what the log calls the platform"),
        ("email", "nobody", "Enter an email address"),
        ("email", "", "Enter an email address"),
        ("password", "short", "Use 10 to 256 characters."),
    ],
)
def test_a_bad_sign_up_says_what_to_do_and_keeps_the_rest(app: Flask, field: str, value: str, complaint: str) -> None:
    good = {"name": "Ada Kept", "email": "ada@example.com", "password": PASSWORD}
    answer = Visitor(app.test_client()).post("/signup", **{**good, field: value})

    assert answer.status_code == 422
    assert complaint in answer.text
    assert field == "name" or 'value="Ada Kept"' in answer.text
    assert PASSWORD not in answer.text


def test_an_email_has_one_account(app: Flask, people: dict[str, User]) -> None:
    answer = Visitor(app.test_client()).post("/signup", name="Other", email="ADA@example.com", password=PASSWORD)

    assert answer.status_code == 422
    assert "An account with this email exists" in answer.text


def test_unknown_and_wrong_get_the_same_answer(app: Flask, people: dict[str, User]) -> None:
    visitor = Visitor(app.test_client())
    unknown = visitor.post("/login", email="nobody@example.com", password=PASSWORD)
    wrong = visitor.post("/login", email="ada@example.com", password="wrong password")

    assert unknown.status_code == wrong.status_code == 422
    assert TOKEN.sub("", unknown.text).replace("nobody@", "ada@") == TOKEN.sub("", wrong.text)


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "evil"]
)
def test_the_way_back_after_sign_in_stays_here(app: Flask, people: dict[str, User], target: str) -> None:
    answer = Visitor(app.test_client()).post("/login", email="ada@example.com", password=PASSWORD, next=target)

    assert answer.location == "/orgs"


def test_a_page_asked_for_before_signing_in_is_shown_after(app: Flask, acme: Organisation) -> None:
    visitor = Visitor(app.test_client())
    asked = visitor.get("/orgs/acme/activity?before=3")
    assert asked.status_code == 302
    answer = visitor.post(
        asked.location, email="ada@example.com", password=PASSWORD, next="/orgs/acme/activity?before=3"
    )

    assert answer.location == "/orgs/acme/activity?before=3"


def test_a_part_of_a_page_asked_for_without_a_session_says_so_and_leads_nowhere(app: Flask, acme: Organisation) -> None:
    page = {"HX-Current-URL": "http://localhost/orgs/acme/activity?before=9"}
    answer = Visitor(app.test_client()).fragment("/orgs/acme/activity?after=1", **page)

    assert answer.status_code == 401
    assert "HX-Redirect" not in answer.headers
    assert "You are signed out." in answer.text
    assert 'href="/login?next=/orgs/acme/activity?before%3D9"' in answer.text


@pytest.mark.parametrize("page", ["http://[", "http://localhost/" + "x" * 3000, "nonsense"])
def test_a_page_that_cannot_be_gone_back_to_is_no_part_of_the_link(app: Flask, acme: Organisation, page: str) -> None:
    answer = Visitor(app.test_client()).fragment("/orgs/acme/activity?after=1", **{"HX-Current-URL": page})

    assert answer.status_code == 401
    assert len(answer.text) < 1000


def test_a_boosted_link_followed_without_a_session_leads_to_the_sign_in_and_back(app: Flask) -> None:
    answer = Visitor(app.test_client()).fragment("/orgs/acme/members", **{"HX-Boosted": "true"})

    assert (answer.status_code, answer.location) == (302, "/login?next=/orgs/acme/members")


def test_a_second_tab_with_the_sign_in_goes_on_to_where_it_was_going(visit: Visit, acme: Organisation) -> None:
    tab = visit("anonymous")
    page = tab.get("/login?next=/orgs/acme/activity")
    sent = {"csrf_token": token_in(page), "email": "ada@example.com", "password": PASSWORD}
    tab.post("/login", email="ada@example.com", password=PASSWORD)
    answer = tab.ask("POST", "/login", data={**sent, "next": "/orgs/acme/activity"})

    assert (answer.status_code, answer.location) == (302, "/orgs/acme/activity")
    assert tab.get("/login?next=/account").location == "/account"
    assert tab.get("/signup?next=//evil.example").location == "/orgs"


def test_a_second_tab_that_signs_in_as_somebody_else_is_told_who_is_signed_in(visit: Visit) -> None:
    ada = visit("ada")
    ada.post("/login", email="grace@example.com", password=PASSWORD)

    assert "You are signed in as ada@example.com." in ada.get("/orgs").text


def test_a_sign_in_page_that_outlived_its_cookie_keeps_the_address_and_not_the_password(app: Flask) -> None:
    sent = {"csrf_token": "of long ago", "email": "kept@example.com", "password": PASSWORD}
    answer = app.test_client().post("/login", data=sent)

    assert answer.status_code == 400
    assert 'value="kept@example.com"' in answer.text
    assert PASSWORD not in answer.text


def test_a_new_password_ends_every_other_session(visit: Visit) -> None:
    here, elsewhere = visit("ada"), visit("ada")
    here.post("/account/password", current=PASSWORD, new="another long password")

    assert here.get("/orgs").status_code == 200
    assert elsewhere.get("/orgs").status_code == 302


def test_a_wrong_current_password_changes_nothing(visit: Visit) -> None:
    ada = visit("ada")
    answer = ada.post("/account/password", current="wrong", new="another long password")

    assert answer.status_code == 422
    assert "That is not your current password." in answer.text
    assert visit("ada").get("/orgs").status_code == 200


@pytest.mark.parametrize(
    ("address", "sent", "wrong"),
    [
        ("/account/password", {"current": "wrong", "new": "short"}, ["current", "new"]),
        ("/account/password", {"current": PASSWORD, "new": "short"}, ["new"]),
        ("/account/password", {"current": "wrong", "new": "another long password"}, ["current"]),
        ("/account/email", {"email": "nobody", "password": "wrong"}, ["email", "password"]),
        ("/account/email", {"email": "nobody", "password": PASSWORD}, ["email"]),
        ("/account/email", {"email": "new@example.com", "password": "wrong"}, ["password"]),
    ],
)
def test_all_that_is_wrong_with_what_asks_for_one_s_password_is_said_at_once(
    visit: Visit, address: str, sent: dict[str, str], wrong: list[str]
) -> None:
    page = visit("ada").post(address, **sent)

    assert page.status_code == 422
    assert re.findall(r'id="(\w+)-error"', page.text) == wrong
    [focused] = re.findall(r"<input[^>]* autofocus[^>]*>", page.text)
    assert f'name="{wrong[0]}"' in focused


@pytest.mark.parametrize(
    ("address", "sent"),
    [("/account/password", {"current": "wrong", "new": "short"}), ("/account/email", {"password": "wrong"})],
)
def test_guessing_one_s_password_beside_another_fault_has_to_wait_like_any_guessing(
    visit: Visit, address: str, sent: dict[str, str]
) -> None:
    ada = visit("ada")

    assert 429 in [ada.post(address, **sent).status_code for _ in range(8)]


def test_mistyping_a_new_password_beside_the_right_one_has_no_wait(visit: Visit) -> None:
    ada = visit("ada")

    assert {ada.post("/account/password", current=PASSWORD, new="short").status_code for _ in range(8)} == {422}


def test_a_new_name_is_used_from_now_on_and_earlier_entries_keep_the_old_one(visit: Visit, acme: Organisation) -> None:
    ada = visit("ada")
    ada.post("/account", name="Augusta King")
    ada.post("/orgs/acme/projects/new", name="Web", handle="web")

    assert latest_entry(acme).actor_name == "Augusta King"
    feed = ada.get("/orgs/acme/activity").text
    assert "Ada Lovelace" in feed
    assert "Augusta King" in feed


@pytest.mark.parametrize(("trusted", "link"), [(0, "http://localhost/"), (1, "https://log.example.com/")])
def test_only_a_trusted_proxy_says_who_asks_and_for_which_host(
    settings: Settings, acme: Organisation, trusted: int, link: str
) -> None:
    behind = Visitor(create_app(replace(settings, trusted_proxies=trusted)).test_client())
    for name, value in {"FOR": "203.0.113.7", "PROTO": "https", "HOST": "log.example.com"}.items():
        behind.client.environ_base[f"HTTP_X_FORWARDED_{name}"] = value
    behind.client.environ_base["HTTP_REFERER"] = "https://log.example.com/"
    behind.post("/login", email="ada@example.com", password=PASSWORD)
    behind.token = ""

    page = behind.post("/orgs/acme/members", email="new@example.com", role="member").text
    assert f"{link}invitations/{acme.id}." in page


def test_signing_out_ends_the_session(visit: Visit) -> None:
    ada = visit("ada")
    ada.post("/logout")

    assert ada.get("/orgs").status_code == 302


def test_with_sign_up_by_invitation_only_the_first_account_and_invited_people_get_in(
    app: Flask, settings: Settings
) -> None:
    closed = create_app(replace(settings, signup="invite"))
    first, second = Visitor(closed.test_client()), Visitor(closed.test_client())

    ada = {"name": "Ada", "email": "ada@example.com", "password": PASSWORD}
    assert "with the address that was printed" in first.get("/signup").text
    assert [first.post("/signup", **ada, token=each).status_code for each in ("", "x", "é")] == [403] * 3
    told = token(settings.secret_key)
    assert f'value="{told}"' in first.get(f"/signup?token={told}").text
    assert first.post("/signup", **ada, token=told).status_code == 302
    assert second.get(f"/signup?token={told}").status_code == 403
    assert second.get("/signup").status_code == 403
    first.token = ""
    first.post("/orgs/new", name="Acme", handle="acme", email="ada@example.com")
    page = first.post("/orgs/acme/members", email="new@example.com", role="member").text
    link = page[page.index("/invitations/1.") :].split('"')[0].split("<")[0]
    joined = second.post(f"/signup?next={link}", name="New", email="new@example.com", password=PASSWORD, next=link)
    assert joined.status_code == 302
    second.token = ""
    assert second.post(link).location == "/orgs/acme"
    assert second.get("/orgs/acme").status_code == 200
