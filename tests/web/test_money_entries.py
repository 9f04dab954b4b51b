"""Who sees amounts and cards in the log: owners and auditors, on no page anyone else."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from models.billing.cards import add_payment_method
from models.billing.payment import top_up
from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.people.member import find_member
from models.people.user import User
from models.project import Project
from models.transaction import transaction
from tests.web.conftest import Visitor

Visit = Callable[[str], Visitor]
CARD = 5
TOP_UP = 6
PROJECT = 7


@pytest.fixture
def spent(acme: Organisation, ada: Actor) -> Organisation:
    """A card, a top-up, and then something that has nothing to do with money."""
    with transaction():
        card = add_payment_method(acme.id, ada, brand="Visa", last_four="4242", expiry_month=1, expiry_year=2099)
    with transaction():
        top_up(acme.id, ada, 5000, card.id, uuid4())
    with transaction():
        acme.create_project(ada, name="Web", handle="web")
    return acme


@pytest.fixture
def auditor(visit: Visit, spent: Organisation, ada: Actor, people: dict[str, User]) -> Visitor:
    """Vera, whose role has just been changed."""
    with transaction():
        find_member(spent.id, people["vera"].id).change_role(ada, "auditor")
    return visit("vera")


@pytest.mark.parametrize("name", ["grace", "linus", "vera"])
@pytest.mark.parametrize("address", ["/orgs/acme", "/orgs/acme/activity", "/orgs/acme/activity?after=1&show=1"])
def test_who_may_not_see_billing_sees_no_amount_and_no_card(
    visit: Visit, spent: Organisation, name: str, address: str
) -> None:
    visitor = visit(name)
    page = (visitor.fragment if "after=" in address else visitor.get)(address).text

    assert "Project Web created" in page
    assert "4242" not in page
    assert "50.00" not in page
    assert "balance" not in page.lower()


@pytest.mark.parametrize("address", ["/orgs/acme/activity", "/orgs/acme/members/1/activity"])
def test_a_feed_that_leaves_out_billing_does_not_call_itself_everything(
    visit: Visit, auditor: Visitor, address: str
) -> None:
    left_out = "but what is about billing, which your role does not show"

    assert left_out in visit("linus").get(address).text
    assert left_out not in visit("ada").get(address).text
    assert left_out not in auditor.get(address).text


@pytest.mark.parametrize("number", [CARD, TOP_UP])
def test_an_entry_about_money_is_not_there_for_who_may_not_see_it(
    visit: Visit, spent: Organisation, number: int
) -> None:
    assert visit("linus").get(f"/orgs/acme/activity/{number}").status_code == 404
    assert visit("ada").get(f"/orgs/acme/activity/{number}").status_code == 200
    assert visit("linus").get(f"/orgs/acme/activity/{PROJECT}").status_code == 200


def test_newer_entries_are_counted_without_those_that_are_not_shown(visit: Visit, spent: Organisation) -> None:
    assert "1 new entry" in visit("linus").fragment("/orgs/acme/activity?after=4").text
    assert "3 new entries" in visit("ada").fragment("/orgs/acme/activity?after=4").text


def test_one_s_own_feed_forgets_the_money_one_may_not_see_any_more(
    visit: Visit, spent: Organisation, ada: Actor, people: dict[str, User]
) -> None:
    before = visit("ada").get("/activity").text
    with transaction():
        find_member(spent.id, people["grace"].id).change_role(ada, "owner")
    with transaction():
        find_member(spent.id, people["ada"].id).change_role(ada, "member")
    after = visit("ada").get("/activity").text

    assert "4242" in before
    assert "Project Web created" in after
    assert "4242" not in after


def test_an_auditor_reads_the_log_with_its_money(auditor: Visitor) -> None:
    for address in ("/orgs/acme", "/orgs/acme/activity", f"/orgs/acme/activity/{CARD}"):
        assert "4242" in auditor.get(address).text


@pytest.mark.parametrize(
    "address",
    [
        "/orgs/acme/members",
        "/orgs/acme/billing",
        "/orgs/acme/settings",
        "/orgs/acme/projects/web",
        "/orgs/acme/projects/web/containers",
        "/orgs/acme/projects/web/settings",
        "/orgs/acme/projects/new",
    ],
)
def test_an_auditor_opens_nothing_else(auditor: Visitor, address: str) -> None:
    assert auditor.get(address).status_code == 403


def test_an_auditor_is_shown_no_road_to_what_is_closed(auditor: Visitor) -> None:
    page = auditor.get("/orgs/acme").text

    for closed in ('/orgs/acme/members"', "/orgs/acme/billing", "/orgs/acme/settings", "/orgs/acme/projects"):
        assert f'"{closed}' not in page


def test_only_an_owner_makes_an_auditor(visit: Visit, spent: Organisation, people: dict[str, User]) -> None:
    admin = visit("grace")
    refused = admin.post(f"/orgs/acme/members/{people['vera'].id}", role="auditor")

    assert 'value="auditor"' not in admin.get("/orgs/acme/members").text
    assert "Only an owner can make" in refused.text
    assert 'value="auditor"' in visit("ada").get("/orgs/acme/members").text


def test_a_project_s_feed_and_a_resource_s_history_stay_whole(visit: Visit, spent: Organisation, ada: Actor) -> None:
    project: Project = spent.find_project("web")
    with transaction():
        project.create(ada, Container, name="api", handle="api", image="nginx:1.28")

    assert "Container api created" in visit("linus").get("/orgs/acme/projects/web").text
    assert "Container api created" in visit("linus").get("/orgs/acme/projects/web/containers/api").text
