"""Reading the log back, as plainly as possible: what a test asserts on."""

from typing import Any

from sqlalchemy import Row, text

from models.database import db
from models.organisation import Organisation


def entries(organisation: Organisation) -> list[Row[Any]]:
    """Every entry of the organisation, oldest first, with all its columns."""
    everything = text("SELECT * FROM activity_entries WHERE organisation_id = :id ORDER BY number")
    found = list(db.session.execute(everything, {"id": organisation.id}))
    db.session.rollback()
    return found


def latest_entry(organisation: Organisation) -> Row[Any]:
    """The newest one."""
    return entries(organisation)[-1]


def summaries(organisation: Organisation) -> list[str]:
    """The sentences, oldest first."""
    return [each.summary for each in entries(organisation)]
