"""Leaving an organisation whose list of members is closed: to everyone once it is deleted, to an auditor always."""

from collections.abc import Callable

import pytest

from models.log.actor import Actor
from models.organisation import Organisation
from models.people.member import find_member, members
from models.people.user import User
from models.transaction import transaction
from tests.support.log import latest_entry
from tests.web.conftest import Visitor

Visit = Callable[[str], Visitor]


@pytest.fixture
def deleted(acme: Organisation, ada: Actor) -> Organisation:
    """Acme, as its deletion begins."""
    with transaction():
        acme.delete(ada, "acme")
    return acme


@pytest.mark.parametrize("name", ["ada", "vera"])
def test_a_member_leaves_a_deleted_organisation_from_its_page(
    visit: Visit, deleted: Organisation, people: dict[str, User], name: str
) -> None:
    visitor = visit(name)
    assert f"/orgs/acme/members/{people[name].id}/remove" in visitor.get("/orgs/acme").text
    answer = visitor.post(f"/orgs/acme/members/{people[name].id}/remove")

    assert answer.location == "/orgs"
    assert visitor.get("/orgs/acme").status_code == 404
    assert "Acme" not in visitor.get("/orgs").text.partition("You left Acme.")[2]
    assert latest_entry(deleted).summary == f"User {people[name].name} removed"


def test_nobody_removes_another_member_of_a_deleted_organisation(
    visit: Visit, deleted: Organisation, people: dict[str, User]
) -> None:
    assert visit("ada").post(f"/orgs/acme/members/{people['vera'].id}/remove").status_code == 404
    assert len(members(deleted.id)) == 4


def test_an_auditor_leaves_from_the_log(visit: Visit, acme: Organisation, ada: Actor, people: dict[str, User]) -> None:
    with transaction():
        find_member(acme.id, people["vera"].id).change_role(ada, "auditor")
    vera = visit("vera")
    address = f"/orgs/acme/members/{people['vera'].id}/remove"

    assert address in vera.get("/orgs/acme").text
    assert vera.post(address).location == "/orgs"
    assert vera.get("/orgs/acme").status_code == 404


def test_whose_list_of_members_is_open_leaves_from_there(
    visit: Visit, acme: Organisation, people: dict[str, User]
) -> None:
    address = f"/orgs/acme/members/{people['vera'].id}/remove"

    assert address not in visit("vera").get("/orgs/acme").text
    assert address in visit("vera").get("/orgs/acme/members").text
