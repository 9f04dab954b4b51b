"""Every route, every role, and whoever should not even know that the organisation exists.

Generated from the URL map: a new route without a line in EXPECTED fails.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from flask import Flask, url_for

from models.billing.cards import add_payment_method
from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.people.access import Role
from models.people.user import User, sign_up
from models.people.view import save_view
from models.project import Project
from models.settings import Settings
from models.transaction import transaction
from tests.support.invitations import enrol, invite
from tests.support.seals import seal_now
from tests.support.snapshot import snapshot
from tests.web.conftest import TOKEN, Visitor, visit

__all__ = ["visit"]

OWNER = {"ada"}
ADMINS = {"ada", "grace"}
MEMBERS = {"ada", "grace", "linus"}
READERS = {"ada", "grace", "linus", "vera"}
EVERYONE = {*READERS, "mallory", "anonymous"}
SIGNED_IN = EVERYONE - {"anonymous"}

# Who gets in, by endpoint and method. Inside an organisation the others get 403, or 404 when they do not belong to it.
EXPECTED: dict[tuple[str, str], set[str]] = {
    ("account.home", "GET"): SIGNED_IN,
    ("account.login", "GET"): EVERYONE,
    ("account.login", "POST"): EVERYONE,
    ("account.logout", "POST"): SIGNED_IN,
    ("account.signup", "GET"): EVERYONE,
    ("account.signup", "POST"): EVERYONE,
    ("account.settings", "GET"): SIGNED_IN,
    ("account.settings", "POST"): SIGNED_IN,
    ("account.change_password", "POST"): SIGNED_IN,
    ("email.change", "POST"): SIGNED_IN,
    ("email.choose", "POST"): SIGNED_IN,
    ("email.confirm", "GET"): SIGNED_IN,
    ("email.confirm", "POST"): SIGNED_IN,
    ("sessions.index", "GET"): SIGNED_IN,
    ("sessions.end", "POST"): SIGNED_IN,
    ("passwords.ask", "GET"): EVERYONE,
    ("passwords.ask", "POST"): EVERYONE,
    ("passwords.choose", "GET"): EVERYONE,
    ("passwords.choose", "POST"): EVERYONE,
    ("passwords.verify", "GET"): EVERYONE,
    ("passwords.verify", "POST"): EVERYONE,
    ("passwords.send_verification", "POST"): SIGNED_IN,
    ("activity.mine", "GET"): SIGNED_IN,
    ("activity.of_organisation", "GET"): READERS,
    ("activity.entry", "GET"): READERS,
    ("activity.of_person", "GET"): READERS,
    ("activity.over_time", "GET"): READERS,
    ("proof.show", "GET"): OWNER,
    ("proof.checkpoint", "GET"): OWNER,
    ("proof.verify", "POST"): OWNER,
    ("proof.verification_now", "GET"): OWNER,
    ("proof.of_entry", "GET"): READERS,
    # The view in the addresses below is one that Ada shares.
    ("views.index", "GET"): READERS,
    ("views.add", "POST"): READERS,
    ("views.change", "POST"): ADMINS,
    # Ada is the first to delete it, and whoever comes after her finds nothing.
    ("views.delete", "POST"): READERS,
    ("history.compare", "GET"): READERS,
    ("history.restore", "GET"): MEMBERS,
    ("history.restore", "POST"): MEMBERS,
    ("assets.file", "GET"): EVERYONE,
    ("billing.show", "GET"): OWNER,
    ("billing.top_up", "POST"): OWNER,
    ("billing.add_method", "POST"): OWNER,
    ("billing.change_method", "POST"): OWNER,
    ("billing.make_default", "POST"): OWNER,
    ("billing.remove_method", "POST"): OWNER,
    ("billing.auto_top_up", "POST"): OWNER,
    ("everywhere.index", "GET"): READERS,
    ("health.check", "GET"): EVERYONE,
    ("members.index", "GET"): READERS,
    ("members.add", "POST"): ADMINS,
    ("members.change_role", "POST"): ADMINS,
    ("members.remove", "POST"): ADMINS,
    ("members.erase", "POST"): OWNER,
    ("members.revoke", "POST"): ADMINS,
    ("members.resend", "POST"): ADMINS,
    # The token is the key: with it everyone may look, without it nobody.
    ("members.join", "GET"): EVERYONE,
    ("invitations.show", "GET"): EVERYONE,
    ("invitations.show", "POST"): EVERYONE,
    ("invitations.switch", "POST"): SIGNED_IN,
    ("invitations.answer", "POST"): SIGNED_IN,
    ("orgs.index", "GET"): SIGNED_IN,
    ("orgs.new", "GET"): SIGNED_IN,
    ("orgs.new", "POST"): SIGNED_IN,
    ("orgs.show", "GET"): READERS,
    ("orgs.progress", "GET"): READERS,
    ("orgs.settings", "GET"): OWNER,
    ("orgs.settings", "POST"): OWNER,
    ("orgs.delete", "POST"): OWNER,
    ("projects.index", "GET"): READERS,
    ("projects.new", "GET"): ADMINS,
    ("projects.new", "POST"): ADMINS,
    ("projects.show", "GET"): READERS,
    ("projects.progress", "GET"): READERS,
    ("projects.settings", "GET"): ADMINS,
    ("projects.settings", "POST"): ADMINS,
    ("projects.delete", "POST"): ADMINS,
    ("resources.index", "GET"): READERS,
    ("resources.new", "GET"): MEMBERS,
    ("resources.new", "POST"): MEMBERS,
    ("resources.show", "GET"): READERS,
    ("resources.ended", "GET"): READERS,
    ("resources.ended_deployments", "GET"): READERS,
    ("deployments.of_ended", "GET"): READERS,
    ("resources.update", "POST"): MEMBERS,
    ("resources.deployments", "GET"): READERS,
    ("resources.deploy", "POST"): MEMBERS,
    ("deployments.output_now", "GET"): MEMBERS,
    ("deployments.output_of", "GET"): MEMBERS,
    ("deployments.show", "GET"): READERS,
    ("resources.terminate", "POST"): MEMBERS,
    ("resources.delete", "POST"): MEMBERS,
}
# After its deletion an organisation answers only here, and only to those who were members then.
# A member may also leave, with `members.remove`: what it finds to remove here is another one, which stays.
LEFT_AFTER_DELETION = {
    "orgs.show",
    "orgs.progress",
    "activity.of_organisation",
    "activity.of_person",
    "activity.over_time",
    "activity.entry",
    "history.compare",
    "proof.show",
    "proof.checkpoint",
    "proof.verification_now",
    "proof.of_entry",
}
# Of what the addresses below do not speak of.
ELSEWHERE = {"email.confirm", "passwords.choose", "passwords.verify", "resources.delete", "history.restore"}


@dataclass
class Addresses:
    """Values for the parts of every address."""

    values: dict[str, Any]

    def of(self, endpoint: str, **other: Any) -> str:
        """The address of an endpoint, some parts replaced."""
        return url_for(endpoint, **{**self.values, **other})


@pytest.fixture
def addresses(
    app: Flask,
    acme: Organisation,
    web: Project,
    api: Container,
    ada: Actor,
    people: dict[str, User],
    settings: Settings,
) -> Iterator[Addresses]:
    """Everything that addresses speak of, existing."""
    with transaction():
        method = add_payment_method(acme.id, ada, brand="Visa", last_four="4242", expiry_month=1, expiry_year=2040)
    with transaction():
        extra = sign_up("extra@example.com", "Extra Person", "a long password")
        enrol(acme, ada, extra, Role.VIEWER)
    with transaction():
        api.end(ada)
    with transaction():
        web.create(ada, Container, name="my-api", handle="my-api", image="nginx:1.28")
    invited = invite(acme, ada)
    with transaction():
        view = save_view(acme.id, people["ada"].id, Role.OWNER, "Deletions", "action:delete", True)
    seal_now(settings)
    with app.test_request_context():
        yield Addresses(
            {
                "org": "acme",
                "project": "web",
                "kind": "containers",
                "handle": "my-api",
                "resource_id": api.id,
                "number": 1,
                "revision": 1,
                "type": "container",
                "resource": api.id,
                "user_id": extra.id,
                "id": method.id,
                "token": invited.token,
                "view_id": view.id,
                "organisation_id": acme.id,
                "path": "style.css",
            }
        )


def routes(app: Flask) -> set[tuple[str, str]]:
    """(endpoint, method) of everything there is."""
    return {
        (rule.endpoint, method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def in_organisation(endpoint: str, app: Flask) -> bool:
    """Whether its address names an organisation that one must belong to."""
    rules = app.url_map.iter_rules(endpoint)
    return endpoint != "members.join" and any("org" in rule.arguments for rule in rules)


def test_every_route_has_an_expectation(app: Flask) -> None:
    assert routes(app) == set(EXPECTED)


@pytest.mark.parametrize(("endpoint", "method"), sorted(EXPECTED))
def test_who_gets_in(
    app: Flask, addresses: Addresses, visit: Callable[[str], Visitor], endpoint: str, method: str
) -> None:
    address = addresses.of(endpoint).split("?")[0]
    found = {name: ask(visit(name), method, address).status_code for name in sorted(EVERYONE)}

    allowed = EXPECTED[endpoint, method]
    inside = in_organisation(endpoint, app)
    for name, status in found.items():
        if name in allowed:
            # The address may be about something that another one ended just before: only refusals count.
            assert status not in (401, 403, 500, 503), (name, status)
        elif name == "anonymous":
            assert status == 302, (name, status)
        else:
            assert status == (403 if inside and name in READERS else 404), (name, status)


@pytest.mark.parametrize(("endpoint", "method"), sorted(EXPECTED))
def test_foreign_and_missing_look_the_same(
    app: Flask, addresses: Addresses, visit: Callable[[str], Visitor], endpoint: str, method: str
) -> None:
    if not in_organisation(endpoint, app):
        assert (
            not any("org" in rule.arguments for rule in app.url_map.iter_rules(endpoint)) or endpoint == "members.join"
        )
        return
    mallory = visit("mallory")
    foreign = ask(mallory, method, addresses.of(endpoint))
    missing = ask(mallory, method, addresses.of(endpoint, org="nowhere"))

    assert foreign.status_code == missing.status_code == 404
    assert TOKEN.sub("", foreign.text) == TOKEN.sub("", missing.text)


@pytest.mark.parametrize(("endpoint", "method"), sorted(EXPECTED))
def test_after_deletion_only_the_feed_is_left(
    app: Flask,
    acme: Organisation,
    ada: Actor,
    addresses: Addresses,
    visit: Callable[[str], Visitor],
    endpoint: str,
    method: str,
) -> None:
    if not in_organisation(endpoint, app):
        assert endpoint not in LEFT_AFTER_DELETION
        return
    address = addresses.of(endpoint)
    with transaction():
        acme.delete(ada, "acme")

    asked = visit("ada").fragment(address) if method == "GET" else ask(visit("ada"), method, address)
    assert asked.status_code == (200 if endpoint in LEFT_AFTER_DELETION else 404)


@pytest.mark.parametrize("endpoint", sorted(endpoint for endpoint, method in EXPECTED if method == "POST"))
def test_a_form_without_its_token_is_refused(
    addresses: Addresses, visit: Callable[[str], Visitor], superuser: psycopg.Connection, endpoint: str
) -> None:
    # Whoever is signed in is not signed in again, with a token or without.
    visitor = visit("anonymous" if endpoint in ("account.login", "account.signup") else "ada")
    before = snapshot(superuser)

    # What the address speaks of is looked for first: a container is not deleted, and an invitation is no such link.
    assert visitor.ask("POST", addresses.of(endpoint)).status_code == (404 if endpoint in ELSEWHERE else 400)
    assert snapshot(superuser) == before


@pytest.mark.parametrize(
    ("endpoint", "part", "missing"),
    [
        ("projects.show", "project", "nowhere"),
        ("resources.show", "handle", "nowhere"),
        ("resources.show", "kind", "secrets"),
        ("activity.entry", "number", 99),
        ("activity.of_person", "user_id", 99),
        ("activity.of_person", "user_id", 2**31),
        ("resources.ended", "resource_id", 99),
        ("resources.ended", "resource_id", 2**63),
        ("members.change_role", "user_id", 99),
        ("billing.remove_method", "id", 99),
    ],
)
def test_what_is_missing_inside_is_not_found(
    addresses: Addresses, visit: Callable[[str], Visitor], endpoint: str, part: str, missing: object
) -> None:
    method = "POST" if (endpoint, "POST") in EXPECTED else "GET"

    assert ask(visit("ada"), method, addresses.of(endpoint, **{part: missing})).status_code == 404


def ask(visitor: Visitor, method: str, address: str) -> Any:
    """Open the page or send an empty form."""
    return visitor.get(address) if method == "GET" else visitor.post(address)
