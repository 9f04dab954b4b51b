"""What follows from a promise, chunk by chunk: the system ends what lived in a deleted project or organisation.

Each chunk is one transaction: renew the lease, change up to CHUNK rows, record exactly the rows changed, COMMIT. Killed
anywhere, a chunk is whole or absent; run twice, it finds nothing left to do.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from sqlalchemy import text

from models import job
from models.activity import PAST, Action, ProjectName, Subject, record, record_each
from models.actor import SYSTEM
from models.database import db
from models.errors import LeaseLost
from models.job import JobKey, Lease, Work
from models.kinds import KINDS
from models.resource import Resource
from models.transaction import transaction

log = logging.getLogger(__name__)
# 250 / 500 / 1000 / 2000 / 5000 rows take 7 / 10 / 16 / 29 / 67 ms: beyond a thousand, others wait longer for little.
CHUNK = 1000


def keep(key: JobKey) -> bool:
    """Claim a job and work through it; False when it is not due or someone else holds it.

    An error is kept on the job's row, and the job is tried again later.
    """
    with transaction():
        lease = job.claim(key)
    if lease is None:
        return False
    try:
        for _ in steps(lease):
            pass
    except LeaseLost:
        log.warning("job %s was taken over by another worker", key.id)
    except Exception as error:
        log.exception("job %s failed", key.id)
        with transaction():
            lease.fail(f"{type(error).__name__}: {error}")
    return True


def steps(lease: Lease) -> Iterator[int]:
    """Do the job; yields how many resources each chunk ended. Raises LeaseLost: then someone else is doing it."""
    yield from WORK[lease.work](lease)


def delete_project(lease: Lease) -> Iterator[int]:
    """End everything in the project, then the project; the person's own entry says that it was deleted."""
    if lease.project_id is None:
        raise ValueError(f"job {lease.job_id} names no project")
    with transaction():
        lease.expect(_count(COUNT_IN_PROJECT, lease))
    yield from _empty(lease, ProjectName(lease.project_id, _project_name(lease, lease.project_id)))
    with transaction():
        lease.renew()
        _close_project(lease, lease.project_id, "deleting")
        lease.finish()


def delete_organisation(lease: Lease) -> Iterator[int]:
    """End every project with what is in it, each an entry by the system, then the organisation."""
    with transaction():
        lease.expect(_count(COUNT_IN_ORGANISATION, lease))
    while project := _next_project(lease):
        yield from _empty(lease, project)
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
        db.session.execute(CLOSE_ORGANISATION, {"organisation": lease.organisation_id, "now": datetime.now(UTC)})
        lease.finish()


WORK: dict[Work, Callable[[Lease], Iterator[int]]] = {
    Work.DELETE_PROJECT: delete_project,
    Work.DELETE_ORGANISATION: delete_organisation,
}


def end_chunk(kind: type[Resource], project: ProjectName, lease: Lease) -> int:
    """End up to CHUNK resources of one kind and record each; returns how many, 0 when none is left.

    Raises LeaseLost when another worker has taken over: then nothing of this chunk is kept.
    """
    with transaction():
        values = {"organisation": lease.organisation_id, "project": project.id, "chunk": CHUNK}
        rows = db.session.execute(END[kind], {**values, "now": datetime.now(UTC)})
        ended = [(row.id, row.name) for row in rows]
        lease.renew(done=len(ended))
        scope = Subject(lease.organisation_id, kind.noun, 0, "", project)
        record_each(SYSTEM, kind.end_action, scope, ended, cause=lease.cause)
    return len(ended)


def _empty(lease: Lease, project: ProjectName) -> Iterator[int]:
    for kind in KINDS:
        while ended := end_chunk(kind, project, lease):
            yield ended


def _count(query: str, lease: Lease) -> int:
    values = {"organisation": lease.organisation_id, "project": lease.project_id}
    return sum(
        int(db.session.execute(text(query.format(table=kind.plural)), values).scalar_one()) for kind in KINDS
    ) + (int(db.session.execute(COUNT_PROJECTS, values).scalar_one()) if lease.project_id is None else 0)


def _next_project(lease: Lease) -> ProjectName | None:
    row = db.session.execute(NEXT_PROJECT, {"organisation": lease.organisation_id}).first()
    db.session.rollback()
    return None if row is None else ProjectName(*row)


def _project_name(lease: Lease, project_id: int) -> str:
    values = {"organisation": lease.organisation_id, "project": project_id}
    name = str(db.session.execute(PROJECT_NAME, values).scalar_one())
    db.session.rollback()
    return name


def _close_project(lease: Lease, project_id: int, state: str) -> bool:
    now = datetime.now(UTC)
    values = {"organisation": lease.organisation_id, "project": project_id, "state": state, "now": now}
    return db.session.execute(CLOSE_PROJECT, values).first() is not None


# Locked in id order before they change: a person ending one of them and a second worker wait for each other
# instead of deadlocking, and whoever comes second no longer finds it alive.
END = {
    kind: text(f"""
        WITH due AS (
            SELECT organisation_id, id FROM {kind.plural}
             WHERE organisation_id = :organisation AND project_id = :project AND ended_at IS NULL
             ORDER BY id LIMIT :chunk FOR UPDATE)
        UPDATE {kind.plural} AS ended
           SET state = '{PAST[kind.end_action]}', ended_at = :now, version = ended.version + 1
               {"".join(f", {name} = ''" for name in kind.sealed())}
          FROM due
         WHERE ended.organisation_id = due.organisation_id AND ended.id = due.id
     RETURNING ended.id, ended.{kind.called_by} AS name
    """)  # noqa: S608 (names from our own classes)
    for kind in KINDS
}
COUNT_IN_PROJECT = """
    SELECT count(*) FROM {table}
     WHERE organisation_id = :organisation AND project_id = :project AND ended_at IS NULL
"""
COUNT_IN_ORGANISATION = "SELECT count(*) FROM {table} WHERE organisation_id = :organisation AND ended_at IS NULL"
COUNT_PROJECTS = text("SELECT count(*) FROM projects WHERE organisation_id = :organisation AND state <> 'deleted'")
NEXT_PROJECT = text("""
    SELECT id, name FROM projects
     WHERE organisation_id = :organisation AND state <> 'deleted' ORDER BY id LIMIT 1
""")
PROJECT_NAME = text("SELECT name FROM projects WHERE organisation_id = :organisation AND id = :project")
CLOSE_PROJECT = text("""
    UPDATE projects SET state = 'deleted', ended_at = :now, version = version + 1
     WHERE organisation_id = :organisation AND id = :project AND state = :state
 RETURNING id
""")
CLOSE_ORGANISATION = text("""
    UPDATE organisations SET state = 'deleted', ended_at = :now, version = version + 1
     WHERE id = :organisation AND state = 'deleting'
""")
