"""What was typed into a form survives that its token does not hold: of every form that any page has.

The forms are found by walking the pages, so that a new one is looked at without being listed.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import psycopg
import pytest
from flask import Flask

from models.kinds.catalogue import KINDS
from models.log.actor import Actor, Door
from models.organisation import Organisation, create_organisation
from models.people.access import Role
from models.people.account_link import Purpose, make_address_link, make_link
from models.people.member import find_member
from models.people.user import User, find_user
from models.project import Project
from models.transaction import transaction
from tests.conftest import PASSWORD
from tests.rules.test_routes import EVERYONE, EXPECTED, Addresses, addresses
from tests.support.forms import FormSeen, forms_of, mark
from tests.support.invitations import invite
from tests.support.kinds import SAMPLES, create
from tests.support.log import latest_entry
from tests.support.money import add_card
from tests.support.snapshot import snapshot
from tests.web.conftest import Visitor, visit

__all__ = ["addresses", "visit"]

CONFIDENTIAL = {"password", "current", "new", "value", "last_four"}
OPEN = {endpoint for (endpoint, method), allowed in EXPECTED.items() if method == "POST" and allowed == EVERYONE}

Forms = dict[str, tuple[str, FormSeen]]


@pytest.fixture
def forms(
    app: Flask,
    addresses: Addresses,
    acme: Organisation,
    web: Project,
    ada: Actor,
    people: dict[str, User],
    visit: Callable[[str], Visitor],
    monkeypatch: pytest.MonkeyPatch,
) -> Forms:
    """Every form, by the address that it is sent to, with the endpoint there."""
    monkeypatch.setitem(app.config, "SMTP_URL", "smtp://localhost:1")
    for kind in KINDS:
        create(web, ada, kind, handle=f"it-{kind.noun}")
    with transaction():
        find_member(acme.id, people["vera"].id).remove(ada)
    changed = create(web, ada, KINDS[0], handle="changed")
    number = latest_entry(acme).number
    with transaction():
        changed.update(ada, changed.version, **SAMPLES[KINDS[0]].changed)
    add_card(acme, ada, brand="JCB")
    links = links_to(people["ada"]) | {"invitations.show": invited(people["grace"], by=people["linus"])}
    gets = sorted(endpoint for endpoint, method in EXPECTED if method == "GET")
    pages = [addresses.of(each) for each in gets if each not in ("members.join", *links)]
    pages += [addresses.of(endpoint, token=token) for endpoint, token in links.items()]
    visit("ada")  # another session, which can be ended
    pages.append(addresses.of("history.restore", kind=KINDS[0].plural, handle="changed", number=number))
    for kind in KINDS:
        pages.append(addresses.of("resources.new", kind=kind.plural))
        pages.append(addresses.of("resources.show", kind=kind.plural, handle=f"it-{kind.noun}"))
    found: dict[str, FormSeen] = {}
    # Grace has an invitation, and Ada sees what its link shows to others.
    for visitor in (visit("grace"), visit("anonymous"), visit("ada")):
        for page in pages:
            answer = visitor.get(page)
            found |= forms_of(answer.text) if answer.status_code == 200 else {}
    at = app.url_map.bind("localhost")
    return {action: (at.match(action, "POST")[0], form) for action, form in found.items()}


def links_to(person: User) -> dict[str, str]:
    """Tokens of the links that a person can have been mailed, by the page that each opens."""
    now = datetime.now(UTC)
    with transaction():
        return {
            "passwords.choose": make_link(person, Purpose.RESET, now),
            "passwords.verify": make_link(person, Purpose.VERIFY, now),
            "email.confirm": make_address_link(person, "other@example.com", now),
        }


def invited(person: User, by: User) -> str:
    """Has someone, whose address is proven, invited into another organisation; returns the token of the link."""
    founder, now = Actor(by.id, by.name, Role.OWNER, Door.WEB), datetime.now(UTC)
    with transaction():
        globex = create_organisation(by, founder, name="Globex", handle="globex", email="it@globex.example.com")
        find_user(person.id).verified_at = now
    return invite(globex, founder, person.email).token


def test_the_walk_finds_every_form(forms: Forms) -> None:
    posts = {endpoint for endpoint, method in EXPECTED if method == "POST"}

    assert {endpoint for endpoint, _ in forms.values()} == posts


def shown(form: FormSeen) -> dict[str, str]:
    """What is typed into a form and may be shown again."""
    return {name: mark(name) for name in form.typed if name not in CONFIDENTIAL}


def may_be_kept(app: Flask, endpoint: str) -> str:
    """What browsers are told of a form that is shown again: what its route says, so that Back can show it."""
    return "private, no-cache" if getattr(app.view_functions[endpoint], "stored", True) else "no-store"


def confidential(form: FormSeen) -> set[str]:
    """What is typed into a form and must not be."""
    return {mark(name) for name in form.typed if name in CONFIDENTIAL}


@pytest.mark.parametrize("token", ["", "foreign", "from another session"])
def test_a_form_whose_token_does_not_hold_is_shown_again_and_changes_nothing(
    app: Flask, forms: Forms, visit: Callable[[str], Visitor], superuser: psycopg.Connection, token: str
) -> None:
    earlier = visit("ada")
    earlier.get("/orgs")
    if token == "from another session":
        earlier.post("/nowhere")
        token = earlier.token
    for action, (endpoint, form) in forms.items():
        visitor = visit("anonymous" if endpoint in ("account.login", "account.signup") else "ada")
        visitor.get("/login")
        before = snapshot(superuser)
        answer = visitor.ask("POST", action, data={**form.filled(), "csrf_token": token})

        assert answer.status_code == 400, action
        assert answer.headers["Cache-Control"] == may_be_kept(app, endpoint), action
        assert snapshot(superuser) == before, action
        assert [value for value in confidential(form) if value in answer.text] == [], action
        if form.typed:
            again = forms_of(answer.text)[action]
            assert {name: again.values[name] for name in shown(form)} == shown(form), action
            assert visitor.ask("POST", action, data=again.values).status_code != 400, action


def test_signing_out_elsewhere_loses_nothing_that_was_typed(forms: Forms, visit: Callable[[str], Visitor]) -> None:
    for action, (endpoint, form) in forms.items():
        if endpoint in OPEN or not shown(form):
            continue
        visitor = visit("ada")
        sent = {**form.filled(), "csrf_token": token_of(visitor)}
        visitor.post("/logout")
        kept = visitor.ask("POST", action, data=sent)
        assert kept.status_code == 401, action
        assert kept.headers["Cache-Control"] == "no-store", action
        assert [value for value in confidential(form) if value in kept.text] == [], action
        go_on = forms_of(kept.text)[action].values
        assert {name: go_on.get(name) for name in shown(form)} == shown(form), action

        sign_in(visitor, "ada")
        again = forms_of(visitor.ask("POST", action, data=go_on).text)[action]
        assert {name: again.values[name] for name in shown(form)} == shown(form), action


def test_what_one_person_typed_is_not_shown_to_another_account(forms: Forms, visit: Callable[[str], Visitor]) -> None:
    for action, (endpoint, form) in forms.items():
        if endpoint in OPEN or not shown(form):
            continue
        visitor = visit("ada")
        sent = {**form.filled(), "csrf_token": token_of(visitor)}
        visitor.post("/logout")
        sign_in(visitor, "grace")
        answer = visitor.ask("POST", action, data=sent)

        assert answer.status_code in (400, 403), action
        assert "typed-" not in answer.text, action


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
    ids=lambda headers: next(iter(headers.values())),
)
def test_what_another_site_typed_is_never_shown(
    forms: Forms, visit: Callable[[str], Visitor], headers: dict[str, str]
) -> None:
    ada, nobody = visit("ada"), visit("anonymous")
    for action, (_, form) in forms.items():
        for visitor in (ada, nobody):
            answer = visitor.ask("POST", action, data={**form.filled(), "csrf_token": "x"}, headers=headers)

            assert answer.status_code in (302, 400), action
            assert "typed-" not in answer.text, action


def token_of(visitor: Visitor) -> str:
    """The token of the forms that someone has open."""
    visitor.post("/nowhere")
    return visitor.token


def sign_in(visitor: Visitor, name: str) -> None:
    """Signs someone in, in the same browser."""
    visitor.token = ""
    assert visitor.post("/login", email=f"{name}@example.com", password=PASSWORD).status_code == 302
    visitor.token = ""
