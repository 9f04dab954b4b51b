"""Promises: work that follows from what was committed. The row is the promise; a Celery message is only a hint.

A worker claims a job with a lease and a fencing token: every chunk renews the lease under the token it was given, so
a worker that was frozen past its lease finds its token outdated and keeps nothing. Others may help whoever holds the
lease: their chunks are counted under the same token, and end with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import text

from models.database import db
from models.errors import LeaseLost
from models.log.record import Record

PENDING = "job.pending"
# Lease and sweep (15 s) together are what a worker that dies costs at most.
LEASE_SECONDS = 6
MOST_ATTEMPTS = 8
DIED = f"Whoever works on it dies: {MOST_ATTEMPTS} attempts ended without a result and without an error."


class Work(StrEnum):
    """What can be promised; models/system/cascade.py says how it is done."""

    DELETE_PROJECT = "delete_project"
    DELETE_ORGANISATION = "delete_organisation"
    SUSPEND = "suspend"
    RESUME = "resume"
    CLEAN_UP = "clean_up"


STANDING = (Work.SUSPEND, Work.RESUME, Work.CLEAN_UP)
"""What follows from the balance: each makes the ones before it moot."""


class JobKey(NamedTuple):
    """The address of a job: what a hint carries."""

    organisation_id: int
    id: int


@dataclass(frozen=True)
class Promise:
    """A job that will exist once the transaction has ended and its cause has a number."""

    work: Work
    organisation_id: int
    project_id: int | None
    cause: Record


@dataclass(frozen=True)
class Lease:
    """The right to work on a job until the lease runs out, proven by the token; or to help whoever has it."""

    organisation_id: int
    job_id: int
    work: Work
    project_id: int | None
    cause: int
    token: int
    helping: bool = False

    def renew(self, done: int = 0) -> None:
        """Prolong the lease and count `done` resources, in the transaction of the chunk. Raises LeaseLost.

        Who helps counts without prolonging: when the holder dies, the job is taken over no later for being helped.
        """
        values = {**self._key, "done": done, "lease": LEASE_SECONDS, "helping": self.helping}
        if db.session.execute(RENEW, values).first() is None:
            raise LeaseLost(f"job {self.job_id} was taken over or stopped")

    def expect(self, left: int) -> None:
        """Say how many resources are left to work through."""
        db.session.execute(EXPECT, {**self._key, "left": left})

    def finish(self) -> None:
        """Mark the promise kept. Raises LeaseLost."""
        if db.session.execute(FINISH, self._key).first() is None:
            raise LeaseLost(f"job {self.job_id} was taken over or stopped")

    def fail(self, error: str) -> None:
        """Give the lease back with the error shown; tried again later and later, and stuck after MOST_ATTEMPTS."""
        kept = error.replace("\0", "")[:2000]  # PostgreSQL keeps no NUL, and the failure must be kept
        db.session.execute(FAIL, {**self._key, "error": kept, "most": MOST_ATTEMPTS})

    @property
    def _key(self) -> dict[str, int]:
        return {"organisation": self.organisation_id, "id": self.job_id, "token": self.token}


class Progress(NamedTuple):
    """How far a job is, for the page that waits for it."""

    work: str
    done: int
    total: int | None
    state: str
    error: str | None
    cause_number: int
    created_at: datetime

    @property
    def finished(self) -> bool:
        """Whether the promise is kept, or has become moot."""
        return self.state in ("finished", "stopped")

    @property
    def stuck(self) -> bool:
        """Whether it failed too often and waits for an operator."""
        return self.state == "stuck"


class Unfinished(NamedTuple):
    """A job as an operator sees it."""

    organisation_id: int
    id: int
    work: str
    state: str
    done: int
    total: int | None
    attempts: int
    error: str | None
    handle: str


class Trouble(NamedTuple):
    """A stuck job as its organisation's page shows it."""

    id: int
    work: str
    project: str | None
    error: str | None


def promise(work: Work, cause: Record, project_id: int | None = None) -> None:
    """Promise work that follows from the recorded cause; kept together with the transaction."""
    _pending().append(Promise(work, cause.organisation_id, project_id, cause))


def keep() -> list[JobKey]:
    """Insert the promises of this transaction, after its entries are numbered; returns what to hint at."""
    kept = []
    for each in _pending():
        values = {
            "organisation": each.organisation_id,
            "work": each.work,
            "project": each.project_id,
            "cause": each.cause.number,
        }
        kept.append(JobKey(each.organisation_id, db.session.execute(INSERT, values).scalar_one()))
    _pending().clear()
    return kept


def forget() -> None:
    """Drop what was promised: its transaction failed."""
    db.session.info.pop(PENDING, None)


def claim(key: JobKey) -> Lease | None:
    """Take the job if nobody holds it; None when it is held, finished, stuck, stopped or not due yet.

    A job that was claimed again and again without a result or an error kills its worker: it is stuck from then on.
    """
    row = db.session.execute(CLAIM, {**key._asdict(), "lease": LEASE_SECONDS}).first()
    if row is None:
        return None
    lease = Lease(key.organisation_id, key.id, Work(row.work), row.project_id, row.cause_number, row.token)
    if row.attempts > MOST_ATTEMPTS:
        lease.fail(DIED)
        return None
    return lease


def help_with(key: JobKey, least: int) -> Lease | None:
    """The right to help whoever holds the job, when at least so many resources are left; None otherwise."""
    row = db.session.execute(HELP, {**key._asdict(), "least": least}).first()
    return (
        None
        if row is None
        else Lease(key.organisation_id, key.id, Work(row.work), row.project_id, row.cause_number, row.token, True)
    )


def stop(organisation_id: int, works: Sequence[Work] = STANDING) -> None:
    """Make unfinished jobs moot: no chunk of theirs is kept after this transaction.

    A chunk locks the job's row right before it writes its entries: it comes before us as a whole, or not at all.
    """
    db.session.execute(STOP, {"organisation": organisation_id, "works": list(works)})


def overdue(limit: int = 1000) -> list[JobKey]:
    """Jobs that are due and that nobody holds: what the sweep hints at again."""
    return [JobKey(*row) for row in db.session.execute(OVERDUE, {"limit": limit})]


def unfinished(limit: int = 1000) -> list[Unfinished]:
    """Every job that is ready or stuck, the oldest first."""
    return [Unfinished(*row) for row in db.session.execute(UNFINISHED, {"limit": limit})]


def revive(key: JobKey) -> bool:
    """Make a stuck job ready again; False when it is not stuck."""
    return db.session.execute(REVIVE, key._asdict()).first() is not None


def latest(organisation_id: int, project_id: int | None = None) -> Progress | None:
    """The newest job of the organisation as a whole, or of one of its projects."""
    values = {"organisation": organisation_id, "project": project_id}
    row = db.session.execute(LATEST, values).first()
    return None if row is None else Progress(*row)


def _pending() -> list[Promise]:
    waiting: list[Promise] = db.session.info.setdefault(PENDING, [])
    return waiting


INSERT = text("""
    INSERT INTO jobs (organisation_id, work, project_id, cause_number)
    VALUES (:organisation, :work, :project, :cause) RETURNING id
""")
CLAIM = text("""
    UPDATE jobs SET token = token + 1, attempts = attempts + 1,
                    lease_until = clock_timestamp() + make_interval(secs => :lease)
     WHERE organisation_id = :organisation_id AND id = :id AND state = 'ready'
       AND due_at <= clock_timestamp() AND (lease_until IS NULL OR lease_until < clock_timestamp())
 RETURNING work, project_id, cause_number, token, attempts
""")
HELP = text("""
    SELECT work, project_id, cause_number, token FROM jobs
     WHERE organisation_id = :organisation_id AND id = :id AND state = 'ready'
       AND lease_until > clock_timestamp() AND total - done >= :least
""")
STOP = text("""
    UPDATE jobs SET state = 'stopped', lease_until = NULL, error = NULL, finished_at = clock_timestamp()
     WHERE organisation_id = :organisation AND work = ANY(:works) AND state IN ('ready', 'stuck')
""")
# A chunk that got somewhere forgives earlier failures: only a job that fails again and again gets stuck.
RENEW = text("""
    UPDATE jobs SET done = done + :done,
                    lease_until = CASE WHEN :helping THEN lease_until
                                       ELSE clock_timestamp() + make_interval(secs => :lease) END,
                    attempts = CASE WHEN :done > 0 THEN 1 ELSE attempts END
     WHERE organisation_id = :organisation AND id = :id AND token = :token AND state = 'ready'
 RETURNING id
""")
EXPECT = text("""
    UPDATE jobs SET total = done + :left
     WHERE organisation_id = :organisation AND id = :id AND token = :token
""")
FINISH = text("""
    UPDATE jobs SET state = 'finished', lease_until = NULL, error = NULL, finished_at = clock_timestamp()
     WHERE organisation_id = :organisation AND id = :id AND token = :token AND state = 'ready'
 RETURNING id
""")
FAIL = text("""
    UPDATE jobs SET lease_until = NULL, error = :error,
                    state = CASE WHEN attempts >= :most THEN 'stuck' ELSE 'ready' END,
                    due_at = clock_timestamp() + make_interval(secs => LEAST(power(2, attempts), 300))
     WHERE organisation_id = :organisation AND id = :id AND token = :token AND state = 'ready'
""")
OVERDUE = text("""
    SELECT organisation_id, id FROM jobs
     WHERE state = 'ready' AND due_at <= clock_timestamp()
       AND (lease_until IS NULL OR lease_until < clock_timestamp())
     ORDER BY due_at LIMIT :limit
""")
LATEST = text("""
    SELECT work, done, total, state, error, cause_number, created_at FROM jobs
     WHERE organisation_id = :organisation AND project_id IS NOT DISTINCT FROM CAST(:project AS integer)
     ORDER BY id DESC LIMIT 1
""")
UNFINISHED = text("""
    SELECT organisation_id, jobs.id, work, jobs.state, done, total, attempts, error, handle
      FROM jobs JOIN organisations ON organisations.id = organisation_id
     WHERE jobs.state IN ('ready', 'stuck') ORDER BY jobs.created_at LIMIT :limit
""")
REVIVE = text("""
    UPDATE jobs SET state = 'ready', attempts = 0, due_at = clock_timestamp(), lease_until = NULL
     WHERE organisation_id = :organisation_id AND id = :id AND state = 'stuck'
 RETURNING id
""")
