"""What a newcomer meets first: forms that say all that is wrong, invitations, and links to what is not theirs."""

from collections.abc import Callable

import pytest
from flask import Flask

from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from tests.conftest import PASSWORD
from tests.support.invitations import NEW, invite
from tests.web.conftest import Visitor

FOREIGN = "it may lead into an organisation that you do not belong to"


@pytest.fixture
def invitation(acme: Organisation, ada: Actor) -> str:
    """The address of an invitation for someone without an account."""
    return f"/invitations/{invite(acme, ada, NEW).token}"


@pytest.fixture
def newcomer(app: Flask) -> Visitor:
    """Someone who is not signed in."""
    return Visitor(app.test_client())


def test_a_sign_up_is_told_all_that_is_wrong_at_once_each_at_its_field(newcomer: Visitor) -> None:
    page = newcomer.post("/signup", name="", email="nobody", password="short").text

    assert all(f'id="{each}-error"' in page for each in ("name", "email", "password"))
    assert page.count('aria-invalid="true"') == 3


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        ("payment-methods", {"last_four": "x", "expiry_month": "13", "expiry_year": "1"}),
        ("auto-top-up", {"threshold": "x", "amount": "y"}),
    ],
)
def test_a_form_about_money_is_told_so_too(
    owner: Visitor, acme: Organisation, form: str, wrong: dict[str, str]
) -> None:
    page = owner.post(f"/orgs/acme/billing/{form}", brand="Visa", **wrong).text

    assert page.count('aria-invalid="true"') == len(wrong)


def test_the_address_of_an_invitation_is_filled_in_and_fixed(newcomer: Visitor, invitation: str) -> None:
    page = newcomer.get(f"/signup?next={invitation}").text
    [field] = [each for each in page.split("<input")[1:] if 'name="email"' in each.split(">")[0]]

    assert f'value="{NEW}"' in field
    assert "readonly" in field.split(">")[0]
    assert f'value="{NEW}"' in newcomer.get(f"/login?next={invitation}").text


def test_another_address_than_the_one_invited_is_refused(newcomer: Visitor, invitation: str) -> None:
    typed = {"name": "New", "email": "other@example.com", "password": PASSWORD}
    answer = newcomer.post("/signup", **typed, next=invitation)

    assert answer.status_code == 422
    assert f"The invitation is for {NEW}." in answer.text
    assert newcomer.post("/signup", **{**typed, "email": NEW}, next=invitation).location == invitation


def test_signing_up_from_someones_link_explains_itself_and_offers_both_next_steps(
    newcomer: Visitor, web: Project
) -> None:
    link = "/orgs/acme/projects/web"
    newcomer.post("/signup", name="New", email=NEW, password=PASSWORD, next=link)
    page = newcomer.get(link).text

    assert FOREIGN in page
    assert "ask them to invite you" in page
    assert 'href="/orgs/new"' in page


def test_a_member_is_not_told_that_what_is_missing_may_be_foreign(
    visit: Callable[[str], Visitor], acme: Organisation
) -> None:
    assert FOREIGN not in visit("vera").get("/orgs/acme/projects/nowhere").text
    assert FOREIGN in visit("vera").get("/orgs/nowhere").text
