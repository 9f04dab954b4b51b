"""The page of an error says what was read before, and asks the database nothing: that may be what fails."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from models.billing import suspension
from models.hold import hold_organisation_alone
from models.log.actor import Actor
from models.organisation import Organisation
from models.transaction import transaction
from tests.support.statements import statements
from tests.web.conftest import Visitor

Visit = Callable[[str], Visitor]


@pytest.fixture
def suspended(acme: Organisation, ada: Actor) -> Organisation:
    """Acme, whose pages read until when it is suspended."""
    with transaction():
        suspension.suspend(hold_organisation_alone(acme.id), suspension.By.OPERATOR, "a test", actor=ada)
    return acme


@contextmanager
def no_answers_about(superuser: psycopg.Connection, tables: bytes) -> Iterator[None]:
    """Who reads these tables waits in vain, as when the database goes down in the middle of a page."""
    with superuser.transaction():
        superuser.execute(b"LOCK TABLE " + tables)
        yield


def test_a_page_of_a_suspended_organisation_is_busy_when_the_database_goes_down_within_it(
    suspended: Organisation, owner: Visitor, superuser: psycopg.Connection
) -> None:
    with no_answers_about(superuser, b"activity_runs, suspensions"):
        answer = owner.get("/orgs/acme/activity")

    assert answer.status_code == 503
    assert "The database did not answer in time." in answer.text
    assert ">Acme<" in answer.text, "what was read before is shown"


def test_a_database_that_is_down_from_the_start_is_said_to_be_so(
    suspended: Organisation, owner: Visitor, superuser: psycopg.Connection
) -> None:
    with no_answers_about(superuser, b"users, suspensions"):
        answer = owner.get("/orgs/acme/activity")

    assert answer.status_code == 503
    assert "Your organisations" in answer.text


@pytest.mark.parametrize("address", ["/nowhere", "/orgs/acme/activity/x", "/orgs/acme/billing/payment-methods"])
def test_nobody_is_looked_up_for_the_page_of_an_error(suspended: Organisation, owner: Visitor, address: str) -> None:
    owner.get("/orgs")
    with statements() as sent:
        answer = owner.get(address)

    assert answer.status_code in (404, 405)
    assert "Your organisations" in answer.text
    assert sent == []


@pytest.mark.parametrize(("who", "address"), [("ada", "/orgs/other"), ("linus", "/orgs/acme/billing")])
def test_a_refusal_costs_no_more_than_finding_out_who_asks(
    visit: Visit, suspended: Organisation, who: str, address: str
) -> None:
    someone = visit(who)
    someone.get("/orgs")
    with statements() as sent:
        answer = someone.get(address)

    assert answer.status_code in (403, 404)
    assert len(sent) == 1


def test_whoever_has_no_session_is_offered_to_sign_in(visit: Visit) -> None:
    page = visit("anonymous").get("/nowhere").text

    assert "Sign in" in page
    assert "Your organisations" not in page
