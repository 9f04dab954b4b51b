"""A suspended organisation says what can be done in it and what cannot, wherever that is shown, and it is so."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from models.billing import suspension
from models.billing.suspension import By
from models.hold import SUSPENDED, hold_organisation_alone
from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.people.user import User
from models.project import Project
from models.transaction import transaction
from tests.support.forms import forms_of
from tests.support.log import latest_entry
from tests.support.work import work
from tests.web.conftest import Visitor
from tests.web.test_forms import GOOD

Visit = Callable[[str], Visitor]
ORG = "/orgs/acme"
WEB = f"{ORG}/projects/web"
API = f"{WEB}/containers/my-api"
TOLD = (
    "Its containers and memcached do not serve. Members, invitations and billing can be changed and what there is can "
    "be ended; nothing else can be created or changed."
)
CLOSED = "Nothing can be created while Acme is suspended."
PAGES = [
    ORG,
    f"{ORG}/activity",
    f"{ORG}/activity/1",
    f"{ORG}/members",
    f"{ORG}/billing",
    f"{ORG}/settings",
    f"{ORG}/projects",
    f"{ORG}/projects/new",
    WEB,
    f"{WEB}/settings",
    f"{WEB}/containers",
    f"{WEB}/secrets",
    f"{WEB}/containers/new",
    API,
    f"{API}/deployments",
]
# Where something is created, or led to where it is.
CREATING = [ORG, f"{ORG}/projects", f"{ORG}/projects/new", WEB, f"{WEB}/containers", f"{WEB}/containers/new"]


def suspend(by: By = By.BALANCE, grace: timedelta | None = timedelta(hours=72)) -> None:
    """As a round of charging or an operator does."""
    reason = suspension.USED_UP if by is By.BALANCE else "an abuse report"
    with transaction():
        suspension.suspend(hold_organisation_alone(1), by, reason, grace if by is By.BALANCE else None)


@pytest.fixture
def suspended(acme: Organisation, web: Project, api: Container) -> Organisation:
    """Acme, with a container in a project, on a balance that is used up."""
    suspend()
    return acme


@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_it_says_what_can_be_done_and_what_cannot(
    suspended: Organisation, owner: Visitor, page: str
) -> None:
    told = owner.get(page).text

    assert "Acme is suspended: its balance is used up." in told
    assert TOLD in " ".join(told.split())


@pytest.mark.parametrize("name", ["grace", "linus", "vera"])
def test_everyone_in_it_is_told(suspended: Organisation, visit: Visit, name: str) -> None:
    assert TOLD in " ".join(visit(name).get(ORG).text.split())


@pytest.mark.parametrize("page", CREATING)
def test_creating_is_closed_and_the_page_says_why(suspended: Organisation, owner: Visitor, page: str) -> None:
    told = owner.get(page).text

    assert CLOSED in told
    assert '/new"' not in told.partition("<main")[2]


@pytest.mark.parametrize("page", [WEB, f"{WEB}/containers", f"{ORG}/projects"])
def test_who_could_not_create_anyway_is_not_told_that_it_is_closed(
    suspended: Organisation, visit: Visit, page: str
) -> None:
    assert CLOSED not in visit("vera").get(page).text


@pytest.mark.parametrize(
    ("address", "form"),
    [
        (f"{ORG}/projects/new", {"name": "Other", "handle": "other"}),
        (f"{ORG}/settings", {"name": "Other", "email": "other@example.com"}),
        (f"{WEB}/settings", {"name": "Other"}),
        (f"{WEB}/containers/new", GOOD),
        (API, {**GOOD, "image": "nginx:1.29"}),
        (f"{API}/deploy", {}),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_what_it_says_cannot_be_done_is_refused_in_these_words(
    suspended: Organisation, owner: Visitor, api: Container, address: str, form: dict[str, str]
) -> None:
    before = latest_entry(suspended).number
    # As a page that was opened before sends it.
    page = forms_of(owner.get(address.removesuffix("/deploy")).text)
    sent = {**page[address].values, **form} if address in page else {"of": str(api.id), **form}
    answer = owner.post(address, **{name: value for name, value in sent.items() if name != "csrf_token"})

    assert answer.status_code == 422
    assert SUSPENDED.replace("'", "&#39;") in answer.text
    assert latest_entry(suspended).number == before


@pytest.mark.parametrize(
    ("address", "form", "entry"),
    [
        (
            f"{ORG}/members",
            {"email": "new@example.com", "role": "viewer"},
            "Invitation of new@example.com as viewer sent",
        ),
        (f"{ORG}/members/{{linus}}", {"role": "viewer"}, "User Linus Pauling's role changed from member to viewer"),
        (f"{API}/terminate", {}, "Container my-api terminated"),
        (f"{WEB}/delete", {"confirm": "web"}, "Project Web deleted"),
        (f"{ORG}/delete", {"confirm": "acme"}, "Organisation Acme deleted"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_what_it_says_can_be_done_can(
    suspended: Organisation,
    owner: Visitor,
    people: dict[str, User],
    api: Container,
    address: str,
    form: dict[str, str],
    entry: str,
) -> None:
    answer = owner.post(address.format(linus=people["linus"].id), of=str(api.id), **form)

    assert answer.status_code in (200, 302), answer.text
    assert latest_entry(suspended).summary == entry


def test_the_balance_says_until_when_a_top_up_helps_and_what_stays(suspended: Organisation, owner: Visitor) -> None:
    told = " ".join(owner.get(f"{ORG}/billing").text.split())

    assert "A top-up resumes everything. Without one, all containers and memcached are terminated on <time" in told
    assert "; registries and secrets stay." in told


def test_the_clean_up_is_said_to_be_under_way(acme: Organisation, web: Project, owner: Visitor) -> None:
    suspend(grace=timedelta())
    with transaction():
        assert suspension.clean_up(acme.id, "containers and memcached")

    assert "are being terminated; a top-up keeps what is left." in owner.get(ORG).text
    assert "its containers and memcached are being terminated; a top-up keeps" in owner.get(f"{ORG}/billing").text


def test_where_money_does_not_help_no_page_says_that_it_does(
    acme: Organisation, web: Project, api: Container, owner: Visitor
) -> None:
    suspend(By.OPERATOR)

    for page in PAGES:
        told = " ".join(owner.get(page).text.split())
        assert "only they can resume it" in told, page
        assert "Top up to resume" not in told, page
        assert "A top-up resumes" not in told, page
    assert "Only the platform's operator can resume it." in owner.get(f"{ORG}/billing").text


def test_what_runs_is_said_not_to_run_because_of_it(
    suspended: Organisation, owner: Visitor, ada: Actor, api: Container
) -> None:
    work()
    told = owner.get(API).text

    assert "Not running: suspended" in told
    assert "stopped: suspended" in told
    assert ">suspended<" in owner.get(f"{WEB}/containers").text
