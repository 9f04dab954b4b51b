"""People of one name: told apart on a page that both are on, on the page of an entry, and in the list of members."""

from collections.abc import Callable

import psycopg
import pytest

from models.database import db
from models.log.actor import Actor
from models.organisation import Organisation
from models.people.access import Role
from models.people.user import User
from models.transaction import transaction
from tests.conftest import as_actor
from tests.support.log import latest_entry
from tests.web.conftest import Visitor

Visit = Callable[[str], Visitor]
MARK = '<span class="namesake">user {}</span>'


def act(acme: Organisation, user: User, role: Role, handle: str) -> None:
    """Has someone create a project."""
    with transaction():
        acme.create_project(as_actor(user, role), name=handle, handle=handle)


def call(superuser: psycopg.Connection, user: User, name: str) -> None:
    """Gives someone another name, of which no row of the feed tells."""
    superuser.execute("UPDATE users SET name = %s WHERE id = %s", (name, user.id))
    db.session.expire(user)


@pytest.fixture
def twins(acme: Organisation, people: dict[str, User], superuser: psycopg.Connection) -> tuple[int, int]:
    """Grace has taken Ada's name, in capitals, and both have created a project; the ids of Ada and Grace."""
    call(superuser, people["grace"], "ADA Lovelace")
    act(acme, people["ada"], Role.OWNER, "first")
    act(acme, people["grace"], Role.ADMIN, "second")
    return people["ada"].id, people["grace"].id


@pytest.mark.parametrize("address", ["/orgs/acme", "/orgs/acme/activity", "/orgs/acme/activity?after=1&show=1"])
def test_a_feed_says_which_of_two_people_of_one_name_acted(
    visit: Visit, twins: tuple[int, int], people: dict[str, User], address: str
) -> None:
    page = visit("vera").get(address).text

    assert page.count(MARK.format(twins[1])) == 1
    assert page.count(MARK.format(twins[0])) >= 1


def test_nobody_else_s_row_is_marked(
    visit: Visit, acme: Organisation, twins: tuple[int, int], people: dict[str, User]
) -> None:
    act(acme, people["linus"], Role.ADMIN, "third")

    page = visit("vera").get("/orgs/acme/activity").text
    assert page.count('class="namesake"') == page.count('data-actor="Ada Lovelace"') + 1


def test_a_person_who_was_renamed_is_no_namesake_of_themselves(
    visit: Visit, acme: Organisation, people: dict[str, User], superuser: psycopg.Connection
) -> None:
    call(superuser, people["ada"], "Augusta King")
    act(acme, people["ada"], Role.OWNER, "first")
    call(superuser, people["grace"], "Grace King")
    act(acme, people["grace"], Role.ADMIN, "second")

    assert 'class="namesake"' not in visit("vera").get("/orgs/acme/activity").text


def test_the_page_of_an_entry_says_which_person_it_is_about(
    visit: Visit, acme: Organisation, ada: Actor, people: dict[str, User]
) -> None:
    assert latest_entry(acme).resource_name == "Vera Rubin"
    page = visit("grace").get("/orgs/acme/activity/4").text

    assert f"user {people['vera'].id}</span>" in page
    assert f"ada@example.com, user {ada.id}</span>" in page


def test_the_list_of_members_tells_them_apart_by_their_addresses(
    visit: Visit, acme: Organisation, twins: tuple[int, int]
) -> None:
    page = visit("vera").get("/orgs/acme/members").text

    assert page.count("Lovelace</strong>") == 2
    assert "ada@example.com" in page
    assert "grace@example.com" in page
