"""How far a log is sealed, as pages tell it: up to which entry, since when, and what is wrong with it."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from markupsafe import Markup

from models.log.seal import Standing
from models.people.access import Permission
from models.people.standing import Here
from web import access
from web.addresses import address
from web.fragments import once
from web.words import zone_now

# Entries are sealed some seconds after they were written.
LATE = timedelta(seconds=30)


class SealTold(NamedTuple):
    """What the head of a feed tells."""

    size: int
    """The number of the last entry that is sealed; 0 when none is."""
    at: datetime | None
    """When it was sealed."""
    waiting_since: datetime | None
    """Since when entries have been waiting that are not sealed yet; None when all are."""
    is_late: bool
    """Whether they have been waiting for too long."""
    refused: str | None
    """Why nothing more is sealed."""


def seal_html(standing: Standing, organisation: Here, oob: bool = False) -> Markup:
    """The line in the head of a feed; `oob` where it comes with an answer to the poll."""
    road = address("proof.show", org=organisation.handle) if access.may(Permission.VERIFY_LOG) else None
    return once("activity/_seal.html", told=told_of(standing), road=road, zone=zone_now(), oob=oob)


def told_of(standing: Standing) -> SealTold:
    """Returns what is told of it now."""
    since = standing.waiting_since
    is_late = since is not None and datetime.now(UTC) - since > LATE
    return SealTold(standing.size, standing.sealed_at, since, is_late, standing.refused)
