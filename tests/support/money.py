"""Cards and top-ups, balances that run out, and the rounds of charging that find it so."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg

from models.billing.account import account_of
from models.billing.cards import PaymentMethod, add_payment_method
from models.billing.payment import top_up
from models.database import db
from models.log.actor import Actor
from models.organisation import Organisation
from models.system import charging
from models.transaction import transaction
from tests.support.work import run

GRACE = timedelta(hours=72)
CARD: dict[str, Any] = {"brand": "Visa", "last_four": "4242", "expiry_month": 12, "expiry_year": 2099}


def add_card(organisation: Organisation, actor: Actor, **values: Any) -> PaymentMethod:
    """Saves a card, CARD but for what is given."""
    with transaction():
        return add_payment_method(organisation.id, actor, **{**CARD, **values})


def pay(
    organisation: Organisation, actor: Actor, cents: int, method: PaymentMethod, request_id: UUID | None = None
) -> None:
    """Tops up once, with money that nobody needs to be asked for."""
    with transaction():
        top_up(organisation.id, actor, cents, method.id, request_id or uuid4())


def balance(organisation: Organisation) -> int:
    """Returns the balance as it is stored, in cents."""
    db.session.rollback()
    return account_of(organisation.id).balance_cents


def use_up(superuser: psycopg.Connection) -> None:
    """Leaves nothing of the balance, as a charge that found it so."""
    superuser.execute("UPDATE billing_accounts SET balance_cents = -1, exhausted = true")


def expire(superuser: psycopg.Connection) -> None:
    """Lets every card have expired since it was added."""
    superuser.execute("UPDATE payment_methods SET expiry_year = 2020")


def charge_round() -> None:
    """Does a round of charging, and runs the jobs that follow."""
    charging.charge_round(GRACE, hint=run)
    db.session.rollback()


def states(superuser: psycopg.Connection, table: str = "containers") -> set[str]:
    """Returns the states that the rows of a table have."""
    return {state for (state,) in superuser.execute(f"SELECT state FROM {table}".encode())}


def state_of(superuser: psycopg.Connection) -> str:
    """Returns the state of the only organisation."""
    return superuser.execute("SELECT state FROM organisations").fetchall()[0][0]  # type: ignore[no-any-return]
