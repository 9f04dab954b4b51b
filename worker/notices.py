"""Notices: mail that nobody asked for just now, to those whom it concerns, each about something once."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from models.billing import runway
from models.billing.amounts import shown
from models.database import db
from models.jobs import failures, keepsakes
from models.jobs.delivery import post
from models.jobs.failures import Failure
from models.jobs.queue import Hinted
from models.kinds.catalogue import BY_NOUN
from models.log.entry import actors_of
from models.organisation import Organisation, find_organisation
from models.people.recipients import Recipient, told_of_balance, told_of_checkpoints, told_of_deployments
from models.transaction import transaction
from worker.hint import hint_all

log = logging.getLogger(__name__)
# The rest is on the pages.
LISTED_MOST = 20


def tell_of_failures(public_url: str, now: datetime | None = None) -> None:
    """Tell of deployments that have failed: those who asked for them, and whoever manages the organisation."""
    moment = now or datetime.now(UTC)
    _each(failures.organisations_to_tell(moment), lambda one: _tell_of_failures(one, public_url, moment))


def tell_of_low_balances(public_url: str) -> None:
    """Tell owners that a balance lasts for less than a day, once until it is topped up."""
    _each(runway.running_low(), lambda one: _tell_of_low_balance(one, public_url))


def send_checkpoints(public_url: str, now: datetime | None = None) -> None:
    """Send owners the newest checkpoint of a log that has grown, once a week: what is out cannot be taken back."""
    moment = now or datetime.now(UTC)
    _each(keepsakes.organisations_to_send(moment), lambda one: _send_checkpoint(one, public_url, moment))


def _tell_of_failures(organisation_id: int, public_url: str, now: datetime) -> None:
    failed = failures.take_untold(organisation_id, now)
    if not failed:
        return
    organisation = find_organisation(organisation_id)
    asked = actors_of(organisation_id, {each.cause_number for each in failed})
    for recipient in told_of_deployments(organisation_id, set(asked.values())):
        mine = [each for each in failed if recipient.told_all or asked.get(each.cause_number) == recipient.user_id]
        _post_failures(recipient, organisation, mine, public_url)


def _post_failures(recipient: Recipient, organisation: Organisation, mine: list[Failure], public_url: str) -> None:
    link = _page_of(organisation, public_url)
    first = mine[0]
    if len(mine) == 1:
        link += f"/projects/{first.project_handle}/{BY_NOUN[first.noun].plural}/{first.handle}"
    post(
        recipient.email,
        "deployments_failed",
        link=link,
        organisation=organisation.name,
        failures=[each._asdict() for each in mine[:LISTED_MOST]],
        count=len(mine),
    )


def _tell_of_low_balance(organisation_id: int, public_url: str) -> None:
    low = runway.take_untold(organisation_id, datetime.now(UTC))
    if low is None:
        return
    organisation = find_organisation(organisation_id)
    for recipient in told_of_balance(organisation_id):
        post(
            recipient.email,
            "balance_low",
            link=f"{_page_of(organisation, public_url)}/billing",
            organisation=organisation.name,
            balance=shown(low.balance_cents),
            used_up=low.balance_cents <= 0,
            hours=low.hours,
        )


def _send_checkpoint(organisation_id: int, public_url: str, now: datetime) -> None:
    found = keepsakes.take_unsent(organisation_id, now)
    if found is None:
        return
    organisation = find_organisation(organisation_id)
    for recipient in told_of_checkpoints(organisation_id):
        post(
            recipient.email,
            "checkpoint",
            link=f"{_page_of(organisation, public_url)}/proof",
            organisation=organisation.name,
            size=found.size,
            at=f"{found.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
            note=found.note,
        )


def _page_of(organisation: Organisation, public_url: str) -> str:
    return f"{public_url.rstrip('/')}/orgs/{organisation.handle}"


def _each(organisations: list[int], tell: Callable[[int], None]) -> None:
    """Tell in a transaction for each; one organisation's trouble is not another's, and is looked at again later."""
    db.session.rollback()  # what found them is no part of it
    hints: list[Hinted] = []
    for organisation_id in organisations:
        try:
            with transaction() as those:
                tell(organisation_id)
            hints += those
        except Exception:
            log.exception("nobody was told in organisation %s", organisation_id)
    hint_all(hints)
