"""How far a log is sealed, as pages tell it: up to which entry, since when, and what is wrong with it."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from models.log.seal import Standing

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


def told_of(standing: Standing) -> SealTold:
    """Returns what is told of it now."""
    since = standing.waiting_since
    is_late = since is not None and datetime.now(UTC) - since > LATE
    return SealTold(standing.size, standing.sealed_at, since, is_late, standing.refused)
