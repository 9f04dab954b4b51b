"""The jobs of cascades: what follows from a deletion, a suspension or a resumption. models/system/cascade.py runs them.

Whoever holds the lease renews it with every chunk. Others may help: their chunks are counted under the same token, and
nothing of them is kept once another worker has taken the job over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, NamedTuple

from sqlalchemy import text

from models.database import db
from models.jobs import lease, outbox
from models.jobs.lease import Lease
from models.jobs.queue import Queue
from models.log.record import Record


class Work(StrEnum):
    """What a cascade does."""

    DELETE_PROJECT = "delete_project"
    DELETE_ORGANISATION = "delete_organisation"
    SUSPEND = "suspend"
    RESUME = "resume"
    CLEAN_UP = "clean_up"


STANDING = (Work.SUSPEND, Work.RESUME, Work.CLEAN_UP)
"""What follows from the balance: each makes the ones before it moot."""


class JobKey(NamedTuple):
    """The primary key of a job: what a hint carries."""

    organisation_id: int
    id: int


# A chunk that got somewhere forgives earlier failures: only a job that fails again and again gets stuck.
COUNTS = "done = done + :done, attempts = CASE WHEN :done > 0 THEN 1 ELSE attempts END"
JOBS = Queue(
    table="jobs",
    key=JobKey._fields,
    rank=1,
    insert=text("""
        INSERT INTO jobs (organisation_id, work, project_id, cause_number)
        SELECT * FROM unnest(CAST(:organisation_id AS integer[]), CAST(:work AS varchar[]),
                             CAST(:project_id AS integer[]), CAST(:cause_number AS bigint[]))
     RETURNING organisation_id, id
    """),
    address=JobKey,
    # The lease and the wait for the next look at what is due (15 s) are what a worker that dies costs at most.
    lease_seconds=6,
    attempts_most=8,
    brings=("work", "project_id", "cause_number"),
    counts=COUNTS,
)


@dataclass(frozen=True)
class JobLease(Lease[JobKey]):
    """The right to work on a job, or to help whoever has it."""

    queue: ClassVar[Queue] = JOBS

    work: Work
    project_id: int | None
    cause: int
    helping: bool = False

    def __post_init__(self) -> None:
        """Have the work as one of ours, which PostgreSQL brings as text."""
        object.__setattr__(self, "work", Work(self.work))

    def __str__(self) -> str:
        """As a log names it."""
        return f"job {self.key.id}"

    @property
    def organisation_id(self) -> int:
        """Whose job it is."""
        return self.key.organisation_id

    def renew(self, done: int = 0) -> None:  # type: ignore[override]  # what it counts has a name
        """Prolong the lease and count `done` resources, in the transaction of the chunk. Raises LeaseLost.

        Who helps counts without prolonging: when the holder dies, the job is taken over no later for being helped.
        """
        if self.helping:
            self.require(db.session.execute(COUNT, {**self.values, "done": done}).first())
        else:
            super().renew(done=done)

    def fail(self, error: str) -> None:
        """Give the job back with the error shown; a helper's failure is its own, and the holder goes on."""
        if not self.helping:
            super().fail(error)

    def expect(self, left: int) -> None:
        """Say how many resources are left to work through."""
        db.session.execute(EXPECT, {**self.values, "left": left})


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
        """Whether it is done, or has become moot."""
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


def enqueue(work: Work, cause: Record, project_id: int | None = None) -> None:
    """Leave a cascade that follows from a recorded entry, through a project or the whole organisation."""
    outbox.enqueue(JOBS, cause, work=work, project_id=project_id)


def claim(key: JobKey) -> JobLease | None:
    """Take the job if nobody holds it; None when it is held, finished, stuck, stopped or not due yet."""
    return JobLease.claim(key)


def help_with(key: JobKey, least: int) -> JobLease | None:
    """The right to help whoever holds the job, when at least so many resources are left; None otherwise."""
    row = db.session.execute(HELP, {**key._asdict(), "least": least}).first()
    return None if row is None else JobLease(key, row.token, row.work, row.project_id, row.cause_number, helping=True)


def stop(organisation_id: int, works: Sequence[Work] = STANDING) -> None:
    """Make unfinished jobs moot: no chunk of theirs is kept after this transaction.

    A chunk locks the job's row right before it writes its entries: it comes before us as a whole, or not at all.
    """
    db.session.execute(STOP, {"organisation": organisation_id, "works": list(works)})


def overdue() -> list[JobKey]:
    """Jobs that are due and that nobody holds: what the schedule hints at again."""
    return [JobKey(*key) for key in lease.overdue(JOBS)]


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


HELP = text("""
    SELECT token, work, project_id, cause_number FROM jobs
     WHERE organisation_id = :organisation_id AND id = :id AND state = 'ready'
       AND lease_until > clock_timestamp() AND total - done >= :least
""")
COUNT = text(f"UPDATE jobs SET {COUNTS} WHERE {JOBS.is_ours} RETURNING id")
EXPECT = text(f"UPDATE jobs SET total = done + :left WHERE {JOBS.is_ours}")
STOP = text("""
    UPDATE jobs SET state = 'stopped', lease_until = NULL, error = NULL, finished_at = clock_timestamp()
     WHERE organisation_id = :organisation AND work = ANY(:works) AND state IN ('ready', 'stuck')
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
