"""Money is not even counted for who may not see it: in what an entry caused, in folds, among neighbours."""

import json
from collections.abc import Callable

import pytest

from models.log.actor import SYSTEM, Actor, Door
from models.log.record import Action, ProjectName, Subject, record, record_each
from models.organisation import Organisation
from models.people.member import find_member
from models.people.user import User
from models.project import Project
from models.transaction import transaction
from tests.support.log import latest_entry
from tests.web.conftest import Visitor

Visit = Callable[[str], Visitor]
# Who sees money: an owner, and an auditor, whom the tests make of Vera.
ROLES = {"ada": True, "grace": False, "linus": False, "vera": False, "auditor": True}


@pytest.fixture
def roles(visit: Visit, acme: Organisation, ada: Actor, people: dict[str, User]) -> Visit:
    """Sign someone in by name, or as an auditor."""

    def sign_in(name: str) -> Visitor:
        if name != "auditor":
            return visit(name)
        with transaction():
            find_member(acme.id, people["vera"].id).change_role(ada, "auditor")
        return visit("vera")

    return sign_in


def cause(acme: Organisation, actor: Actor) -> int:
    """An entry that the system follows up; returns its number."""
    with transaction():
        record(actor, Action.UPDATE, acme.subject)
    return int(latest_entry(acme).number)


def effects(acme: Organisation, of: int, containers: int, billing: int, project: Project | None = None) -> None:
    """What an entry set off, one after the other: first containers, then money."""
    named = ProjectName(project.id, project.name) if project else None
    for noun, count in (("container", containers), ("billing", billing)):
        scope = Subject(acme.id, noun, 0, "", named if noun == "container" else None)
        with transaction():
            record_each(SYSTEM, Action.UPDATE, scope, [(each, f"{noun}-{each}") for each in range(count)], cause=of)


@pytest.mark.parametrize(("name", "sees_money"), ROLES.items())
def test_what_an_entry_caused_is_counted_without_money_for_who_may_not_see_it(
    roles: Visit, acme: Organisation, ada: Actor, name: str, sees_money: bool
) -> None:
    visitor = roles(name)
    number = cause(acme, ada)
    effects(acme, number, containers=2, billing=3)
    told = f"caused {5 if sees_money else 2} entries"

    for address in ("/orgs/acme/activity", "/orgs/acme", f"/orgs/acme/members/{ada.id}/activity"):
        assert told in visitor.get(address).text, address
    assert told in visitor.fragment(f"/orgs/acme/activity?after={number}&show=1").text
    assert told in visitor.get(f"/orgs/acme/activity/{number + 1}").text
    evidence = json.loads(visitor.get(f"/orgs/acme/activity/{number}?format=json").text)
    assert evidence["caused"] == (5 if sees_money else 2)


@pytest.mark.parametrize(("name", "sees_money"), ROLES.items())
def test_who_may_not_see_the_money_that_an_entry_set_off_is_told_of_nothing(
    roles: Visit, acme: Organisation, ada: Actor, name: str, sees_money: bool
) -> None:
    visitor = roles(name)
    number = cause(acme, ada)
    effects(acme, number, containers=0, billing=2)

    page = visitor.get(f"/orgs/acme/activity/{number}").text
    assert ("billing-1" in page) is sees_money
    assert ("it set off no other entry that your role shows" in page) is not sees_money
    assert ("caused 2 entries" in visitor.get("/orgs/acme/activity").text) is sees_money


def test_one_s_own_feed_counts_no_money_one_may_not_see(
    visit: Visit, acme: Organisation, people: dict[str, User]
) -> None:
    grace = Actor(people["grace"].id, "Grace Hopper", "admin", Door.WEB)
    effects(acme, cause(acme, grace), containers=1, billing=2)

    assert "caused 1 entry<" in visit("grace").get("/activity").text


@pytest.mark.parametrize(("name", "sees_money"), ROLES.items())
def test_a_fold_counts_no_money_that_its_reader_may_not_see(
    roles: Visit, acme: Organisation, ada: Actor, name: str, sees_money: bool
) -> None:
    visitor = roles(name)
    effects(acme, cause(acme, ada), containers=4, billing=3)
    page = visitor.get("/orgs/acme/activity").text

    assert f"Show the {7 if sees_money else 4} entries<" in page
    assert ("billing" in page.partition("fold-told")[2].partition("</strong>")[0]) is sees_money


@pytest.mark.parametrize(("name", "sees_money"), ROLES.items())
def test_what_is_too_short_for_a_fold_without_its_money_is_shown_as_it_is(
    roles: Visit, acme: Organisation, ada: Actor, name: str, sees_money: bool
) -> None:
    visitor = roles(name)
    effects(acme, cause(acme, ada), containers=3, billing=1)
    page = visitor.get("/orgs/acme/activity").text

    assert ('class="fold' in page) is sees_money
    assert ('data-resource="container-2"' in page) is not sees_money


@pytest.mark.parametrize(("name", "sees_money"), ROLES.items())
def test_the_entries_beside_one_are_those_that_its_reader_may_see(
    roles: Visit, acme: Organisation, ada: Actor, name: str, sees_money: bool
) -> None:
    visitor = roles(name)
    first = cause(acme, ada)
    effects(acme, first, containers=0, billing=1)
    last = cause(acme, ada)
    following, previous = (first + 1, last - 1) if sees_money else (last, first)

    assert f'activity/{following}" rel="next"' in visitor.get(f"/orgs/acme/activity/{first}").text
    assert f'activity/{previous}" rel="prev"' in visitor.get(f"/orgs/acme/activity/{last}").text


@pytest.mark.parametrize("name", ["ada", "linus"])
@pytest.mark.parametrize("mine", [1, 3, 4])
def test_a_project_folds_a_run_when_enough_of_it_is_its_own(
    visit: Visit, acme: Organisation, web: Project, ada: Actor, name: str, mine: int
) -> None:
    with transaction():
        other = acme.create_project(ada, name="Other", handle="other")
    number = cause(acme, ada)
    effects(acme, number, containers=mine, billing=0, project=web)
    effects(acme, number, containers=5, billing=1, project=other)
    page = visit(name).get("/orgs/acme/projects/web").text

    assert ('class="fold' in page) is (mine >= 4)
    assert page.count('data-resource="container-0"') == (mine < 4)
