"""Sweeping: what a cascade does to the resources of a project, chunk by chunk.

A chunk is one transaction: change up to CHUNK rows, renew the lease, record exactly the rows changed, COMMIT. Killed
anywhere, it is whole or absent; run twice, it finds nothing left to do.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from sqlalchemy import TextClause, text

from models.billing import usage
from models.billing.usage import Usage
from models.database import db
from models.jobs import deployment
from models.jobs.job import JobLease
from models.kinds.catalogue import RUNNING
from models.kinds.resource import Resource
from models.log.actor import SYSTEM
from models.log.record import PAST, Action, Changes, ProjectName, Subject, record_each, usual
from models.transaction import transaction

# 250 / 500 / 1000 / 2000 / 5000 rows take 7 / 10 / 16 / 29 / 67 ms: beyond a thousand, others wait longer for little.
CHUNK = 1000


class Sweep(NamedTuple):
    """What a cascade does to each resource that it finds."""

    action: Action | None
    """None: as the kind ends."""
    kinds: tuple[type[Resource], ...]
    when: str
    """Which of the living it is about, in SQL."""
    to: str | None
    """The new state; None: as the kind ends."""
    before: str = ""
    told: str = ""

    @property
    def changes(self) -> Changes | None:
        """What the entries say has changed; an ending says it all."""
        return {"state": [self.before, self.to]} if self.to else None


class Chunk(NamedTuple):
    """What one transaction did: how many, and the highest id."""

    done: int
    last_id: int


def sweep_chunk(
    sweep: Sweep, kind: type[Resource], project: ProjectName, lease: JobLease, after: int = 0, waiting: bool = True
) -> Chunk:
    """Change up to CHUNK resources of one kind from above an id and record each; done is 0 when none is left.

    Unless it is `waiting`, it passes by whatever someone else has locked. Raises LeaseLost when another worker has
    taken over or the job was stopped: then nothing of this chunk is kept.
    """
    with transaction():
        values = {"organisation": lease.organisation_id, "project": project.id, "after": after, "chunk": CHUNK}
        rows = db.session.execute(_change(sweep, kind, waiting), {**values, "now": datetime.now(UTC)}).all()
        if sweep.to is None:
            freed = Usage(*(sum(amounts) for amounts in zip(*(row[2:] for row in rows), strict=True)))
            usage.change(lease.organisation_id, Usage().minus(freed))
            if kind.runs:
                deployment.forget(lease.organisation_id, kind.noun, [row.id for row in rows])
        lease.renew(done=len(rows))
        action = sweep.action or kind.end_action
        sentence = usual(kind.noun, action)._replace(after=sweep.told) if sweep.told else None
        scope = Subject(lease.organisation_id, kind.noun, 0, "", project)
        # An UPDATE returns its rows in the order of its plan.
        named = sorted((row.id, row.name) for row in rows)
        record_each(SYSTEM, action, scope, named, sweep.changes, lease.cause, sentence)
    return Chunk(len(rows), max((row.id for row in rows), default=after))


def sweep_all(sweep: Sweep, project: ProjectName, lease: JobLease) -> Iterator[int]:
    """Change everything in a project, waiting for what others have locked; yields how many each chunk changed."""
    for kind in sweep.kinds:
        after, done = 0, CHUNK
        while done:
            done, after = sweep_chunk(sweep, kind, project, lease, after)
            yield done


def sweep_free(sweep: Sweep, projects: Sequence[ProjectName], lease: JobLease) -> Iterator[int]:
    """Change what runs and nobody else has locked, since of that there may be much; yields how many each chunk changed.

    The lease holder does the rest, in order.
    """
    for project in projects:
        for kind in (kind for kind in sweep.kinds if kind in RUNNING):
            after, done = 0, CHUNK
            while done == CHUNK:
                done, after = sweep_chunk(sweep, kind, project, lease, after, waiting=False)
                yield done


def count(sweep: Sweep, organisation_id: int, project_id: int | None) -> int:
    """How many resources of a project, or of the whole organisation, a sweep will change."""
    values = {"organisation": organisation_id, "project": project_id}
    return sum(int(db.session.execute(_count(sweep, kind), values).scalar_one()) for kind in sweep.kinds)


@cache
def _change(sweep: Sweep, kind: type[Resource], waiting: bool) -> TextClause:
    """Locked in id order before they change: a person ending one of them and a second worker wait for each other
    instead of deadlocking, and whoever comes second no longer finds it as it was.
    """
    changed = f"state = '{sweep.to}'"
    if sweep.to is None:
        emptied = "".join(f", {name} = ''" for name in kind.sealed())
        changed = f"state = '{PAST[kind.end_action]}', ended_at = :now{emptied}{UNSEEN if kind.runs else ''}"
    return text(f"""
        WITH due AS (
            SELECT organisation_id, id FROM {kind.plural}
             WHERE organisation_id = :organisation AND project_id = :project AND ended_at IS NULL AND id > :after
               AND {sweep.when}
             ORDER BY id LIMIT :chunk FOR UPDATE {"" if waiting else "SKIP LOCKED"})
        UPDATE {kind.plural} AS swept SET {changed}, version = swept.version + 1
          FROM due
         WHERE swept.organisation_id = due.organisation_id AND swept.id = due.id
     RETURNING swept.id, swept.{kind.called_by} AS name, {kind.counted()}
    """)


@cache
def _count(sweep: Sweep, kind: type[Resource]) -> TextClause:
    return text(f"""
        SELECT count(*) FROM {kind.plural}
         WHERE organisation_id = :organisation AND (CAST(:project AS integer) IS NULL OR project_id = :project)
           AND ended_at IS NULL AND {sweep.when}
    """)


# Of what never ran nothing will be observed any more; what runs is observed until it is gone.
UNSEEN = """, status = CASE WHEN deployed_revision IS NOT NULL THEN status END,
             status_reason = CASE WHEN deployed_revision IS NOT NULL THEN status_reason ELSE '' END"""
