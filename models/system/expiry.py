"""Closing the invitations whose time is over, so that the log says so and nobody has to ask for it."""

import logging
from datetime import datetime

from sqlalchemy.exc import DBAPIError

from models.errors import NotFound
from models.people.invitation import organisations_with_expired
from models.people.member import expire_invitations
from models.transaction import transaction

log = logging.getLogger(__name__)


def expire_all(now: datetime) -> None:
    """Close what has expired, an organisation a transaction: what goes wrong in one is left to the next look."""
    for organisation_id in organisations_with_expired(now):
        try:
            with transaction():
                expire_invitations(organisation_id, now)
        except NotFound:
            continue  # deleted meanwhile, and its invitations with it
        except DBAPIError:
            log.exception("invitations of organisation %s are left to the next look", organisation_id)
