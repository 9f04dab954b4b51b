"""Charging: every minute the accounts are charged for what ran, filled where that is wanted, and suspended when empty.

Each step of a round is a transaction of its own and finds out anew whether it is due: a round that dies in the middle,
comes late, or runs twice at once, charges, tops up and suspends once.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import text

from models.billing import payment, provider, suspension, usage
from models.billing.account import BALANCE_ID, locked_account
from models.billing.provider import Declined
from models.billing.suspension import By
from models.database import db
from models.errors import Invalid
from models.hold import hold_organisation_alone
from models.log import feed
from models.system.cascade import Call, call_nobody
from models.transaction import Hinted, transaction

log = logging.getLogger(__name__)
INTERRUPTED_AFTER = timedelta(minutes=1)
Thing = TypeVar("Thing")


def charge_round(grace: timedelta, call: Call = call_nobody, now: datetime | None = None) -> None:
    """Charge what is due until `now` (by the database's clock when not given) and act on the balances.

    `grace` passes between a suspension and its clean-up; `call` hints at what was promised.
    """
    until = (now or _now()).astimezone(UTC).replace(second=0, microsecond=0)
    _each(
        _found(CHARGEABLE, until=until), lambda organisation: _in_transaction(usage.charge, organisation, until), call
    )
    _each(payment.unanswered(INTERRUPTED_AFTER), lambda key: settle(*key, grace), call)
    _each(_found(WANTING, now=datetime.now(UTC)), lambda organisation: _top_up(organisation, grace), call)
    _each(_found(EXHAUSTED), lambda organisation: _in_transaction(_suspend, organisation, grace), call)
    _each(suspension.due_for_clean_up(), lambda organisation: _in_transaction(suspension.clean_up, organisation), call)


def settle(organisation_id: int, id: UUID, grace: timedelta = timedelta()) -> list[Hinted]:
    """Ask the provider for a payment that was written down, and write down how it ended; returns what to hint at.

    An error of the provider leaves the payment as it is, to be asked again in the next round.
    """
    asked = payment.find_payment(organisation_id, id)
    collection = asked.collection
    db.session.rollback()  # nothing is held while someone else's computer is asked
    declined = None
    try:
        provider.PROVIDER.collect(collection)
    except Declined as refusal:
        declined = str(refusal)
    with transaction() as promised:
        if declined is None:
            payment.take(asked)
        else:
            payment.decline(asked, declined, grace)
    return promised


def pay(organisation_id: int, id: UUID) -> list[Hinted]:
    """Settle a payment that a person waits for. Raises Invalid when it was declined; nothing was charged then."""
    promised = settle(organisation_id, id)
    settled = payment.find_payment(organisation_id, id)
    if settled.state == "declined":
        raise Invalid(payment.DECLINED, "payment_method")
    return promised


def _top_up(organisation_id: int, grace: timedelta) -> list[Hinted]:
    cause = feed.latest_change(organisation_id, "billing", BALANCE_ID, "auto_top_up")
    with transaction():
        asked = payment.ask_automatically(organisation_id, cause)
    return [] if asked is None else settle(organisation_id, asked.id, grace)


def _suspend(organisation_id: int, grace: timedelta) -> None:
    """Under the account's lock it is seen whether a top-up came first."""
    hold_organisation_alone(organisation_id)
    if locked_account(organisation_id).exhausted:
        suspension.suspend(organisation_id, By.BALANCE, grace=grace)


def _in_transaction(verb: Callable[..., Any], *arguments: Any) -> list[Hinted]:
    with transaction() as promised:
        verb(*arguments)
    return promised


def _each(things: Iterable[Thing], step: Callable[[Thing], list[Hinted]], call: Call) -> None:
    """One organisation's trouble is not another's: it is logged, and tried again in the next round."""
    for thing in things:
        try:
            for key in step(thing):
                call(key)
        except Exception:
            log.exception("charging %s failed", thing)
            db.session.rollback()


def _found(query: Any, **values: Any) -> list[int]:
    found = list(db.session.execute(query, values).scalars())
    db.session.rollback()
    return found


def _now() -> datetime:
    """The database's clock: one for all schedulers, and the one that stamps what is charged."""
    moment: datetime = db.session.execute(NOW).scalar_one()
    db.session.rollback()
    return moment


NOW = text("SELECT clock_timestamp()")
CHARGEABLE = text("""
    SELECT organisation_id FROM billing_accounts AS account
      JOIN organisations ON organisations.id = organisation_id
     WHERE state = 'active' AND charged_until < :until
       AND (cpu_millicores <> 0 OR memory_mib <> 0 OR cache_mib <> 0 OR owed_microcents <> 0
            OR EXISTS (SELECT FROM usage_changes
                        WHERE usage_changes.organisation_id = account.organisation_id AND taken_at IS NULL))
     ORDER BY organisation_id
""")
WANTING = text("""
    SELECT account.organisation_id FROM billing_accounts AS account
      JOIN organisations ON organisations.id = account.organisation_id
     WHERE auto_top_up AND balance_cents < threshold_cents
       AND (exhausted OR retry_at IS NULL OR retry_at <= :now)
       AND (state = 'active' OR state = 'suspended' AND EXISTS (
            SELECT FROM suspensions WHERE suspensions.organisation_id = account.organisation_id
                                      AND by = 'balance' AND ended_at IS NULL))
     ORDER BY account.organisation_id
""")
EXHAUSTED = text("""
    SELECT organisation_id FROM billing_accounts JOIN organisations ON organisations.id = organisation_id
     WHERE exhausted AND state = 'active' ORDER BY organisation_id
""")
