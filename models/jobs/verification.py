"""Verifications: that all of an organisation's log is read again and compared with what was sealed, a kind of job."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, NamedTuple

from sqlalchemy import text

from models.database import db, read
from models.jobs import outbox
from models.jobs.lease import Lease
from models.jobs.queue import Queue

EVERY = timedelta(days=7)
# How many of those that are due begin at once: each reads a whole log.
BEGUN_MOST = 20


class VerificationKey(NamedTuple):
    """The primary key of a verification, and the address that a hint carries."""

    organisation_id: int
    id: int


VERIFICATIONS = Queue(
    table="verifications",
    key=VerificationKey._fields,
    rank=4,
    # One that is under way is not begun again.
    insert=text("""
        INSERT INTO verifications (organisation_id, asked_by)
        SELECT * FROM unnest(CAST(:organisation_id AS integer[]), CAST(:asked_by AS integer[]))
            ON CONFLICT DO NOTHING
     RETURNING organisation_id, id
    """),
    address=VerificationKey,
    lease_seconds=60,
    attempts_most=5,
    counts="done = :done, size = :size",
)


@dataclass(frozen=True)
class VerificationLease(Lease[VerificationKey]):
    """The right to carry out a verification."""

    queue: ClassVar[Queue] = VERIFICATIONS

    def __str__(self) -> str:
        """As a log names it."""
        return f"verification {self.key.organisation_id}/{self.key.id}"

    def end(self, findings: Sequence[str]) -> None:
        """Keep what was found; nothing when all is as it was sealed. Raises LeaseLost."""
        self.finish()
        db.session.execute(KEEP, {**self.key._asdict(), "findings": json.dumps(list(findings))})


class Verification(NamedTuple):
    """A verification as a page shows it."""

    id: int
    state: str
    """ready, finished or stuck."""
    asked_at: datetime
    asked_by: str | None
    """The name of who asked for it; None of one that began by itself."""
    size: int
    """How many entries there are to read; 0 until that is known."""
    done: int
    ended_at: datetime | None
    findings: list[str] | None
    """What is not as it was sealed; None before it has ended."""
    error: str | None
    """Why the last attempt failed."""


def ask(organisation_id: int, user_id: int | None) -> None:
    """Leave a verification to be carried out once the transaction has ended. None: nobody asks for it."""
    outbox.enqueue(VERIFICATIONS, None, organisation_id=organisation_id, asked_by=user_id)


def organisations_due(now: datetime) -> list[int]:
    """Returns those whose log was not verified for a week, the longest first."""
    return list(db.session.scalars(DUE, {"since": now - EVERY, "most": BEGUN_MOST}))


def verifications_of(organisation_id: int, most: int) -> list[Verification]:
    """Returns the last ones, the newest first."""
    return [Verification(*each) for each in read(LATEST, {"organisation": organisation_id, "most": most})]


KEEP = text("""
    UPDATE verifications SET findings = CAST(:findings AS jsonb)
     WHERE organisation_id = :organisation_id AND id = :id
""")
LATEST = text("""
    SELECT verification.id, state, verification.created_at,
           CASE WHEN asked_by IS NOT NULL THEN COALESCE(users.name, '') END, size, done, finished_at, findings, error
      FROM verifications AS verification LEFT JOIN users ON users.id = asked_by
     WHERE organisation_id = :organisation ORDER BY verification.id DESC LIMIT :most
""")
DUE = text("""
    SELECT organisations.id FROM organisations
      LEFT JOIN LATERAL (
           SELECT created_at FROM verifications
            WHERE verifications.organisation_id = organisations.id ORDER BY id DESC LIMIT 1) AS last ON true
     WHERE COALESCE(last.created_at, organisations.created_at) < :since
       AND EXISTS (SELECT FROM activity_checkpoints WHERE activity_checkpoints.organisation_id = organisations.id)
     ORDER BY last.created_at NULLS FIRST, organisations.id LIMIT :most
""")
