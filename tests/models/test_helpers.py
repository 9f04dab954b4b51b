"""A large cascade has helpers: whoever holds the lease asks for them, and each takes what nobody else is at."""

from contextlib import nullcontext

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text

from models.database import db
from models.errors import LeaseLost
from models.jobs import job
from models.jobs.job import JOBS, JobKey, JobLease, Work
from models.jobs.lease import died
from models.jobs.queue import Hinted
from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.overview import overview
from models.project import Project
from models.system import cascade, sweep
from models.transaction import transaction
from tests.support.proof import violations
from tests.support.servers import Servers
from tests.support.together import Deed, meanwhile
from tests.support.work import job_of

CONTAINERS = 12
ATTEMPTS_MOST = JOBS.attempts_most or 0


@pytest.fixture
def key(web: Project, ada: Actor, monkeypatch: pytest.MonkeyPatch) -> JobKey:
    """The job that empties a project of twelve containers, two a chunk."""
    monkeypatch.setattr(sweep, "CHUNK", 2)
    with transaction():
        for number in range(CONTAINERS):
            web.create(ada, Container, name=f"c{number}", handle=f"c{number}", image="nginx:1.28")
    with transaction() as hints:
        web.delete(ada, "web")
    return job_of(hints)


def claimed(key: JobKey) -> JobLease:
    """As a worker does that comes first."""
    with transaction():
        lease = job.claim(key)
    assert lease
    return lease


def expected(lease: JobLease) -> None:
    """What the holder does first."""
    with transaction():
        lease.expect(CONTAINERS)


def helper(key: JobKey) -> JobLease | None:
    """As a worker does that comes second."""
    with transaction():
        return job.help_with(key, least=sweep.CHUNK)


def terminated() -> int:
    """How many containers have ended."""
    db.session.rollback()
    return int(db.session.execute(text("SELECT count(*) FROM containers WHERE ended_at IS NOT NULL")).scalar_one())


def test_who_holds_a_large_job_asks_for_helpers(key: JobKey) -> None:
    asked: list[Hinted] = []
    assert cascade.run(key, asked.append)

    assert asked == [key] * (cascade.WORKERS_MOST - 1)
    assert job.unfinished() == []


def test_for_a_small_one_nobody_is_asked(web: Project, ada: Actor) -> None:
    with transaction() as hints:
        web.delete(ada, "web")
    asked: list[Hinted] = []
    assert cascade.run(job_of(hints), asked.append)

    assert asked == []


def test_a_helper_takes_the_containers_and_leaves_the_end_to_the_holder(
    acme: Organisation, key: JobKey, superuser: psycopg.Connection
) -> None:
    lease = claimed(key)
    expected(lease)
    assert cascade.run(key)

    assert terminated() == CONTAINERS
    [left] = job.unfinished()
    assert (left.state, left.done) == ("ready", CONTAINERS)
    list(cascade.steps(lease))
    assert job.unfinished() == []
    assert violations(superuser) == []


def test_a_helper_passes_by_what_someone_else_has_locked_and_the_holder_waits_for_it(
    app: Flask, servers: Servers, key: JobKey, superuser: psycopg.Connection
) -> None:
    lease = claimed(key)
    expected(lease)
    with psycopg.connect(servers.superuser_url) as other:
        other.execute("SELECT 1 FROM containers WHERE handle = 'c3' FOR UPDATE")
        assert cascade.run(key)
        assert terminated() == CONTAINERS - 1
        holder = meanwhile(app, superuser, lambda: list(cascade.steps(lease)), within=nullcontext)
    holder.outcome  # noqa: B018 (waits for it)

    assert terminated() == CONTAINERS
    assert violations(superuser) == []


def test_nobody_helps_with_what_nobody_holds_or_what_is_nearly_done(key: JobKey, superuser: psycopg.Connection) -> None:
    assert helper(key) is None
    lease = claimed(key)
    expected(lease)
    assert helper(key) is not None
    with transaction():
        lease.renew(done=CONTAINERS - 1)
    assert helper(key) is None


def test_a_helper_does_not_prolong_the_holder_s_lease(key: JobKey, superuser: psycopg.Connection) -> None:
    expected(claimed(key))
    helping = helper(key)
    assert helping
    until = superuser.execute("SELECT lease_until FROM jobs").fetchone()
    with transaction():
        helping.renew(done=1)

    assert superuser.execute("SELECT lease_until FROM jobs").fetchone() == until


def test_a_helper_stops_when_another_holder_has_taken_over(key: JobKey, superuser: psycopg.Connection) -> None:
    expected(claimed(key))
    helping = helper(key)
    assert helping
    superuser.execute("UPDATE jobs SET lease_until = now() - interval '1 second'")
    claimed(key)
    with pytest.raises(LeaseLost):
        list(cascade.steps(helping))

    assert terminated() == 0


def test_many_helpers_at_once_end_each_container_once(
    app: Flask, acme: Organisation, key: JobKey, superuser: psycopg.Connection
) -> None:
    lease = claimed(key)
    expected(lease)
    helpers = [Deed(app, lambda: cascade.run(key), within=nullcontext) for _ in range(4)]
    list(cascade.steps(lease))
    for each in helpers:
        assert not isinstance(each.outcome, Exception)

    assert violations(superuser) == []
    assert terminated() == CONTAINERS


# Stopped, and given up


def test_a_stopped_job_keeps_nothing_more(acme: Organisation, key: JobKey) -> None:
    lease = claimed(key)
    with transaction():
        job.stop(acme.id, [Work.DELETE_PROJECT])
    with pytest.raises(LeaseLost):
        list(cascade.steps(lease))

    assert terminated() == 0
    assert job.unfinished() == []
    assert job.overdue() == []


def test_a_chunk_that_was_first_is_kept_whole_and_one_that_was_second_not_at_all(
    app: Flask, acme: Organisation, key: JobKey, superuser: psycopg.Connection
) -> None:
    lease = claimed(key)
    chunks = cascade.steps(lease)
    next(chunks)
    with transaction():
        job.stop(acme.id, [Work.DELETE_PROJECT])
        rest = meanwhile(app, superuser, lambda: list(chunks), within=nullcontext)
    assert isinstance(rest.outcome, LeaseLost)

    assert terminated() == 2


def test_a_job_that_kills_whoever_works_on_it_gets_stuck(key: JobKey, superuser: psycopg.Connection) -> None:
    for _ in range(ATTEMPTS_MOST):
        claimed(key)
        superuser.execute("UPDATE jobs SET lease_until = now() - interval '1 second'")
    with transaction():
        assert job.claim(key) is None

    [left] = job.unfinished()
    assert (left.state, left.error) == ("stuck", died(ATTEMPTS_MOST))
    [trouble] = overview(key.organisation_id).troubles
    assert (trouble.project, trouble.error) == ("Web", died(ATTEMPTS_MOST))
