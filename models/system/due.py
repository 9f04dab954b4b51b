"""Whether anything is due that nobody does: one statement, since most of the time nothing is."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text

from models.database import read
from models.jobs import anchor, lease
from models.jobs.delivery import MAILS
from models.jobs.job import JOBS
from models.jobs.verification import VERIFICATIONS
from models.people.invitation import EXPIRED
from models.system.sealing import UNSEALED


class Due(NamedTuple):
    """What there is to look for more closely."""

    jobs: bool
    mails: bool
    invitations: bool
    seals: bool
    verifications: bool
    anchors: bool
    """Also when others are configured than before."""


def look(now: datetime, anchors: Sequence[str] = ()) -> Due:
    """Says which sorts of things are due; invitations by the given time, jobs by the database's.

    `anchors` are those that are configured.
    """
    return Due(*read(LOOK, {"now": now, "anchors": list(anchors)})[0])


LOOK = text(f"""
    SELECT EXISTS (SELECT FROM jobs WHERE {lease.is_overdue(JOBS)}),
           EXISTS (SELECT FROM mails WHERE {lease.is_overdue(MAILS)}),
           EXISTS ({EXPIRED}),
           EXISTS ({UNSEALED}),
           EXISTS (SELECT FROM verifications WHERE {lease.is_overdue(VERIFICATIONS)}),
           {anchor.IS_OVERDUE} OR {anchor.ARE_OTHERS}
""")
