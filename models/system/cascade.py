"""Running the jobs of cascades: the system ends, suspends or resumes what a person's or its own decision was about.

A large cascade is worked on by several. Whoever holds the lease asks others to help; each of them takes the rows that
nobody else has locked. The holder goes over everything last, waiting for what is still locked, and closes.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from sqlalchemy import text

from models.database import db
from models.hold import change_state
from models.jobs import job
from models.jobs.job import JobKey, JobLease, Work
from models.jobs.queue import Hint, hint_nobody
from models.kinds.catalogue import KINDS, RUNNING
from models.log.actor import SYSTEM
from models.log.record import Action, ProjectName, Subject, record
from models.system import sweep as sweeping
from models.system.attempt import attempt
from models.system.sweep import Sweep, sweep_all, sweep_free
from models.transaction import transaction

# Entries of one organisation are written one chunk after the other: more helpers than this only wait for each other.
WORKERS_MOST = 4
ENDING = Sweep(None, KINDS, "TRUE", None)
SWEEPS = {
    Work.DELETE_PROJECT: ENDING,
    Work.DELETE_ORGANISATION: ENDING,
    Work.CLEAN_UP: ENDING._replace(kinds=RUNNING),
    Work.SUSPEND: Sweep(Action.UPDATE, RUNNING, "state = 'active'", "suspended", "active", " suspended"),
    Work.RESUME: Sweep(Action.UPDATE, RUNNING, "state = 'suspended'", "active", "suspended", " resumed"),
}


def run(key: JobKey, hint: Hint = hint_nobody) -> bool:
    """Claim a job and carry it out, or help whoever holds it; False when there is nothing to do.

    `hint` asks another worker to look at the job as well. An error is written to the job's row, and the job is tried
    again later.
    """
    with transaction():
        lease = job.claim(key)
    lease = lease or _help(key)
    if lease is None:
        return False
    with attempt(lease):
        for _ in steps(lease, hint):
            pass
    return True


def steps(lease: JobLease, hint: Hint = hint_nobody) -> Iterator[int]:
    """Carry the job out, or help with it; yields how many resources each chunk changed.

    Raises LeaseLost: another worker has it, or it has become moot.
    """
    sweep = SWEEPS[lease.work]
    if lease.helping:
        yield from sweep_free(sweep, _projects(lease), lease)
        return
    with transaction():
        left = _count(sweep, lease)
        lease.expect(left)
    helpers = min(left // sweeping.CHUNK, WORKERS_MOST - 1)
    if helpers:
        for _ in range(helpers):
            hint(lease.key)
        yield from sweep_free(sweep, _projects(lease), lease)
    yield from WORK[lease.work](sweep, lease)


def delete_project(sweep: Sweep, lease: JobLease) -> Iterator[int]:
    """End everything in the project, then the project; the person's own entry says that it was deleted."""
    for project in _projects(lease):  # none, when the organisation's own deletion was quicker
        yield from sweep_all(sweep, project, lease)
        with transaction():
            lease.renew()
            _close_project(lease, project.id, "deleting")
    with transaction():
        lease.finish()


def delete_organisation(sweep: Sweep, lease: JobLease) -> Iterator[int]:
    """End every project with what is in it, each an entry by the system, then the organisation."""
    for project in _projects(lease):
        yield from sweep_all(sweep, project, lease)
        with transaction():
            lease.renew(done=1)
            if _close_project(lease, project.id, "active"):
                subject = Subject(lease.organisation_id, "project", project.id, project.name, project)
                record(SYSTEM, Action.DELETE, subject, cause=lease.cause)
            else:
                # A person deleted it just before: their own entry says so already.
                _close_project(lease, project.id, "deleting")
        yield 1
    with transaction():
        lease.renew()
        change_state(lease.organisation_id, "deleting", "deleted", datetime.now(UTC))
        lease.finish()


def sweep_organisation(sweep: Sweep, lease: JobLease) -> Iterator[int]:
    """Suspend, resume or terminate what runs in the organisation, and nothing else."""
    for project in _projects(lease):
        yield from sweep_all(sweep, project, lease)
    with transaction():
        lease.finish()


WORK: dict[Work, Callable[[Sweep, JobLease], Iterator[int]]] = {
    Work.DELETE_PROJECT: delete_project,
    Work.DELETE_ORGANISATION: delete_organisation,
    Work.SUSPEND: sweep_organisation,
    Work.RESUME: sweep_organisation,
    Work.CLEAN_UP: sweep_organisation,
}


def _help(key: JobKey) -> JobLease | None:
    with transaction():
        return job.help_with(key, least=sweeping.CHUNK)


def _projects(lease: JobLease) -> list[ProjectName]:
    """What the job is about: one project, or all that are not deleted."""
    values = {"organisation": lease.organisation_id, "project": lease.project_id}
    found = [ProjectName(*row) for row in db.session.execute(PROJECTS, values)]
    db.session.rollback()
    return found


def _count(sweep: Sweep, lease: JobLease) -> int:
    found = sweeping.count(sweep, lease.organisation_id, lease.project_id)
    if lease.work is Work.DELETE_ORGANISATION:
        values = {"organisation": lease.organisation_id}
        found += int(db.session.execute(COUNT_PROJECTS, values).scalar_one())
    return found


def _close_project(lease: JobLease, project_id: int, state: str) -> bool:
    now = datetime.now(UTC)
    values = {"organisation": lease.organisation_id, "project": project_id, "state": state, "now": now}
    return db.session.execute(CLOSE_PROJECT, values).first() is not None


COUNT_PROJECTS = text("SELECT count(*) FROM projects WHERE organisation_id = :organisation AND state <> 'deleted'")
PROJECTS = text("""
    SELECT id, name FROM projects
     WHERE organisation_id = :organisation AND state <> 'deleted'
       AND (CAST(:project AS integer) IS NULL OR id = :project)
     ORDER BY id
""")
CLOSE_PROJECT = text("""
    UPDATE projects SET state = 'deleted', ended_at = :now, version = version + 1
     WHERE organisation_id = :organisation AND id = :project AND state = :state
 RETURNING id
""")
