"""Checkpoints for the mailboxes of owners: once a week, of an organisation whose log has grown."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text

from models.database import db

EVERY = timedelta(days=7)


class Keepsake(NamedTuple):
    """A checkpoint that is to be sent."""

    size: int
    """The number of the last entry that it covers."""
    at: datetime
    note: str


def organisations_to_send(now: datetime) -> list[int]:
    """Returns those whose owners are to be sent one."""
    return list(db.session.scalars(DUE, {"now": now, "every": EVERY}))


def take_unsent(organisation_id: int, now: datetime) -> Keepsake | None:
    """Returns the newest checkpoint when it is to be sent, and counts it as sent."""
    values = {"organisation": organisation_id, "now": now, "every": EVERY}
    row = db.session.execute(TAKE, values).one_or_none()
    return Keepsake(*row) if row else None


NEWEST = """
    SELECT epoch, size, at, note FROM activity_checkpoints AS made
     WHERE made.organisation_id = organisations.id ORDER BY epoch DESC, size DESC LIMIT 1
"""
IS_DUE = """
    COALESCE(sent.sent_at, organisations.created_at) < :now - :every
    AND (sent.epoch, sent.size) IS DISTINCT FROM (newest.epoch, newest.size)
"""
FOUND = f"""
      FROM organisations JOIN LATERAL ({NEWEST}) AS newest ON true
      LEFT JOIN checkpoint_mails AS sent ON sent.organisation_id = organisations.id
     WHERE {IS_DUE}
"""
DUE = text(f"SELECT organisations.id {FOUND} ORDER BY organisations.id")
# Of two who come at once, the second waits for the row of the first, and finds it sent.
TAKE = text(f"""
    WITH found AS (SELECT organisations.id, newest.* {FOUND} AND organisations.id = :organisation),
         taken AS (
        INSERT INTO checkpoint_mails (organisation_id, epoch, size, sent_at) SELECT id, epoch, size, :now FROM found
            ON CONFLICT (organisation_id) DO UPDATE
           SET epoch = excluded.epoch, size = excluded.size, sent_at = excluded.sent_at
         WHERE checkpoint_mails.sent_at < :now - :every
     RETURNING size)
    SELECT size, at, note FROM found JOIN taken USING (size)
""")
