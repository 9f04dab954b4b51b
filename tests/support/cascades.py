"""A cascade in a test: asked for as a person does, worked on as a worker does, and what it leaves."""

from typing import Any

import psycopg
from sqlalchemy import Row

from models.jobs import job
from models.jobs.job import JobKey, JobLease
from models.kinds.catalogue import KINDS
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.transaction import transaction
from tests.support.log import entries
from tests.support.work import job_of

ORDER = [*(kind.noun for kind in KINDS), "project"]


def delete(thing: Project | Organisation, actor: Actor) -> JobKey:
    """As a person does; no worker has looked at the job yet."""
    with transaction() as hints:
        thing.delete(actor, thing.handle)
    return job_of(hints)


def claimed(key: JobKey) -> JobLease:
    """As a worker does."""
    with transaction():
        lease = job.claim(key)
    assert lease
    return lease


def effects(organisation: Organisation, cause: int) -> list[Row[Any]]:
    """The entries that an entry set off."""
    return [each for each in entries(organisation) if each.cause_number == cause]


def alive(superuser: psycopg.Connection) -> int:
    """How many resources live anywhere."""
    return sum(
        superuser.execute(f"SELECT count(*) FROM {kind.plural} WHERE ended_at IS NULL".encode()).fetchall()[0][0]
        for kind in KINDS
    )


def state_of(superuser: psycopg.Connection, table: str) -> list[tuple[str]]:
    """The states of all projects or organisations."""
    return superuser.execute(f"SELECT state FROM {table} ORDER BY id".encode()).fetchall()


def pass_time(superuser: psycopg.Connection) -> None:
    """Let leases run out."""
    superuser.execute(
        "UPDATE jobs SET lease_until = lease_until - interval '1 hour', due_at = due_at - interval '1 hour'"
    )


def expected_order(count: int) -> list[str]:
    """Types of the entries of one project: children before parents."""
    return [kind for kind in ORDER for _ in range(1 if kind == "project" else count)]
