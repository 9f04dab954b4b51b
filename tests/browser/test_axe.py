"""Every page, in every state that has a look of its own: axe-core finds nothing wrong, and a finger hits its mark."""

from collections.abc import Callable
from datetime import UTC, datetime

import psycopg
import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.exceptions import NotFound as NoRoute
from werkzeug.routing import RequestRedirect

from models.kinds.catalogue import KINDS
from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.people.account_link import Purpose, make_address_link, make_link
from models.people.user import User
from models.project import Project
from models.settings import Settings
from models.transaction import transaction
from tests.support.axe import faults
from tests.support.deployments import deployed, fail
from tests.support.invitations import invite
from tests.support.kinds import create
from tests.support.money import add_card, pay
from tests.support.seals import seal_now
from tests.support.targets import small_targets

ACME = "/orgs/acme"
WEB = f"{ACME}/projects/web"
API = f"{WEB}/containers/my-api"
# The entry of its creation.
CREATED = 6
# With the events of it, which ask for what is inside.
UNFOLD = """async () => {
  for (const each of document.querySelectorAll("main details")) each.open = true;
  await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
}"""
# What answers no page of its own: files, redirects, parts of pages.
NO_PAGES = {
    "assets.file",
    "health.check",
    "proof.checkpoint",
    "proof.verification_now",
    "proof.of_entry",
    "account.home",
    "members.join",
    "orgs.progress",
    "projects.progress",
}


class Walk:
    """A browser that goes from page to page, and remembers which ones and what was wrong with each."""

    def __init__(self, page: Page, app: Flask) -> None:
        self.page, self.app = page, app
        self.seen: set[str] = set()
        self.wrong: list[str] = []

    def open(self, *addresses: str) -> None:
        """Look at each."""
        for each in addresses:
            self.page.goto(each)
            self.look(each)

    def look(self, what: str) -> None:
        """Look at the page as it is now, with everything on it unfolded."""
        self.page.evaluate(UNFOLD)
        expect(self.page.locator(".htmx-request")).to_have_count(0)  # what loads is faint meanwhile
        self.wrong += [f"{what}: {each}" for each in faults(self.page) + small_targets(self.page)]
        path = self.page.evaluate("location.pathname")
        try:
            self.seen.add(self.app.url_map.bind("").match(path)[0])
        except (NoRoute, MethodNotAllowed, RequestRedirect):
            return

    def send(self, address: str, form: str, **typed: str) -> None:
        """Send a form of a page, with something typed into it, and look at what comes."""
        self.page.goto(address)
        self.page.evaluate(UNFOLD)
        sent = self.page.locator(form)
        for name, value in typed.items():
            sent.locator(f"[name={name}]").fill(value)
        sent.locator("button[type=submit]").first.click()
        expect(self.page.locator(".error, .notice, .once").first).to_be_visible()
        self.look(f"{form} of {address}, sent")


@pytest.fixture
def furnished(acme: Organisation, web: Project, ada: Actor, api: Container) -> Container:
    """Something of everything: cards, deployments, each kind, what has ended, an invitation; returns what ended."""
    pay(acme, ada, 5000, add_card(acme, ada))
    add_card(acme, ada, last_four="4444", expiry_month=1, expiry_year=2031)
    deployed(api.key, 1)
    with transaction():
        api.update(ada, api.version, image="nginx:1.28", environment="A=1\nB=2", cpu_millicores=500)
    for kind in KINDS:
        create(web, ada, kind, handle=f"a-{kind.noun}")
    with transaction():
        ended = web.create(ada, Container, name="x" * 51, handle="x" * 51, image="nginx:1.28")
    with transaction():
        ended.end(ada)
    with transaction():
        gone = acme.create_project(ada, name="Gone", handle="gone")
    with transaction():
        gone.delete(ada, "gone")
    invite(acme, ada, "someone@example.com")
    return ended


def test_no_page_has_anything_that_axe_finds_wrong(
    ada_page: Page,
    opened: Callable[..., Page],
    app: Flask,
    acme: Organisation,
    furnished: Container,
    api: Container,
    ada: Actor,
    people: dict[str, User],
    settings: Settings,
) -> None:
    seal_now(settings)
    now = datetime.now(UTC)
    token = invite(acme, ada, "ada2@example.com").token
    mine = invite(acme, ada, "mallory@example.com").token
    with transaction():
        reset, verify = (make_link(people["ada"], each, now) for each in (Purpose.RESET, Purpose.VERIFY))
        email = make_address_link(people["ada"], "new@example.com", now)

    inside = Walk(ada_page, app)
    inside.open("/orgs", "/orgs/new", "/activity", "/account", "/account/sessions", f"/account/email/{email}")
    inside.open(f"{ACME}/views", f"{ACME}/activity/histogram", f"{ACME}/proof")
    inside.open(ACME, f"{ACME}/activity", f"{ACME}/activity/1", f"{ACME}/activity/11", f"{ACME}/members")
    inside.open(f"{ACME}/billing", f"{ACME}/settings", f"{ACME}/projects/new", WEB, f"{WEB}/settings")
    inside.open(f"{ACME}/projects/gone", f"{WEB}/containers", f"{WEB}/secrets", f"{ACME}/members/{ada.id}/activity")
    inside.open(f"{ACME}/projects", f"{WEB}/containers?ended", f"{ACME}/containers", f"{ACME}/containers?failing=1")
    long = f"{WEB}/containers/{furnished.handle}"
    deployments = f"{long}/{furnished.id}/deployments"
    inside.open(long, f"{long}/{furnished.id}", deployments, f"{deployments}/1")
    for kind in KINDS:
        inside.open(f"{WEB}/{kind.plural}/new", f"{WEB}/{kind.plural}/a-{kind.noun}")
    inside.open(API, f"{API}/deployments", f"{API}/deployments/1", f"{API}/deployments/1/output", f"{API}/output")
    inside.open(f"{WEB}/nowhere", f"/invitations/{token}", f"{API}/restore/{CREATED}", f"{ACME}/activity/{CREATED}")
    inside.open(f"{ACME}/activity/compare?type={api.noun}&resource={api.id}&from={CREATED}")
    fail(api)
    inside.open(API, f"{API}/deployments/2")
    inside.send(f"{WEB}/containers/new", "main form", name="", handle="UPPER", image="")
    inside.send(f"{ACME}/billing", "form[action$='/top-ups']", amount="nothing")
    inside.send(f"{ACME}/members", "form[action$='/members']", email="another@example.com")
    inside.send("/account", "form[action$='/password']", current="wrong", new="short")
    ada_page.locator(".menu-button").click()
    expect(ada_page.locator("#user-menu")).to_be_visible()
    inside.look("the menu")

    outside = Walk(opened(), app)
    outside.open("/login", "/signup", "/password-reset", f"/password-reset/{reset}", f"/verify-email/{verify}")
    outside.open(ACME, f"/signup?next=/invitations/{mine}", f"/invitations/{mine}")
    outside.send("/login", "main form", email="nobody", password="wrong")
    outside.send("/signup", "main form", name="", email="nobody", password="short")

    assert not inside.wrong + outside.wrong, "\n".join(inside.wrong + outside.wrong)
    pages = {each.endpoint for each in app.url_map.iter_rules() if "GET" in (each.methods or ())} - NO_PAGES
    assert pages <= inside.seen | outside.seen


def test_a_page_of_folds_a_suspended_organisation_and_a_deleted_one_have_nothing_wrong_either(
    ada_page: Page, app: Flask, acme: Organisation, folded: None, ada: Actor, superuser: psycopg.Connection
) -> None:
    walk = Walk(ada_page, app)
    walk.page.goto(f"{ACME}/activity")
    walk.page.locator("li.fold details").evaluate("each => { each.open = true }")
    expect(walk.page.locator("li.fold article.entry")).to_have_count(12)
    walk.look("a fold")
    superuser.execute("UPDATE organisations SET state = 'suspended'")
    superuser.execute(
        "INSERT INTO suspensions (organisation_id, by, reason, began_at, clean_up_at) "
        "VALUES (%s, 'balance', 'its balance is used up', now(), now() + interval '3 days')",
        [acme.id],
    )
    walk.open(ACME, f"{ACME}/billing")
    superuser.execute("UPDATE organisations SET state = 'deleted'")
    walk.open(ACME)

    assert not walk.wrong, "\n".join(walk.wrong)


def test_a_planted_fault_is_found(ada_page: Page) -> None:
    ada_page.goto(ACME)
    ada_page.evaluate(
        """() => {
          const main = document.getElementById("main");
          main.append(document.createElement("button"));
          const faint = main.appendChild(document.createElement("p"));
          faint.textContent = "Hardly to be read";
          faint.style.color = "light-dark(#aaaaaa, #444444)";
        }"""
    )
    found = "\n".join(faults(ada_page))

    assert "light, button-name" in found
    assert "light, color-contrast" in found
    assert "dark, color-contrast" in found


def test_what_a_finger_would_miss_is_found(ada_page: Page) -> None:
    ada_page.goto(ACME)
    assert small_targets(ada_page) == []
    ada_page.evaluate(
        """() => {
          const planted = document.getElementById("main").appendChild(document.createElement("div"));
          planted.innerHTML = `<button id="small">x</button><div><a id="alone" href="/orgs">Alone</a></div>
            <p>Within <a id="words" href="/orgs">other</a> words</p>`;
          planted.querySelector("button").style = "width: 20px; height: 30px; padding: 0; min-height: 0";
        }"""
    )
    found = "\n".join(small_targets(ada_page))

    assert 'id="small"' in found
    assert 'id="alone"' in found
    assert 'id="words"' not in found
