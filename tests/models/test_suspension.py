"""A balance that runs out: topped up, declined, suspended, resumed, cleaned up; each step an entry that says why."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from flask import Flask
from sqlalchemy import Row, text

from models.billing import payment, provider, suspension, usage
from models.billing.account import account_of
from models.billing.cards import PaymentMethod, add_payment_method, find_method
from models.billing.ledger import movements
from models.billing.provider import Collection
from models.billing.suspension import By
from models.database import db
from models.errors import AlreadyDone, Invalid, LeaseLost, NotFound, OrganisationSuspended, PaymentUnderWay
from models.hold import hold_organisation_alone
from models.jobs import job
from models.jobs.job import Work
from models.kinds.container import Container
from models.kinds.memcached import Memcached
from models.kinds.registry import Registry
from models.kinds.secret import Secret
from models.log.actor import SYSTEM, Actor
from models.organisation import Organisation
from models.project import Project
from models.system import cascade, charging, sweep
from models.transaction import transaction
from tests.support.log import entries, latest_entry, summaries
from tests.support.statements import statements
from tests.support.together import together

GRACE = timedelta(hours=72)


@pytest.fixture
def card(acme: Organisation, ada: Actor) -> PaymentMethod:
    """Pays until 2099."""
    with transaction():
        return add_payment_method(acme.id, ada, brand="Visa", last_four="4242", expiry_month=9, expiry_year=2099)


@pytest.fixture
def full(web: Project, ada: Actor) -> Project:
    """Three containers, a memcached, a registry and a secret."""
    with transaction():
        for number in range(3):
            web.create(ada, Container, name=f"c{number}", handle=f"c{number}", image="nginx:1.28")
        web.create(ada, Memcached, name="cache", handle="cache")
        web.create(ada, Registry, handle="main", server="r.example.com", username="ci", password="p")
        web.create(ada, Secret, handle="token", value="v")
    return web


def use_up(superuser: psycopg.Connection) -> None:
    """The balance is gone, and a charge has found it so."""
    superuser.execute("UPDATE billing_accounts SET balance_cents = -1, exhausted = true")


def expire(superuser: psycopg.Connection) -> None:
    """The card has expired since it was added."""
    superuser.execute("UPDATE payment_methods SET expiry_year = 2020")


def charge_round() -> None:
    """A minute passes, and workers do what was promised."""
    charging.charge_round(GRACE, hint=cascade.run)
    db.session.rollback()


def work() -> None:
    """Do everything that is promised."""
    for key in job.overdue():
        cascade.run(key)
    db.session.rollback()


def states(superuser: psycopg.Connection, table: str = "containers") -> set[str]:
    """The states there are."""
    return {state for (state,) in superuser.execute(f"SELECT state FROM {table}".encode())}


def state_of(superuser: psycopg.Connection) -> str:
    """The organisation's."""
    return superuser.execute("SELECT state FROM organisations").fetchall()[0][0]  # type: ignore[no-any-return]


def entry(acme: Organisation, summary: str) -> Row[Any]:
    """The one entry with this sentence."""
    [found] = [each for each in entries(acme) if each.summary == summary]
    return found


def top_up(acme: Organisation, ada: Actor, card: PaymentMethod, cents: int = 500) -> None:
    """As a person does."""
    with transaction():
        payment.top_up(acme.id, ada, cents, card.id, uuid4())
    db.session.rollback()


def ask(acme: Organisation, ada: Actor, card: PaymentMethod, request_id: UUID | None = None) -> Collection:
    """Ada wants seven euros more."""
    with transaction():
        return payment.ask(acme.id, ada, 700, card.id, request_id or uuid4())


def pay(asked: Collection) -> bool:
    """Collect a payment and book how it ended; whether the money has arrived."""
    refusal = payment.collect(asked)
    with transaction():
        return payment.book(asked, refusal)


# Suspended


def test_a_used_up_balance_suspends_what_runs_and_nothing_else(
    acme: Organisation, full: Project, superuser: psycopg.Connection
) -> None:
    use_up(superuser)
    charge_round()

    assert (state_of(superuser), states(superuser), states(superuser, "memcached")) == (
        "suspended",
        {"suspended"},
        {"suspended"},
    )
    assert states(superuser, "registries") | states(superuser, "secrets") == {"active"}


def test_the_entries_of_a_suspension_are_the_system_s_and_linked(
    acme: Organisation, full: Project, superuser: psycopg.Connection
) -> None:
    use_up(superuser)
    charge_round()

    decision = entry(acme, "Organisation Acme suspended: its balance is used up")
    assert (decision.actor_id, decision.action, decision.cause_number) == (None, "update", None)
    effects = [each for each in entries(acme) if each.cause_number == decision.number]
    assert [each.summary for each in effects] == [
        "Container c0 suspended",
        "Container c1 suspended",
        "Container c2 suspended",
        "Memcached cache suspended",
    ]
    assert {(each.actor_name, each.action) for each in effects} == {("system", "update")}
    assert {str(each.changes) for each in effects} == {"{'state': ['active', 'suspended']}"}


def test_a_new_organisation_with_nothing_paid_yet_is_not_suspended(
    acme: Organisation, full: Project, superuser: psycopg.Connection
) -> None:
    charge_round()

    assert state_of(superuser) == "active"


def test_a_suspension_happens_once_however_many_notice(
    app: Flask, acme: Organisation, full: Project, superuser: psycopg.Connection
) -> None:
    use_up(superuser)
    together(app, *[lambda: suspension.suspend_if_exhausted(acme.id, GRACE)] * 4)
    charge_round()
    work()

    assert sum("suspended: its balance" in each for each in summaries(acme)) == 1
    assert sum(each.startswith("Container") and each.endswith("suspended") for each in summaries(acme)) == 3


def test_while_suspended_nothing_is_created_or_changed_but_things_may_be_ended(
    acme: Organisation, full: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    use_up(superuser)
    charge_round()
    [project] = superuser.execute("SELECT id FROM projects").fetchall()
    web = db.session.get_one(Project, {"organisation_id": acme.id, "id": project[0]})
    api = web.find(Container, "c0")

    with pytest.raises(OrganisationSuspended, match="topping up"), transaction():
        web.create(ada, Secret, handle="new", value="v")
    with pytest.raises(OrganisationSuspended), transaction():
        api.update(ada, api.version, image="nginx:1.29")
    with transaction():
        api.end(ada)
    assert entries(acme)[-1].summary == "Container c0 terminated"


def test_what_is_suspended_costs_nothing(
    acme: Organisation, full: Project, ada: Actor, card: PaymentMethod, superuser: psycopg.Connection
) -> None:
    use_up(superuser)
    charge_round()
    account = account_of(acme.id)
    then = account.charged_until + timedelta(days=2)
    with transaction():
        usage.charge(acme.id, then)
    db.session.refresh(account)

    assert account.charged_until < then
    assert [each.kind for each in movements(acme.id)] == []


# Resumed


def test_a_top_up_resumes_everything_because_of_it(
    acme: Organisation, full: Project, ada: Actor, card: PaymentMethod, superuser: psycopg.Connection
) -> None:
    use_up(superuser)
    charge_round()
    top_up(acme, ada, card)
    work()

    paid = entry(acme, "Balance topped up by €5.00 with Visa ending 4242")
    effects = [each for each in entries(acme) if each.cause_number == paid.number]
    assert [each.summary for each in effects] == [
        "Organisation Acme resumed: its balance was topped up",
        "Container c0 resumed",
        "Container c1 resumed",
        "Container c2 resumed",
        "Memcached cache resumed",
    ]
    assert {each.actor_name for each in effects} == {"system"}
    assert (state_of(superuser), states(superuser), states(superuser, "memcached")) == (
        "active",
        {"active"},
        {"active"},
    )


def test_a_top_up_that_does_not_lift_the_balance_above_nothing_resumes_nothing(
    acme: Organisation, full: Project, ada: Actor, card: PaymentMethod, superuser: psycopg.Connection
) -> None:
    use_up(superuser)
    charge_round()
    superuser.execute("UPDATE billing_accounts SET balance_cents = -500")
    top_up(acme, ada, card, 500)

    assert state_of(superuser) == "suspended"


def test_a_top_up_in_the_middle_of_the_suspension_leaves_nothing_suspended(
    acme: Organisation,
    full: Project,
    ada: Actor,
    card: PaymentMethod,
    superuser: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweep, "CHUNK", 1)
    use_up(superuser)
    with transaction() as promised:
        suspension.suspend_if_exhausted(acme.id, GRACE)
    with transaction():
        lease = job.claim(promised[0])
    assert lease
    chunks = cascade.steps(lease)
    next(chunks)
    top_up(acme, ada, card)
    with pytest.raises(LeaseLost):
        list(chunks)
    work()

    assert states(superuser) | states(superuser, "memcached") == {"active"}
    assert [each.work for each in job.unfinished()] == []


# Cleaned up


def after_grace(superuser: psycopg.Connection) -> None:
    """The grace period passes."""
    for moment in ("began_at", "clean_up_at"):
        superuser.execute(f"UPDATE suspensions SET {moment} = {moment} - interval '3 days'".encode())


def test_within_the_grace_period_nothing_is_terminated(
    acme: Organisation, full: Project, superuser: psycopg.Connection
) -> None:
    use_up(superuser)
    charge_round()
    charge_round()
    now = suspension.current(acme.id)

    assert states(superuser) == {"suspended"}
    assert now is not None
    assert now.clean_up_at is not None
    assert now.clean_up_at - now.began_at == GRACE


def test_after_it_the_system_terminates_containers_and_memcached_and_says_why(
    acme: Organisation, full: Project, superuser: psycopg.Connection
) -> None:
    use_up(superuser)
    charge_round()
    after_grace(superuser)
    charge_round()
    charge_round()

    suspended = entry(acme, "Organisation Acme suspended: its balance is used up")
    began = entry(acme, "Organisation Acme cleaned up: suspended for 72 hours without a top-up")
    assert began.cause_number == suspended.number
    effects = [each for each in entries(acme) if each.cause_number == began.number]
    assert [each.summary for each in effects] == [
        "Container c0 terminated",
        "Container c1 terminated",
        "Container c2 terminated",
        "Memcached cache terminated",
    ]
    assert states(superuser, "registries") | states(superuser, "secrets") == {"active"}
    assert state_of(superuser) == "suspended"
    assert usage.alive_in(acme.id) == usage.Usage()


def test_a_top_up_in_the_middle_stops_the_clean_up_at_a_chunk_s_edge(
    acme: Organisation,
    full: Project,
    ada: Actor,
    card: PaymentMethod,
    superuser: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweep, "CHUNK", 1)
    use_up(superuser)
    charge_round()
    after_grace(superuser)
    with transaction() as promised:
        suspension.clean_up(acme.id, "containers")
    with transaction():
        lease = job.claim(promised[0])
    assert lease
    chunks = cascade.steps(lease)
    next(chunks)
    top_up(acme, ada, card)
    with pytest.raises(LeaseLost):
        list(chunks)
    work()

    paid = entry(acme, "Balance topped up by €5.00 with Visa ending 4242")
    terminated = [each.number for each in entries(acme) if each.action == "terminate"]
    assert terminated
    assert max(terminated) < paid.number
    assert states(superuser) | states(superuser, "memcached") == {"terminated", "active"}
    assert state_of(superuser) == "active"


# Automatic top-up


@pytest.fixture
def automatic(acme: Organisation, card: PaymentMethod, ada: Actor) -> None:
    """Below ten euros, fifty more."""
    with transaction():
        account_of(acme.id).set_auto_top_up(ada, True, 1000, 5000)


def test_below_the_threshold_the_system_tops_up_because_someone_wanted_it(
    acme: Organisation, automatic: None, superuser: psycopg.Connection
) -> None:
    superuser.execute("UPDATE billing_accounts SET balance_cents = 999")
    charge_round()
    charge_round()

    wanted = entry(acme, "Balance: automatic top-up turned on")
    paid = entry(acme, "Balance topped up by €50.00 with Visa ending 4242: it was below €10.00")
    assert (paid.actor_name, paid.cause_number) == ("system", wanted.number)
    assert account_of(acme.id).balance_cents == 5999


def test_at_the_threshold_nothing_happens(acme: Organisation, automatic: None, superuser: psycopg.Connection) -> None:
    superuser.execute("UPDATE billing_accounts SET balance_cents = 1000")
    before = len(entries(acme))
    charge_round()

    assert len(entries(acme)) == before


def test_of_two_rounds_at_once_one_tops_up(
    app: Flask, acme: Organisation, automatic: None, superuser: psycopg.Connection
) -> None:
    superuser.execute("UPDATE billing_accounts SET balance_cents = 0")
    together(app, *[lambda: payment.ask_automatically(acme.id, None, datetime.now(UTC))] * 4)
    charging.charge_round(GRACE)
    for asked in payment.interrupted(timedelta(0)):
        pay(asked)

    db.session.rollback()
    assert account_of(acme.id).balance_cents == 5000


def test_a_declined_card_is_an_entry_and_not_asked_again_at_once(
    acme: Organisation, automatic: None, superuser: psycopg.Connection
) -> None:
    superuser.execute("UPDATE billing_accounts SET balance_cents = 500")
    expire(superuser)
    for _ in range(3):
        charge_round()

    told = "Payment method Visa ending 4242 declined €50.00: the card has expired"
    declined = entry(acme, told)
    assert (declined.actor_name, declined.action) == ("system", "update")
    assert declined.cause_number == entry(acme, "Balance: automatic top-up turned on").number
    assert state_of(superuser) == "active"


def test_a_declined_card_and_an_empty_balance_suspend_because_of_the_decline(
    acme: Organisation, full: Project, automatic: None, superuser: psycopg.Connection
) -> None:
    use_up(superuser)
    expire(superuser)
    charge_round()

    declined = entry(acme, "Payment method Visa ending 4242 declined €50.00: the card has expired")
    suspended = entry(acme, "Organisation Acme suspended: its balance is used up")
    assert suspended.cause_number == declined.number
    assert states(superuser) == {"suspended"}


def test_a_renewed_card_is_asked_again_and_resumes(
    acme: Organisation, full: Project, automatic: None, card: PaymentMethod, ada: Actor, superuser: psycopg.Connection
) -> None:
    use_up(superuser)
    expire(superuser)
    charge_round()
    charge_round()
    assert state_of(superuser) == "suspended"
    with transaction():
        find_method(acme.id, card.id).change_expiry(ada, expiry_month=1, expiry_year=2099)
    charge_round()
    work()

    assert state_of(superuser) == "active"
    assert states(superuser) == {"active"}


# Payments


class Breaks:
    """A processor whose line is cut after it has taken the money."""

    def __init__(self) -> None:
        self.taken: set[Any] = set()
        self.cut = True

    def collect(self, asked: Collection) -> None:
        """Once an id."""
        self.taken.add(asked.id)
        if self.cut:
            raise ConnectionError("cut off")


def test_money_that_was_taken_is_never_forgotten_nor_taken_twice(
    acme: Organisation, card: PaymentMethod, ada: Actor, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor = Breaks()
    monkeypatch.setattr(provider, "PROVIDER", processor)
    asked = ask(acme, ada, card)
    with pytest.raises(ConnectionError):
        pay(asked)
    processor.cut = False
    superuser.execute("UPDATE payments SET asked_at = asked_at - interval '2 minutes'")
    charge_round()
    charge_round()

    assert processor.taken == {asked.id}
    assert account_of(acme.id).balance_cents == 700
    paid = entry(acme, "Balance topped up by €7.00 with Visa ending 4242")
    assert (paid.actor_name, paid.actor_role, paid.door) == ("Ada Lovelace", "owner", "web")


def test_a_payment_asked_twice_is_refused(acme: Organisation, card: PaymentMethod, ada: Actor) -> None:
    request_id = uuid4()
    ask(acme, ada, card, request_id)
    with pytest.raises(AlreadyDone):
        ask(acme, ada, card, request_id)


def test_a_payment_booked_twice_counts_once(acme: Organisation, card: PaymentMethod, ada: Actor) -> None:
    asked = ask(acme, ada, card)

    assert [pay(asked), pay(asked)] == [True, True]
    assert account_of(acme.id).balance_cents == 700


def test_of_two_who_book_a_payment_at_once_one_does(
    app: Flask, acme: Organisation, card: PaymentMethod, ada: Actor
) -> None:
    asked = ask(acme, ada, card)
    outcomes = together(app, *[lambda: payment.book(asked, None)] * 3)
    db.session.rollback()

    assert outcomes == [True] * 3
    assert account_of(acme.id).balance_cents == 700


def test_an_organisation_is_held_once_while_a_payment_is_booked(
    acme: Organisation, full: Project, card: PaymentMethod, ada: Actor, superuser: psycopg.Connection
) -> None:
    use_up(superuser)
    charge_round()
    asked = ask(acme, ada, card)
    with statements() as sent, transaction():
        payment.book(asked, None)

    assert state_of(superuser) == "active"
    assert sum("FROM organisations" in each and "FOR NO KEY UPDATE" in each for each in sent) == 1


def test_a_card_that_declines_a_person_charges_nothing_and_is_no_entry(
    acme: Organisation, card: PaymentMethod, ada: Actor, superuser: psycopg.Connection
) -> None:
    request_id = uuid4()
    ask(acme, ada, card, request_id)
    expire(superuser)
    before = len(entries(acme))
    [asked] = payment.interrupted(timedelta(0))

    assert not pay(asked)
    assert account_of(acme.id).balance_cents == 0
    assert len(entries(acme)) == before
    superuser.execute("UPDATE payment_methods SET expiry_year = 2099")
    with pytest.raises(Invalid, match="declined"):
        ask(acme, ada, card, request_id)


def test_an_organisation_is_not_deleted_while_a_payment_is_under_way(
    acme: Organisation, card: PaymentMethod, ada: Actor
) -> None:
    asked = ask(acme, ada, card)
    with pytest.raises(PaymentUnderWay, match="Try again"), transaction():
        acme.delete(ada, "acme")
    pay(asked)
    with transaction():
        acme.delete(ada, "acme")

    assert latest_entry(acme).summary == "Organisation Acme deleted"


# By hand


def test_an_operator_s_suspension_says_the_reason_and_a_top_up_does_not_lift_it(
    acme: Organisation, full: Project, ada: Actor, card: PaymentMethod, superuser: psycopg.Connection
) -> None:
    with transaction():
        suspension.suspend(hold_organisation_alone(acme.id), By.OPERATOR, "an abuse report", actor=SYSTEM)
    work()
    top_up(acme, ada, card)
    work()

    assert entry(acme, "Organisation Acme suspended by an operator: an abuse report").changes["reason"] == [
        None,
        "an abuse report",
    ]
    assert states(superuser) == {"suspended"}
    with transaction():
        suspension.resume(hold_organisation_alone(acme.id), "it was a mistake")
    work()
    assert entry(acme, "Organisation Acme resumed: it was a mistake")
    assert states(superuser) == {"active"}


def test_an_operator_s_suspension_is_never_cleaned_up(
    acme: Organisation, full: Project, superuser: psycopg.Connection
) -> None:
    with transaction():
        suspension.suspend(hold_organisation_alone(acme.id), By.OPERATOR, "an abuse report")
    after_grace(superuser)
    charge_round()

    assert suspension.due_for_clean_up() == []


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201, "two\nlines", "a\x00b"])
def test_a_reason_is_one_line_that_says_something(acme: Organisation, reason: str) -> None:
    with pytest.raises(Invalid), transaction():
        suspension.suspend(hold_organisation_alone(acme.id), By.OPERATOR, reason)


def test_what_is_deleted_is_not_suspended(acme: Organisation, ada: Actor) -> None:
    with transaction():
        acme.delete(ada, "acme")
    with pytest.raises(NotFound), transaction():
        suspension.suspend(hold_organisation_alone(acme.id), By.OPERATOR, "too late")


def test_deleting_a_suspended_organisation_ends_everything_and_stops_the_suspension(
    acme: Organisation, full: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    use_up(superuser)
    charging.charge_round(GRACE)
    db.session.refresh(acme)
    with transaction():
        acme.delete(ada, "acme")
    work()

    assert states(superuser) == {"terminated"}
    found = db.session.execute(text("SELECT work, state FROM jobs ORDER BY id")).all()
    assert [tuple(each) for each in found] == [(Work.SUSPEND, "stopped"), (Work.DELETE_ORGANISATION, "finished")]
