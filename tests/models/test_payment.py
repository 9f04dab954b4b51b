"""Payments: asked for, collected and booked once, whatever dies in between; by a person, or by the system."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from flask import Flask

from models.billing import payment, provider
from models.billing.account import account_of
from models.billing.cards import PaymentMethod, find_method
from models.billing.provider import Collection
from models.database import db
from models.errors import AlreadyDone, Invalid, PaymentUnderWay
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.system import charging
from models.transaction import transaction
from tests.support.log import entries, entry_saying, latest_entry
from tests.support.money import GRACE, charge_round, expire, state_of, states, use_up
from tests.support.statements import statements
from tests.support.together import together
from tests.support.work import work


def ask(acme: Organisation, ada: Actor, card: PaymentMethod, request_id: UUID | None = None) -> Collection:
    """Ada wants seven euros more."""
    with transaction():
        return payment.ask(acme.id, ada, 700, card.id, request_id or uuid4())


def pay(asked: Collection) -> bool:
    """Collect a payment and book how it ended; whether the money has arrived."""
    refusal = payment.collect(asked)
    with transaction():
        return payment.book(asked, refusal)


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
    paid = entry_saying(acme, "Balance topped up by €7.00 with Visa ending 4242")
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

    wanted = entry_saying(acme, "Balance: automatic top-up turned on")
    paid = entry_saying(acme, "Balance topped up by €50.00 with Visa ending 4242: it was below €10.00")
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

    declined = entry_saying(acme, "Payment method Visa ending 4242 declined €50.00: the card has expired")
    assert (declined.actor_name, declined.action) == ("system", "update")
    assert declined.cause_number == entry_saying(acme, "Balance: automatic top-up turned on").number
    assert state_of(superuser) == "active"


def test_a_declined_card_and_an_empty_balance_suspend_because_of_the_decline(
    acme: Organisation, full: Project, automatic: None, superuser: psycopg.Connection
) -> None:
    use_up(superuser)
    expire(superuser)
    charge_round()

    declined = entry_saying(acme, "Payment method Visa ending 4242 declined €50.00: the card has expired")
    suspended = entry_saying(acme, "Organisation Acme suspended: its balance is used up")
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
