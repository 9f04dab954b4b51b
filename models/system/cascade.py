"""What follows from a promise, chunk by chunk: the system ends, suspends or resumes what a decision was about.

Each chunk is one transaction: change up to CHUNK rows, renew the lease, record exactly the rows changed, COMMIT. Killed
anywhere, a chunk is whole or absent; run twice, it finds nothing left to do.

A large cascade has several hands. Whoever holds the lease calls for them; each takes the rows that nobody else has
locked (SKIP LOCKED), and the holder comes last, waiting for whatever is still locked, then closes.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from sqlalchemy import TextClause, text

from models.billing import usage
from models.billing.usage import Usage
from models.database import db
from models.errors import LeaseLost
from models.hold import change_state
from models.jobs import job
from models.jobs.job import JobKey, Lease, Work
from models.kinds.catalogue import KINDS, RUNNING
from models.kinds.resource import Resource
from models.log.actor import SYSTEM
from models.log.record import PAST, Action, Changes, ProjectName, Subject, record, record_each, usual
from models.transaction import Hinted, transaction

log = logging.getLogger(__name__)
# 250 / 500 / 1000 / 2000 / 5000 rows take 7 / 10 / 16 / 29 / 67 ms: beyond a thousand, others wait longer for little.
CHUNK = 1000
# Entries of one organisation are written one chunk after the other: more hands than this only wait for each other.
HANDS_MOST = 4
Call = Callable[[Hinted], object]


def call_nobody(_: Hinted) -> None:
    """For who works alone."""


def keep(key: JobKey, call: Call = call_nobody) -> bool:
    """Claim a job and work through it, or help who holds it; False when there is nothing to do.

    `call` asks another worker to look at the job as well. An error is kept on the job's row, and the job is tried
    again later.
    """
    with transaction():
        lease = job.claim(key)
    lease = lease or _help(key)
    if lease is None:
        return False
    try:
        for _ in steps(lease, call):
            pass
    except LeaseLost as lost:
        log.warning("%s", lost)
    except Exception as error:
        log.exception("job %s failed", key.id)
        if not lease.helping:
            with transaction():
                lease.fail(f"{type(error).__name__}: {error}")
    return True


def steps(lease: Lease, call: Call = call_nobody) -> Iterator[int]:
    """Do the job, or help with it; yields how many resources each chunk changed.

    Raises LeaseLost: someone else is doing it, or it has become moot.
    """
    turn = TURNS[lease.work]
    if lease.helping:
        yield from _take_free(turn, lease)
        return
    with transaction():
        left = _count(turn, lease)
        lease.expect(left)
    hands = min(left // CHUNK, HANDS_MOST - 1)
    if hands:
        for _ in range(hands):
            call(JobKey(lease.organisation_id, lease.job_id))
        yield from _take_free(turn, lease)
    yield from WORK[lease.work](turn, lease)


class Turn(NamedTuple):
    """What a cascade does to each resource that it finds."""

    action: Action | None
    """None: as the kind ends."""
    kinds: tuple[type[Resource], ...]
    when: str
    """Which of the living it is about."""
    to: str | None
    """The new state; None: as the kind ends."""
    before: str = ""
    told: str = ""

    @property
    def changes(self) -> Changes | None:
        """What the entries say has changed; an ending says it all."""
        return {"state": [self.before, self.to]} if self.to else None


ENDING = Turn(None, KINDS, "TRUE", None)
TURNS = {
    Work.DELETE_PROJECT: ENDING,
    Work.DELETE_ORGANISATION: ENDING,
    Work.CLEAN_UP: ENDING._replace(kinds=RUNNING),
    Work.SUSPEND: Turn(Action.UPDATE, RUNNING, "state = 'active'", "suspended", "active", " suspended"),
    Work.RESUME: Turn(Action.UPDATE, RUNNING, "state = 'suspended'", "active", "suspended", " resumed"),
}


def delete_project(turn: Turn, lease: Lease) -> Iterator[int]:
    """End everything in the project, then the project; the person's own entry says that it was deleted."""
    for project in _projects(lease):  # none, when the organisation's own deletion was quicker
        yield from _take_all(turn, project, lease)
        with transaction():
            lease.renew()
            _close_project(lease, project.id, "deleting")
    with transaction():
        lease.finish()


def delete_organisation(turn: Turn, lease: Lease) -> Iterator[int]:
    """End every project with what is in it, each an entry by the system, then the organisation."""
    for project in _projects(lease):
        yield from _take_all(turn, project, lease)
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


def turn_everything(turn: Turn, lease: Lease) -> Iterator[int]:
    """Suspend, resume or terminate what runs in the organisation, and nothing else."""
    for project in _projects(lease):
        yield from _take_all(turn, project, lease)
    with transaction():
        lease.finish()


WORK: dict[Work, Callable[[Turn, Lease], Iterator[int]]] = {
    Work.DELETE_PROJECT: delete_project,
    Work.DELETE_ORGANISATION: delete_organisation,
    Work.SUSPEND: turn_everything,
    Work.RESUME: turn_everything,
    Work.CLEAN_UP: turn_everything,
}


class Chunk(NamedTuple):
    """What one transaction did: how many, and the highest id."""

    done: int
    last_id: int


def turn_chunk(
    turn: Turn, kind: type[Resource], project: ProjectName, lease: Lease, after: int = 0, waiting: bool = True
) -> Chunk:
    """Change up to CHUNK resources of one kind from above an id and record each; done is 0 when none is left.

    Not `waiting`, it passes by whatever someone else has locked. Raises LeaseLost when another worker has taken over or
    the job was stopped: then nothing of this chunk is kept.
    """
    with transaction():
        values = {"organisation": lease.organisation_id, "project": project.id, "after": after, "chunk": CHUNK}
        rows = db.session.execute(_statement(turn, kind, waiting), {**values, "now": datetime.now(UTC)}).all()
        if turn.to is None:
            freed = Usage(*(sum(amounts) for amounts in zip(*(row[2:] for row in rows), strict=True)))
            usage.change(lease.organisation_id, Usage().minus(freed))
        lease.renew(done=len(rows))
        action = turn.action or kind.end_action
        sentence = usual(kind.noun, action)._replace(after=turn.told) if turn.told else None
        scope = Subject(lease.organisation_id, kind.noun, 0, "", project)
        named = [(row.id, row.name) for row in rows]
        record_each(SYSTEM, action, scope, named, turn.changes, lease.cause, sentence)
    return Chunk(len(rows), max((row.id for row in rows), default=after))


def _help(key: JobKey) -> Lease | None:
    with transaction():
        return job.help_with(key, least=CHUNK)


def _take_free(turn: Turn, lease: Lease) -> Iterator[int]:
    """Whatever nobody else is at, of what there may be much of; the rest is the holder's, in order."""
    for project in _projects(lease):
        for kind in (kind for kind in turn.kinds if kind in RUNNING):
            after, done = 0, CHUNK
            while done == CHUNK:
                done, after = turn_chunk(turn, kind, project, lease, after, waiting=False)
                yield done


def _take_all(turn: Turn, project: ProjectName, lease: Lease) -> Iterator[int]:
    for kind in turn.kinds:
        after, done = 0, CHUNK
        while done:
            done, after = turn_chunk(turn, kind, project, lease, after)
            yield done


def _projects(lease: Lease) -> list[ProjectName]:
    """What the job is about: one project, or all that are not deleted."""
    values = {"organisation": lease.organisation_id, "project": lease.project_id}
    found = [ProjectName(*row) for row in db.session.execute(PROJECTS, values)]
    db.session.rollback()
    return found


def _count(turn: Turn, lease: Lease) -> int:
    values = {"organisation": lease.organisation_id, "project": lease.project_id}
    found = sum(int(db.session.execute(_counting(turn, kind), values).scalar_one()) for kind in turn.kinds)
    if lease.work is Work.DELETE_ORGANISATION:
        found += int(db.session.execute(COUNT_PROJECTS, values).scalar_one())
    return found


def _close_project(lease: Lease, project_id: int, state: str) -> bool:
    now = datetime.now(UTC)
    values = {"organisation": lease.organisation_id, "project": project_id, "state": state, "now": now}
    return db.session.execute(CLOSE_PROJECT, values).first() is not None


@cache
def _statement(turn: Turn, kind: type[Resource], waiting: bool) -> TextClause:
    """Locked in id order before they change: a person ending one of them and a second worker wait for each other
    instead of deadlocking, and whoever comes second no longer finds it as it was.
    """
    changed = f"state = '{turn.to}'"
    if turn.to is None:
        emptied = "".join(f", {name} = ''" for name in kind.sealed())
        changed = f"state = '{PAST[kind.end_action]}', ended_at = :now{emptied}{UNSEEN if kind.runs else ''}"
    return text(f"""
        WITH due AS (
            SELECT organisation_id, id FROM {kind.plural}
             WHERE organisation_id = :organisation AND project_id = :project AND ended_at IS NULL AND id > :after
               AND {turn.when}
             ORDER BY id LIMIT :chunk FOR UPDATE {"" if waiting else "SKIP LOCKED"})
        UPDATE {kind.plural} AS turned SET {changed}, version = turned.version + 1
          FROM due
         WHERE turned.organisation_id = due.organisation_id AND turned.id = due.id
     RETURNING turned.id, turned.{kind.called_by} AS name, {kind.USES}
    """)  # noqa: S608 (names from our own classes)


@cache
def _counting(turn: Turn, kind: type[Resource]) -> TextClause:
    return text(f"""
        SELECT count(*) FROM {kind.plural}
         WHERE organisation_id = :organisation AND (CAST(:project AS integer) IS NULL OR project_id = :project)
           AND ended_at IS NULL AND {turn.when}
    """)  # noqa: S608 (names from our own classes)


# Of what never ran nothing will be observed any more; what runs is observed until it is gone.
UNSEEN = """, status = CASE WHEN deployed_revision IS NOT NULL THEN status END,
             status_reason = CASE WHEN deployed_revision IS NOT NULL THEN status_reason ELSE '' END"""
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
