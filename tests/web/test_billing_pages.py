"""The billing page explains the balance; every page of a suspended organisation says why and until when."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest

from models.billing import provider, suspension
from models.billing.account import account_of
from models.billing.cards import PaymentMethod
from models.billing.payment import top_up
from models.billing.provider import Collection, Declined
from models.billing.suspension import By
from models.database import db
from models.hold import hold_organisation_alone
from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.system import charging
from models.transaction import transaction
from tests.support.deployments import deployed
from tests.support.log import latest_entry
from tests.web.conftest import Visitor

BILLING = "/orgs/acme/billing"


def suspend(by: By = By.BALANCE, reason: str = suspension.USED_UP) -> None:
    """As a round of charging or an operator does."""
    grace = timedelta(hours=72) if by is By.BALANCE else None
    with transaction():
        suspension.suspend(hold_organisation_alone(1), by, reason, grace)


def test_the_page_tells_what_things_cost_and_what_runs(owner: Visitor, api: Container) -> None:
    assert "Nothing runs that is paid for" in owner.get(BILLING).text
    deployed(api.key, 1)
    told = owner.get(BILLING).text

    assert "250 millicores, 256 MiB" in told
    assert "€0.03" in told
    assert "an hour, about" in told


def test_the_charges_of_an_hour_are_one_line(owner: Visitor, acme: Organisation, superuser: psycopg.Connection) -> None:
    start = datetime(2030, 1, 1, 9, tzinfo=UTC)
    superuser.execute(
        """UPDATE billing_accounts SET charged_until = %s, booked_until = %s, cpu_millicores = 64000,
                                       balance_cents = 5000""",
        (start, start),
    )
    for minute in range(1, 31):
        charging.charge_round(timedelta(hours=72), now=start + timedelta(minutes=minute))
    db.session.rollback()
    told = owner.get(BILLING).text

    assert told.count('<td class="what">Usage') == 1
    assert "-€0.96" in told


def test_a_top_up_and_its_entry_lead_to_each_other(
    owner: Visitor, acme: Organisation, ada: Actor, card: PaymentMethod
) -> None:
    for cents in (1000, 2000):
        with transaction():
            top_up(acme.id, ada, cents, card.id, uuid4())
    told = owner.get(BILLING).text
    found = [int(number) for number in re.findall(r'href="/orgs/acme/activity/(\d+)">Entry #', told)]
    assert len(found) == 2
    for number in found:
        [(way, anchor)] = re.findall(
            r'<dt>Ledger</dt><dd><a href="([^"#]+)(#[^"]+)"', owner.get(f"/orgs/acme/activity/{number}").text
        )
        reached = owner.get(way).text
        assert f'<tr id="{anchor[1:]}">' in reached
        assert reached.count("<tr id=") == found[::-1].index(number) + 1, "the page does not begin with it"
        assert "The newest movements" in reached


def test_an_entry_about_money_that_moves_none_leads_to_no_movement(
    owner: Visitor, acme: Organisation, card: PaymentMethod
) -> None:
    told = owner.get(f"/orgs/acme/activity/{latest_entry(acme).number}").text

    assert "Payment method" in told
    assert "<dt>Ledger</dt>" not in told


def test_the_first_minutes_without_a_balance_are_announced(owner: Visitor, api: Container) -> None:
    deployed(api.key, 1)
    assert "suspended as soon as it has used a cent" in owner.get(BILLING).text


def test_how_long_the_balance_lasts_is_told(
    owner: Visitor, api: Container, acme: Organisation, ada: Actor, card: PaymentMethod
) -> None:
    with transaction():
        top_up(acme.id, ada, 1000, card.id, uuid4())

    assert "Lasts about" not in owner.get(BILLING).text
    deployed(api.key, 1)
    assert "Lasts about 47 days with what runs now" in owner.get(BILLING).text
    assert "Runs out in about 47 days · Top up" in owner.get("/orgs/acme").text


@pytest.mark.parametrize("page", ["/orgs/acme", BILLING, "/orgs/acme/projects/web", "/orgs/acme/members"])
def test_every_page_says_until_when_and_how_to_resume(owner: Visitor, web: Project, page: str) -> None:
    suspend()
    told = owner.get(page).text

    assert "Acme is suspended: its balance is used up" in told
    assert "all containers and memcached are terminated" in told
    assert "Top up to resume" in told


def test_who_may_not_top_up_is_told_who_may(visit: Callable[[str], Visitor], web: Project) -> None:
    suspend()

    assert "An owner can top up to resume." in visit("vera").get("/orgs/acme").text


def test_an_operator_s_suspension_does_not_promise_that_money_helps(owner: Visitor, web: Project) -> None:
    suspend(By.OPERATOR, "an abuse report")
    told = owner.get("/orgs/acme").text

    assert "Acme is suspended: an abuse report" in told
    assert "only they can resume it" in told
    assert "Top up to resume" not in told


def test_a_declined_card_is_told_in_the_form_and_nothing_is_charged(
    owner: Visitor, acme: Organisation, card: PaymentMethod, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Declines:
        def collect(self, asked: Collection) -> None:
            raise Declined(f"insufficient funds for {asked.method}")

    monkeypatch.setattr(provider, "PROVIDER", Declines())
    answer = owner.post(f"{BILLING}/top-ups", amount="25.00", payment_method=str(card.id), request_id=str(uuid4()))

    assert answer.status_code == 422
    assert "declined and nothing was charged" in answer.text
    assert account_of(acme.id).balance_cents == 0
    monkeypatch.undo()
    again = re.search(r'name="request_id"[^>]*value="([^"]+)"', answer.text)
    assert again
    owner.post(f"{BILLING}/top-ups", amount="25.00", payment_method=str(card.id), request_id=again[1])
    db.session.rollback()
    db.session.expire_all()
    assert account_of(acme.id).balance_cents == 2500


def test_a_stuck_job_shows_its_error_on_the_organisation_s_page(
    owner: Visitor, web: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    with transaction():
        web.delete(ada, "web")
    superuser.execute("UPDATE jobs SET state = 'stuck', error = 'Broken: it <broke>'")
    told = owner.get("/orgs/acme").text

    assert "Deleting Web" in told
    assert "Broken: it &lt;broke&gt;" in told
    assert "jobs retry 1/1" in told


def test_a_suspension_in_progress_is_shown_until_it_is_done(owner: Visitor, api: Container) -> None:
    suspend()

    assert "Suspending what runs in Acme" in owner.get("/orgs/acme").text
    assert "Suspending what runs in Acme" in owner.fragment("/orgs/acme/progress").text


def test_a_grouped_amount_is_shown_before_it_is_charged(
    owner: Visitor, acme: Organisation, card: PaymentMethod
) -> None:
    sent = {"payment_method": str(card.id), "request_id": str(uuid4())}
    asked = owner.post(f"{BILLING}/top-ups", amount="1.000,00", **sent)
    before = account_of(acme.id).balance_cents
    db.session.rollback()
    owner.post(f"{BILLING}/top-ups", amount="1000.00", payment_method=str(card.id), request_id=str(uuid4()))

    assert "This was read as €1,000.00." in asked.text
    assert 'value="1000.00"' in asked.text
    assert (before, account_of(acme.id).balance_cents) == (0, 100_000)
