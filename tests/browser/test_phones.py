"""On the narrowest phone, whatever people call things."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import psycopg
import pytest
from flask import Flask, url_for
from playwright.sync_api import Page

from models.billing import suspension
from models.hold import hold_organisation_alone
from models.kinds.catalogue import KINDS
from models.kinds.container import Container
from models.kinds.memcached import Memcached
from models.kinds.registry import Registry
from models.kinds.resource import Resource
from models.kinds.secret import Secret
from models.log.actor import Actor
from models.organisation import Organisation, create_organisation
from models.people.access import Role
from models.people.account_link import Purpose, make_link
from models.people.user import User
from models.transaction import transaction
from tests.conftest import PASSWORD
from tests.support.invitations import enrol, invite
from tests.support.log import entries
from tests.support.money import add_card, pay

WIDTH = 320
NAME, HANDLE = "W" * 77, "w" * 51
# A mailbox has 64 characters, a label of a domain 63, and all of it 254 (RFC 5321).
EMAIL = f"{'w' * 63}{{}}@{'w' * 63}.{'w' * 63}.{'w' * 57}.com"
LONG: dict[type[Resource], dict[str, object]] = {
    Secret: {"handle": HANDLE, "value": "x"},
    Registry: {"handle": HANDLE, "server": "w" * 255, "username": "w" * 255, "password": "x"},
    Container: {
        "name": NAME,
        "handle": HANDLE,
        "image": f"{'w' * 253}:1",
        "health_path": f"/{'w' * 254}",
        "environment": f"{'W' * 300}=x",
        "registry_handle": HANDLE,
        "secrets": [HANDLE],
    },
    Memcached: {"name": NAME, "handle": f"{'w' * 50}x"},
}
# What is no page: answers for programs, and what leads on.
NUMBER = re.compile(r"<int:(\w+)>")
# Of what runs, or has ended: what does neither has no such page.
NOT_OF_ALL = re.compile(r"/deployments|/output$|/w{50}[wx]/[0-9]+$")
NO_PAGES = {"assets.file", "health.check", "proof.checkpoint", "proof.of_entry", "members.join", "account.home"}


class Long(NamedTuple):
    """An organisation in which everything is called as long as it may be."""

    organisation: Organisation
    token: str
    """Of the invitation."""
    links: dict[Purpose, str]
    ids: dict[type[Resource], int]
    owner: int


@pytest.fixture
def long(app: Flask, people: dict[str, User], ada: Actor, superuser: psycopg.Connection) -> Long:
    """It, with one of each kind, two cards, a top-up, members and an invitation."""
    with transaction():
        organisation = create_organisation(people["ada"], ada, name=NAME, handle=HANDLE, email=EMAIL.format("x"))
        for name in ("grace", "linus"):
            enrol(organisation, ada, people[name], Role.MEMBER)
    with transaction():
        project = organisation.create_project(ada, name=NAME, handle=HANDLE)
    ids: dict[type[Resource], int] = {}
    for kind in reversed(KINDS):
        with transaction():
            ids[kind] = project.create(ada, kind, **LONG[kind]).id
    card = add_card(organisation, ada, brand="American Express")
    add_card(organisation, ada)
    pay(organisation, ada, 1_000_000, card)
    invited = invite(organisation, ada, EMAIL.format("i"))
    for number, name in enumerate(("ada", "grace", "linus")):
        superuser.execute(
            "UPDATE users SET name = %s, email = %s WHERE id = %s", (NAME, EMAIL.format(number), people[name].id)
        )
    with transaction():
        links = {purpose: make_link(people["ada"], purpose, datetime.now(UTC), mailed=False) for purpose in Purpose}
    return Long(organisation, invited.token, links, ids, people["ada"].id)


def pages(app: Flask, long: Long) -> list[str]:
    """The addresses of all pages there are, found by their routes."""
    tokens = {
        "email.confirm": long.links[Purpose.EMAIL],
        "passwords.choose": long.links[Purpose.RESET],
        "passwords.verify": long.links[Purpose.VERIFY],
    }
    created = {(each.resource_type, each.resource_id): each.number for each in entries(long.organisation)}
    of_kinds: list[dict[str, Any]] = [
        {
            "kind": kind.plural,
            "handle": str(LONG[kind]["handle"]),
            "resource_id": long.ids[kind],
            "number": created[kind.noun, long.ids[kind]],
        }
        for kind in KINDS
    ]
    kind = KINDS[0]
    asked: dict[str, dict[str, Any]] = {"history.compare": {"type": kind.noun, "resource": long.ids[kind]}}
    found = ["/nowhere"]
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            if "GET" not in (rule.methods or ()) or rule.endpoint in NO_PAGES:
                continue
            token = tokens.get(rule.endpoint, long.token)
            for of_kind in of_kinds if "kind" in rule.arguments else [{}]:
                values: dict[str, Any] = {
                    "org": HANDLE,
                    "project": HANDLE,
                    **dict.fromkeys(NUMBER.findall(rule.rule), 1),
                    "user_id": long.owner,
                    "token": token,
                    **of_kind,
                }
                named = {name: values[name] for name in rule.arguments} | asked.get(rule.endpoint, {})
                found.append(url_for(rule.endpoint, **named))
    return found


def wider(page: Page, addresses: list[str]) -> list[tuple[str, int]]:
    """Those that are wider than the screen, and how wide they are."""
    found = []
    for address in addresses:
        answer = page.goto(address)
        assert answer
        assert answer.ok or address == "/nowhere" or NOT_OF_ALL.search(address), address
        # With everything unfolded that can be.
        width = page.evaluate(
            "() => { document.querySelectorAll('details').forEach((each) => each.setAttribute('open', '')); "
            "return document.documentElement.scrollWidth; }"
        )
        if width > WIDTH:
            found.append((address, width))
    return found


@pytest.fixture
def phone(opened: Callable[..., Page], long: Long) -> Page:
    """Someone with a long name, on a phone."""
    page = opened(viewport={"width": WIDTH, "height": 640})
    page.goto("/login")
    page.get_by_label("Email").fill(EMAIL.format(0))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/orgs")
    return page


def test_no_page_is_wider_than_a_phone_however_long_the_names(
    app: Flask, phone: Page, long: Long, opened: Callable[..., Page], ada: Actor
) -> None:
    addresses = pages(app, long)
    assert len(addresses) > 30
    assert wider(phone, addresses) == []

    stranger = opened(viewport={"width": WIDTH, "height": 640})
    assert wider(stranger, [each for each in addresses if each.startswith(("/login", "/sign", "/inv", "/pass"))]) == []

    with transaction():
        suspension.suspend(hold_organisation_alone(long.organisation.id), suspension.By.OPERATOR, "w" * 200, actor=ada)
    assert wider(phone, [f"/orgs/{HANDLE}", f"/orgs/{HANDLE}/activity", f"/orgs/{HANDLE}/billing"]) == []


def test_what_is_said_of_long_names_is_no_wider_either(phone: Page, long: Long) -> None:
    def width() -> int:
        found: int = phone.evaluate("document.documentElement.scrollWidth")
        return found

    phone.goto(f"/orgs/{HANDLE}/members")
    phone.get_by_label("Email").fill(EMAIL.format("n"))
    phone.get_by_role("button", name="Add member").click()
    phone.locator("main").get_by_text(EMAIL.format("n")).first.wait_for()
    assert width() <= WIDTH

    phone.goto(f"/orgs/{HANDLE}/projects/{HANDLE}/settings")
    phone.get_by_role("button", name="Save settings").click()
    phone.wait_for_url(f"**/projects/{HANDLE}")
    assert width() <= WIDTH

    phone.goto(f"/orgs/{HANDLE}/projects/{HANDLE}/memcached/new")
    phone.get_by_label("Name", exact=True).fill(NAME)
    phone.get_by_label("Handle", exact=True).fill(LONG[Memcached]["handle"])  # type: ignore[arg-type]
    phone.get_by_role("button", name="Create memcached").click()
    phone.get_by_text("exists in this project").first.wait_for()
    assert width() <= WIDTH
