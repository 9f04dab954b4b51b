"""A log that reaches back: times that only a superuser who first takes the guards off can put into it."""

from collections.abc import Sequence
from datetime import datetime

import psycopg

from models.organisation import Organisation
from tests.support.timeline import GUARDS_OFF, GUARDS_ON

MOVE = """
    UPDATE activity_entries SET occurred_at = made.at
      FROM unnest(%s::bigint[], %s::timestamptz[]) AS made (number, at)
     WHERE organisation_id = %s AND activity_entries.number = made.number
"""


def happened(superuser: psycopg.Connection, organisation: Organisation, times: Sequence[datetime]) -> None:
    """Lets the organisation's entries, from the first one on, have happened at these times."""
    with superuser.transaction():
        superuser.execute(GUARDS_OFF.encode())
        superuser.execute(MOVE.encode(), (list(range(1, len(times) + 1)), list(times), organisation.id))
        superuser.execute(GUARDS_ON.encode())
