"""A balance that runs out: suspended, resumed, cleaned up; each step an entry that says why."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from flask import Flask
from sqlalchemy import Connection, event, text
from sqlalchemy.orm import Session

from models.billing import payment, suspension, usage
from models.billing.account import account_of
from models.billing.cards import PaymentMethod
from models.billing.ledger import movements
from models.billing.suspension import By
from models.database import db
from models.errors import Invalid, LeaseLost, NotFound, OrganisationSuspended
from models.hold import hold_organisation_alone
from models.jobs import job
from models.jobs.job import Work
from models.kinds.container import Container
from models.kinds.secret import Secret
from models.log.actor import SYSTEM, Actor
from models.organisation import Organisation
from models.project import Project
from models.system import cascade, charging, sweep
from models.transaction import transaction
from tests.support.log import entries, entry_saying, summaries
from tests.support.money import GRACE, charge_round, state_of, states, use_up
from tests.support.together import together
from tests.support.work import work


def top_up(acme: Organisation, ada: Actor, card: PaymentMethod, cents: int = 500) -> None:
    """As a person does."""
    with transaction():
        payment.top_up(acme.id, ada, cents, card.id, uuid4())
    db.session.rollback()


def begun() -> Iterator[int]:
    """Does the first chunk of the only job that is due; returns those that are left."""
    [key] = job.overdue()
    with transaction():
        lease = job.claim(key)
    assert lease
    chunks = cascade.steps(lease)
    next(chunks)
    return chunks


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

    decision = entry_saying(acme, "Organisation Acme suspended: its balance is used up")
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


def test_entries_come_in_order_of_creation_however_the_rows_are_found(
    acme: Organisation, full: Project, superuser: psycopg.Connection
) -> None:
    def read_as_they_lie(session: Session, transaction: object, connection: Connection) -> None:
        for join in ("nestloop", "mergejoin"):
            connection.execute(text(f"SET LOCAL enable_{join} = off"))

    # Written again, the first one lies behind the others.
    superuser.execute("UPDATE containers SET version = version WHERE handle = 'c0'")
    use_up(superuser)
    event.listen(db.session, "after_begin", read_as_they_lie)
    try:
        charge_round()
    finally:
        event.remove(db.session, "after_begin", read_as_they_lie)

    suspended = [each for each in summaries(acme) if each.startswith("Container") and each.endswith("suspended")]
    assert suspended == [f"Container c{number} suspended" for number in range(3)]


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

    paid = entry_saying(acme, "Balance topped up by €5.00 with Visa ending 4242")
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
    with transaction():
        suspension.suspend_if_exhausted(acme.id, GRACE)
    chunks = begun()
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

    suspended = entry_saying(acme, "Organisation Acme suspended: its balance is used up")
    began = entry_saying(acme, "Organisation Acme cleaned up: suspended for 72 hours without a top-up")
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
    assert usage.in_use(acme.id) == usage.Usage()


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
    with transaction():
        suspension.clean_up(acme.id, "containers")
    chunks = begun()
    top_up(acme, ada, card)
    with pytest.raises(LeaseLost):
        list(chunks)
    work()

    paid = entry_saying(acme, "Balance topped up by €5.00 with Visa ending 4242")
    terminated = [each.number for each in entries(acme) if each.action == "terminate"]
    assert terminated
    assert max(terminated) < paid.number
    assert states(superuser) | states(superuser, "memcached") == {"terminated", "active"}
    assert state_of(superuser) == "active"


# By hand


def test_an_operator_s_suspension_says_the_reason_and_a_top_up_does_not_lift_it(
    acme: Organisation, full: Project, ada: Actor, card: PaymentMethod, superuser: psycopg.Connection
) -> None:
    with transaction():
        suspension.suspend(hold_organisation_alone(acme.id), By.OPERATOR, "an abuse report", actor=SYSTEM)
    work()
    top_up(acme, ada, card)
    work()

    assert entry_saying(acme, "Organisation Acme suspended by an operator: an abuse report").changes["reason"] == [
        None,
        "an abuse report",
    ]
    assert states(superuser) == {"suspended"}
    with transaction():
        suspension.resume(hold_organisation_alone(acme.id), "it was a mistake")
    work()
    assert entry_saying(acme, "Organisation Acme resumed: it was a mistake")
    assert states(superuser) == {"active"}


def test_an_operator_s_suspension_is_never_cleaned_up(
    acme: Organisation, full: Project, superuser: psycopg.Connection
) -> None:
    with transaction():
        suspension.suspend(hold_organisation_alone(acme.id), By.OPERATOR, "an abuse report")
    after_grace(superuser)
    charge_round()

    found = suspension.current(acme.id)
    assert found
    assert found.cleaning_since is None


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
