"""Former members on the page of the members: an owner erases what they were called, without a script."""

from collections.abc import Callable
from pathlib import Path

import pytest

from models.log.actor import Actor
from models.organisation import Organisation
from models.people.member import find_member
from models.people.user import User
from models.settings import Settings
from models.transaction import transaction
from tests.support.log import latest_entry
from tests.web.conftest import Visitor, visit

__all__ = ["visit"]

MEMBERS = "/orgs/acme/members"


@pytest.fixture
def vera(acme: Organisation, ada: Actor, people: dict[str, User]) -> User:
    """Someone who was removed."""
    with transaction():
        find_member(acme.id, people["vera"].id).remove(ada)
    return people["vera"]


def test_an_owner_finds_former_members_and_nobody_else_does(vera: User, visit: Callable[[str], Visitor]) -> None:
    page = visit("ada").get(MEMBERS).text

    assert "Former members" in page
    assert f'action="{MEMBERS}/{vera.id}/erase"' in page
    assert "Former members" not in visit("grace").get(MEMBERS).text


def test_their_name_is_typed_and_they_are_gone_from_every_page(
    vera: User, acme: Organisation, visit: Callable[[str], Visitor], settings: Settings
) -> None:
    owner = visit("ada")
    answer = owner.post(f"{MEMBERS}/{vera.id}/erase", confirm="Vera Rubin")
    shown = latest_entry(acme).resource_name
    page = owner.get(MEMBERS).text

    assert answer.status_code == 302
    assert latest_entry(acme).actor_name == "Ada Lovelace"
    assert f"They are shown as {shown} from now on." in page
    for address in (MEMBERS, "/orgs/acme", f"{MEMBERS}/{vera.id}/activity", "/orgs/acme/activity"):
        assert "Vera" not in owner.get(address).text
    assert "Former members" not in owner.get(MEMBERS).text
    assert shown.removeprefix("erased person ") in Path(settings.list_of_erasures).read_text()


def test_another_name_erases_nothing_and_the_page_says_why(
    vera: User, acme: Organisation, visit: Callable[[str], Visitor]
) -> None:
    number = latest_entry(acme).number
    answer = visit("ada").post(f"{MEMBERS}/{vera.id}/erase", confirm="vera rubin")

    assert answer.status_code == 422
    assert "Type the name exactly as it is shown." in answer.text
    assert f'id="confirm-{vera.id}-error"' in answer.text
    assert latest_entry(acme).number == number


@pytest.mark.parametrize("user_id", [1, 99, 2**31])
def test_who_is_a_member_or_unknown_is_not_found_among_the_former(
    vera: User, visit: Callable[[str], Visitor], user_id: int
) -> None:
    assert visit("ada").post(f"{MEMBERS}/{user_id}/erase", confirm="Ada Lovelace").status_code == 404
