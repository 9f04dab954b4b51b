"""The page of one entry: what was written, and the roads to what it speaks of."""

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest

from models.billing.cards import add_payment_method
from models.kinds.container import Container
from models.log.actor import Actor
from models.log.record import Action, record
from models.organisation import Organisation
from models.people.member import find_member
from models.people.user import User
from models.project import Project
from models.transaction import transaction
from tests.support.log import entries, latest_entry
from tests.support.work import job_of, run
from tests.web.conftest import Visitor

WEB = "/orgs/acme/projects/web"


def page_of(visitor: Visitor, number: int) -> str:
    """The page of an entry of acme."""
    return visitor.get(f"/orgs/acme/activity/{number}").text


def links(page: str) -> set[str]:
    """Where the page itself leads, without the frame that every page has."""
    return {unescape(each) for each in re.findall(r'href="([^"#]+)"', page.partition("<main")[2])}


def test_it_says_when_to_the_microsecond(owner: Visitor, api: Container, acme: Organisation) -> None:
    at = latest_entry(acme).occurred_at

    assert f"{at:%Y-%m-%d %H:%M:%S.%f} UTC" in page_of(owner, 6)


def test_a_creation_says_what_was_set(owner: Visitor, api: Container) -> None:
    page = page_of(owner, 6)

    assert "Set to</th>" in page
    assert "Before</th>" not in page
    assert page.index(">Name</th>") < page.index(">Image</th>") < page.index(">Port</th>")


def test_a_change_says_what_was_before(owner: Visitor, api: Container, ada: Actor) -> None:
    with transaction():
        api.update(ada, api.version, image="nginx:1.28")

    assert "Before</th>" in page_of(owner, 7)


def test_it_leads_to_what_it_speaks_of_and_to_its_neighbours(owner: Visitor, api: Container, ada: Actor) -> None:
    with transaction():
        api.update(ada, api.version, image="nginx:1.28")

    assert links(page_of(owner, 6)) >= {
        f"{WEB}/containers/my-api",
        WEB,
        f"/orgs/acme/members/{ada.id}/activity",
        "/orgs/acme/activity/5",
        "/orgs/acme/activity/7",
        "/orgs/acme/activity/6?format=json",
        "http://localhost/orgs/acme/activity/6",
    }


def test_of_an_ended_resource_it_leads_to_that_one_and_not_to_who_bears_its_handle_now(
    owner: Visitor, web: Project, api: Container, ada: Actor
) -> None:
    with transaction():
        api.end(ada)
    with transaction():
        web.create(ada, Container, name="my-api", handle="my-api", image="nginx:2.0")
    first, second = page_of(owner, 6), page_of(owner, 8)
    ended = f"{WEB}/containers/my-api/{api.id}"

    assert ended in links(first)
    assert 'class="ended">ended<' in first
    assert ended not in links(second)
    shown = owner.get(ended).text
    assert "Container my-api terminated" in shown
    assert "nginx:2.0" not in shown


def test_it_leads_into_a_deleted_project(owner: Visitor, web: Project, api: Container, ada: Actor) -> None:
    with transaction() as hints:
        web.delete(ada, "web")
    run(job_of(hints))
    page = page_of(owner, 6)

    assert 'class="ended">deleted<' in page
    for address in (WEB, f"{WEB}/containers/my-api/{api.id}"):
        assert address in links(page)
        assert owner.get(address).status_code == 200


def test_in_a_deleted_organisation_every_road_is_open(
    owner: Visitor, acme: Organisation, api: Container, ada: Actor
) -> None:
    with transaction() as hints:
        acme.delete(ada, "acme")
    run(job_of(hints))
    for number in (1, 4, 6, 7, 8):
        for address in links(page_of(owner, number)):
            here = f"/orgs/acme/activity/{number}" if address.startswith("?") else ""
            answer = owner.get(here + address.removeprefix("http://localhost"), follow_redirects=True)
            assert answer.status_code == 200, (number, address)


def test_every_road_of_every_entry_is_open(
    visit: Callable[[str], Visitor],
    acme: Organisation,
    web: Project,
    api: Container,
    ada: Actor,
    people: dict[str, User],
) -> None:
    with transaction():
        add_payment_method(acme.id, ada, brand="Visa", last_four="4242", expiry_month=1, expiry_year=2040)
    with transaction():
        find_member(acme.id, people["linus"].id).remove(ada)
    with transaction():
        api.end(ada)
    for name in ("ada", "grace", "vera"):
        visitor = visit(name)
        for each in entries(acme):
            answer = visitor.get(f"/orgs/acme/activity/{each.number}")
            if each.resource_type == "billing" and name != "ada":
                assert answer.status_code == 404
                continue
            for address in links(answer.text):
                found = visitor.get(address.removeprefix("http://localhost").replace("&amp;", "&"))
                assert found.status_code == 200, (name, each.number, address)


def test_what_is_not_shown_is_passed_by_on_the_way_to_the_next(
    visit: Callable[[str], Visitor], acme: Organisation, web: Project, ada: Actor
) -> None:
    with transaction():
        add_payment_method(acme.id, ada, brand="Visa", last_four="4242", expiry_month=1, expiry_year=2040)
    last = entries(acme)[-1].number
    with transaction():
        web.create(ada, Container, name="x", handle="x", image="nginx:1.28")

    assert f"/orgs/acme/activity/{last + 1}" in links(page_of(visit("vera"), 5))


def test_what_a_role_does_not_show_is_not_denied(
    visit: Callable[[str], Visitor], acme: Organisation, ada: Actor
) -> None:
    with transaction():
        card = add_payment_method(acme.id, ada, brand="Visa", last_four="4242", expiry_month=1, expiry_year=2040)
    assert card.is_default
    hidden = entries(acme)[-1]
    with transaction():
        record(ada, Action.UPDATE, acme.subject, cause=hidden.number)

    assert f"Entry #{hidden.number}, which is about billing" in page_of(visit("vera"), hidden.number + 1)


# As JSON


def told(visitor: Visitor, number: int) -> dict[str, Any]:
    """The entry as data."""
    answer = visitor.get(f"/orgs/acme/activity/{number}?format=json")
    assert answer.mimetype == "application/json"
    found: dict[str, Any] = json.loads(answer.text)
    return found


def test_its_json_is_what_the_log_holds(
    owner: Visitor, acme: Organisation, web: Project, api: Container, ada: Actor
) -> None:
    entry = latest_entry(acme)

    assert told(owner, 6) == {
        "organisation": {"handle": "acme", "name": "Acme"},
        "number": 6,
        "occurred_at": entry.occurred_at.isoformat().replace("+00:00", "Z"),
        "summary": "Container my-api created",
        "action": "create",
        "resource": {"type": "container", "id": api.id, "name": "my-api"},
        "project": {"id": web.id, "name": "Web"},
        "actor": {"id": ada.id, "name": "Ada Lovelace", "role": "owner", "email": "ada@example.com"},
        "door": "web",
        "changes": entry.changes,
        "cause": None,
        "caused": 0,
    }


def test_its_json_is_for_whom_its_page_is(
    visit: Callable[[str], Visitor], owner: Visitor, acme: Organisation, ada: Actor
) -> None:
    with transaction():
        add_payment_method(acme.id, ada, brand="Visa", last_four="4242", expiry_month=1, expiry_year=2040)
    last = entries(acme)[-1].number

    assert told(owner, last)["resource"]["type"] == "billing"
    assert visit("vera").get(f"/orgs/acme/activity/{last}?format=json").status_code == 404
    assert visit("mallory").get("/orgs/acme/activity/1?format=json").status_code == 404


# What someone did


def test_everything_someone_did_is_theirs_and_of_this_organisation(
    owner: Visitor, web: Project, ada: Actor, grace: Actor
) -> None:
    with transaction():
        web.create(ada, Container, name="by-ada", handle="by-ada", image="nginx:1.28")
    with transaction():
        web.create(grace, Container, name="by-grace", handle="by-grace", image="nginx:1.28")
    page = owner.get(f"/orgs/acme/members/{grace.id}/activity").text

    assert "<h1>Grace Hopper</h1>" in page
    assert "by-grace" in page
    assert "by-ada" not in page


def test_a_stranger_has_no_such_page(owner: Visitor, acme: Organisation, people: dict[str, User]) -> None:
    assert owner.get(f"/orgs/acme/members/{people['mallory'].id}/activity").status_code == 404


def test_who_was_removed_keeps_the_page_of_what_they_did(
    owner: Visitor, acme: Organisation, ada: Actor, people: dict[str, User]
) -> None:
    linus = people["linus"].id
    with transaction():
        find_member(acme.id, linus).remove(ada)

    assert "<h1>Linus" in owner.get(f"/orgs/acme/members/{linus}/activity").text


@pytest.mark.parametrize("name", ["grace", "vera"])
def test_what_someone_did_with_money_is_for_those_who_may_see_it(
    visit: Callable[[str], Visitor], acme: Organisation, ada: Actor, name: str
) -> None:
    with transaction():
        add_payment_method(acme.id, ada, brand="Visa", last_four="4242", expiry_month=1, expiry_year=2040)
    address = f"/orgs/acme/members/{ada.id}/activity"

    assert "4242" in visit("ada").get(address).text
    assert "4242" not in visit(name).get(address).text
