"""Charging: every minute the accounts are charged for what ran, filled where that is wanted, and suspended when empty.

Each step of a round is a transaction of its own and finds out anew whether it is due: a round that dies in the middle,
comes late, or runs twice at once, charges, tops up and suspends once.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import text

from models.billing import account, payment, suspension, usage
from models.billing.account import BALANCE_ID
from models.billing.provider import Collection
from models.database import db, read
from models.jobs.queue import Hint, Hinted, hint_nobody
from models.kinds.catalogue import RUNNING, plurals
from models.log.entry import latest_change
from models.transaction import transaction

log = logging.getLogger(__name__)
INTERRUPTED_AFTER = timedelta(minutes=1)
Step = tuple[Callable[["Due"], Sequence[Any]], Callable[[Any], list[Hinted]]]
"""Finds in what is due what a step is taken for, and takes it for one of them."""


class Due(NamedTuple):
    """What is due: organisations by id, and whether a payment was interrupted."""

    until: datetime
    """The last full minute, which everything before is charged up to."""
    owing: list[int]
    interrupted: bool
    wanting: list[int]
    exhausted: list[int]
    cleaned: list[int]


def charge_round(grace: timedelta, hint: Hint = hint_nobody, now: datetime | None = None) -> None:
    """Charge what is due until `now` (by the database's clock when not given) and act on the balances.

    `grace` passes between a suspension and its clean-up; `hint` tells a worker of the work that follows.
    """
    due = _due(now)
    until = due.until
    steps: tuple[Step, ...] = (
        (lambda due: due.owing, lambda one: _in_transaction(usage.charge, one, until)),
        (
            lambda due: payment.interrupted(INTERRUPTED_AFTER) if due.interrupted else [],
            lambda one: _collect(one, grace),
        ),
        (lambda due: due.wanting, lambda one: _top_up(one, grace)),
        (lambda due: due.exhausted, lambda one: _in_transaction(suspension.suspend_if_exhausted, one, grace)),
        (lambda due: due.cleaned, lambda one: _in_transaction(suspension.clean_up, one, plurals(RUNNING))),
    )
    for find, step in steps:
        if found := find(due):
            _each(found, step, hint)
            due = _due(now)  # one step leads to the next


def _top_up(organisation_id: int, grace: timedelta) -> list[Hinted]:
    cause = latest_change(organisation_id, "billing", BALANCE_ID, "auto_top_up")
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


def _each(due: Sequence[Any], step: Callable[[Any], list[Hinted]], hint: Hint) -> None:
    """Take a step for each; one organisation's trouble is not another's, is logged, and tried again next round."""
    db.session.expire_all()  # what was read before the step before is outdated
    for one in due:
        try:
            for key in step(one):
                hint(key)
        except Exception:
            log.exception("charging %s failed", one if isinstance(one, int) else one.id)
            db.session.rollback()


def _due(now: datetime | None) -> Due:
    """Asks in one statement: most of the time nothing is due."""
    clock = datetime.now(UTC)
    values = {"now": clock, "until": now, "interrupted": clock - INTERRUPTED_AFTER}
    return Due(*read(DUE, values)[0])


# By the database's clock: one for all schedulers, and the one that stamps what is charged.
DUE = text(f"""
    WITH round AS (
        SELECT date_trunc('minute', COALESCE(CAST(:until AS timestamptz), clock_timestamp()), 'UTC') AS until)
    SELECT until, ARRAY({usage.CHARGEABLE}),
           EXISTS (SELECT FROM payments WHERE state = 'asked' AND asked_at < :interrupted),
           ARRAY({account.WANTING}), ARRAY({suspension.EXHAUSTED}), ARRAY({suspension.DUE})
      FROM round
""")
