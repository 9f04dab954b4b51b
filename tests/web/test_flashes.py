"""What a page says of the change that led to it: the entry that tells it, or that nothing changed."""

import re
from collections.abc import Callable

import pytest

from models.billing.cards import add_payment_method
from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.people.member import Membership, find_member
from models.people.user import User
from models.project import Project
from models.transaction import transaction
from tests.support.invitations import invite
from tests.support.log import entries, latest_entry
from tests.support.work import job_of, run
from tests.web.conftest import Visitor

WEB = "/orgs/acme/projects/web"
API = f"{WEB}/containers/my-api"
NOTICE = re.compile(r'<p class="notice[^"]*" role="status">(.*?)</p>', re.DOTALL)
LINK = re.compile(r'<a href="([^"]+)">Entry #(\d+)</a>')


def said(visitor: Visitor, address: str = "/orgs") -> str:
    """The notice on the next page."""
    return " ".join(re.sub("<svg.*?</svg>|</?span>", "", "".join(NOTICE.findall(visitor.get(address).text))).split())


def of_acme(number: int) -> str:
    """The link to an entry of acme."""
    return f'<a href="/orgs/acme/activity/{number}">Entry #{number}</a>'


def fields(api: Container, **changed: object) -> dict[str, object]:
    """The form of the container."""
    shown = {name: getattr(api, name) for name in ("name", "image", "port", "cpu_millicores", "memory_mib")}
    return {**shown, "version": api.version, "of": api.id, **changed}


def test_a_change_is_told_with_its_entry(owner: Visitor, api: Container) -> None:
    owner.post(API, **fields(api, image="nginx:1.28"))

    assert said(owner) == f"Container my-api saved. {of_acme(7)}"


def test_the_link_leads_to_the_entry(owner: Visitor, api: Container) -> None:
    owner.post(f"{API}/terminate", of=api.id)
    told = said(owner)
    link = LINK.search(told)

    assert told.startswith("Container my-api terminated.")
    assert link
    assert "Container my-api terminated" in owner.get(link[1]).text


def test_where_nothing_changed_nothing_is_said_to_be_saved(owner: Visitor, acme: Organisation, api: Container) -> None:
    before = len(entries(acme))
    owner.post(API, **fields(api))

    assert said(owner) == "Nothing changed, nothing was recorded."
    assert len(entries(acme)) == before


@pytest.mark.parametrize(
    ("address", "typed", "told"),
    [
        ("/orgs/acme/projects/new", {"name": "Shop", "handle": "shop"}, "Project Shop created."),
        (f"{WEB}/settings", {"name": "Shop", "version": 1}, "Settings saved."),
        (f"{WEB}/delete", {"confirm": "web"}, "Project Web is being deleted."),
        ("/orgs/acme/settings", {"name": "Acme 2", "email": "a@acme.example.com", "version": 1}, "Settings saved."),
        ("/orgs/acme/delete", {"confirm": "acme"}, "Organisation Acme is being deleted. Its log stays readable."),
        (f"{API}/deploy", {}, "To be deployed again: my-api."),
    ],
)
def test_every_kind_of_change_ends_with_its_entry(
    owner: Visitor, api: Container, address: str, typed: dict[str, object], told: str
) -> None:
    assert owner.post(address, **typed).status_code == 302

    assert said(owner) == f"{told} {of_acme(7)}"


def test_of_several_entries_the_one_that_was_asked_for_is_told(owner: Visitor, acme: Organisation, ada: Actor) -> None:
    cards = []
    for last_four in ("4242", "1111"):
        with transaction():
            cards.append(
                add_payment_method(acme.id, ada, brand="Visa", last_four=last_four, expiry_month=1, expiry_year=2040)
            )
    owner.post(f"/orgs/acme/billing/payment-methods/{cards[0].id}/remove")
    told = LINK.search(said(owner))

    assert told
    assert [each.summary for each in entries(acme)[int(told[2]) - 1 :]] == [
        "Payment method Visa ending 4242 removed",
        "Payment method Visa ending 1111 made the default",
    ]


def test_a_founded_organisation_is_told_with_the_first_entry_of_its_own_log(owner: Visitor, acme: Organisation) -> None:
    owner.post("/orgs/new", name="Globex", handle="globex", email="it@globex.example.com")

    assert said(owner) == 'Organisation Globex created. <a href="/orgs/globex/activity/1">Entry #1</a>'


def test_who_joins_is_told_the_entry_that_says_so(
    visit: Callable[[str], Visitor], acme: Organisation, ada: Actor, people: dict[str, User]
) -> None:
    token = invite(acme, ada, people["mallory"].email).token
    mallory = visit("mallory")
    mallory.post(f"/invitations/{token}", answer="accept")

    assert said(mallory) == f"You are now a member of Acme. {of_acme(latest_entry(acme).number)}"


@pytest.mark.parametrize(("role", "told"), [("admin", "an admin"), ("member", "a member")])
def test_another_role_is_told_in_a_sentence(
    owner: Visitor, acme: Organisation, people: dict[str, User], role: str, told: str
) -> None:
    vera: Membership = find_member(acme.id, people["vera"].id)
    owner.post(f"/orgs/acme/members/{vera.user_id}", role=role)

    assert said(owner) == f"Vera Rubin is now {told} of Acme. {of_acme(latest_entry(acme).number)}"


def test_who_leaves_is_not_sent_to_a_log_that_is_closed_to_them(
    visit: Callable[[str], Visitor], acme: Organisation, people: dict[str, User]
) -> None:
    vera = visit("vera")
    vera.post(f"/orgs/acme/members/{people['vera'].id}/remove")

    assert said(vera) == "You left Acme."


def test_an_empty_project_that_is_deleted_is_not_said_to_have_held_anything(
    owner: Visitor, web: Project, ada: Actor
) -> None:
    with transaction() as hints:
        web.delete(ada, "web")
    run(job_of(hints))
    page = owner.get(WEB).text

    assert "Web is deleted." in page
    assert "0 resources" not in page
