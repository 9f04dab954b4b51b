"""Invitations on the pages: of the inviter, of the person invited, and of whoever else holds the link."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from models.log.actor import Actor
from models.organisation import Organisation
from models.people.invitation import Invited
from models.people.member import members
from models.people.user import User
from models.transaction import transaction
from tests.conftest import PASSWORD
from tests.support.invitations import invite
from tests.support.log import latest_entry, summaries
from tests.web.conftest import Visitor

Visit = Callable[[str], Visitor]


@pytest.fixture
def invited(acme: Organisation, ada: Actor) -> Invited:
    """Mallory is invited; nobody has shown that the address is hers."""
    return invite(acme, ada, "mallory@example.com")


@pytest.fixture
def link(invited: Invited) -> str:
    """The invitation's page."""
    return f"/invitations/{invited.token}"


@pytest.mark.parametrize("email", ["mallory@example.com", "nobody@example.com"])
def test_adding_shows_a_link_and_tells_no_name_for_an_email(owner: Visitor, acme: Organisation, email: str) -> None:
    page = owner.post("/orgs/acme/members", email=email, role="member").text

    assert f"/invitations/{acme.id}." in page
    assert "Mallory Malory" not in page
    assert len(members(acme.id)) == 4


def test_the_person_invited_joins_by_the_link(visit: Visit, acme: Organisation, link: str) -> None:
    mallory = visit("mallory")

    assert "Join Acme" in mallory.get(link).text
    assert mallory.post(link, answer="accept").location == "/orgs/acme"
    assert mallory.get("/orgs/acme").status_code == 200


def test_the_person_invited_declines(visit: Visit, acme: Organisation, link: str) -> None:
    mallory = visit("mallory")

    assert mallory.post(link, answer="decline").location == "/orgs"
    assert mallory.get("/orgs/acme").status_code == mallory.get(link).status_code == 404
    assert latest_entry(acme).summary == "Invitation of mallory@example.com declined"


def test_the_wrong_account_is_told_whose_it_is_and_offered_to_switch(visit: Visit, link: str) -> None:
    vera = visit("vera")
    page = vera.get(link).text

    assert "This invitation is for mallory@example.com. You are signed in as vera@example.com." in page
    assert f'action="{link}/switch"' in page
    assert vera.post(link, answer="accept").status_code == 422
    switched = vera.post(f"{link}/switch")
    assert switched.location == f"/login?next={link}"
    vera.token = ""
    signed_in = vera.post("/login", email="mallory@example.com", password=PASSWORD, next=link)
    assert signed_in.location == link


def test_the_list_of_invitations_needs_a_proven_address(
    visit: Visit, acme: Organisation, invited: Invited, people: dict[str, User]
) -> None:
    mallory = visit("mallory")
    address = f"/invitations/{acme.id}/{invited.invitation.id}"
    assert address not in mallory.get("/orgs").text
    mallory.post(address, answer="accept")
    assert len(members(acme.id)) == 4
    with transaction():
        people["mallory"].verified_at = datetime.now(UTC)

    assert address in mallory.get("/orgs").text
    assert mallory.post(address, answer="accept").location == "/orgs/acme"
    assert len(members(acme.id)) == 5


def test_another_s_invitation_and_none_look_the_same(visit: Visit, acme: Organisation, invited: Invited) -> None:
    vera = visit("vera")
    answers = [vera.post(f"/invitations/{acme.id}/{id}", answer="accept") for id in (invited.invitation.id, 99)]

    assert [each.status_code for each in answers] == [404, 404]


def test_a_link_of_the_old_kind_leads_on(visit: Visit, acme: Organisation, invited: Invited, link: str) -> None:
    secret = invited.token.partition(".")[2]

    assert visit("anonymous").get(f"/orgs/acme/join/{secret}").location == link


def test_an_admin_sees_no_button_for_what_only_an_owner_may_grant(visit: Visit, acme: Organisation, ada: Actor) -> None:
    of_owner = invite(acme, ada, "boss@example.com", "owner").invitation.id
    address = f"/orgs/acme/members/invitations/{of_owner}"
    grace = visit("grace")
    page = grace.get("/orgs/acme/members").text

    assert "boss@example.com" in page
    assert address not in page
    assert grace.post(f"{address}/revoke").status_code == grace.post(f"{address}/resend").status_code == 403
    assert len(summaries(acme)) == 5


def test_a_new_link_is_shown_once(owner: Visitor, acme: Organisation, invited: Invited, link: str) -> None:
    page = owner.post(f"/orgs/acme/members/invitations/{invited.invitation.id}/resend").text

    assert f"/invitations/{acme.id}." in page
    assert "/invitations/" + f"{acme.id}." not in owner.get("/orgs/acme/members").text
    assert owner.get(link).status_code == 404
