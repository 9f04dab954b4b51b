"""Charging: every minute the accounts are charged for what ran, filled where that is wanted, and suspended when empty.

Each step of a round is a transaction of its own and finds out anew whether it is due: a round that dies in the middle,
comes late, or runs twice at once, charges, tops up and suspends once.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import text

from models.billing import payment, suspension, usage
from models.billing.account import BALANCE_ID, wanting_top_up
from models.billing.provider import Collection
from models.database import db
from models.jobs.queue import Hint, Hinted, hint_nobody
from models.kinds.catalogue import RUNNING, plurals
from models.log import feed
from models.transaction import transaction

log = logging.getLogger(__name__)
INTERRUPTED_AFTER = timedelta(minutes=1)
Due = TypeVar("Due", int, Collection)


def charge_round(grace: timedelta, hint: Hint = hint_nobody, now: datetime | None = None) -> None:
    """Charge what is due until `now` (by the database's clock when not given) and act on the balances.

    `grace` passes between a suspension and its clean-up; `hint` tells a worker of the work that follows.
    """
    until = (now or _now()).astimezone(UTC).replace(second=0, microsecond=0)

    _each(usage.chargeable(until), lambda one: _in_transaction(usage.charge, one, until), hint)
    _each(payment.interrupted(INTERRUPTED_AFTER), lambda one: _collect(one, grace), hint)
    _each(wanting_top_up(datetime.now(UTC)), lambda one: _top_up(one, grace), hint)
    _each(suspension.exhausted(), lambda one: _in_transaction(suspension.suspend_if_exhausted, one, grace), hint)
    _each(suspension.due_for_clean_up(), lambda one: _in_transaction(suspension.clean_up, one, plurals(RUNNING)), hint)


def _top_up(organisation_id: int, grace: timedelta) -> list[Hinted]:
    cause = feed.latest_change(organisation_id, "billing", BALANCE_ID, "auto_top_up")
    with transaction():
        asked = payment.ask_automatically(organisation_id, cause, datetime.now(UTC))
    return [] if asked is None else _collect(asked, grace)


def _collect(asked: Collection, grace: timedelta) -> list[Hinted]:
    refusal = payment.collect(asked)
    with transaction() as hints:
        payment.book(asked, refusal, grace)
    return hints


def _in_transaction(verb: Callable[..., Any], *arguments: Any) -> list[Hinted]:
    with transaction() as hints:
        verb(*arguments)
    return hints


def _each(due: Sequence[Due], step: Callable[[Due], list[Hinted]], hint: Hint) -> None:
    """Take a step for each; one organisation's trouble is not another's, is logged, and tried again next round."""
    db.session.rollback()  # what found them is no part of the steps
    for one in due:
        try:
            for key in step(one):
                hint(key)
        except Exception:
            log.exception("charging %s failed", one if isinstance(one, int) else one.id)
            db.session.rollback()


def _now() -> datetime:
    """Returns the time by the database's clock: one for all schedulers, and the one that stamps what is charged."""
    moment: datetime = db.session.execute(NOW).scalar_one()
    db.session.rollback()
    return moment


NOW = text("SELECT clock_timestamp()")
