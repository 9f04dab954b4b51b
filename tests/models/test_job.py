"""Jobs of cascades: claimed with a lease, fenced by a token, tried again, stuck, revived."""

from datetime import timedelta

import psycopg
import pytest
from flask import Flask

from models.database import db
from models.errors import LeaseLost
from models.jobs import job
from models.jobs.job import JOBS, JobKey, JobLease, Work
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.transaction import transaction
from tests.support.log import entries, latest_entry
from tests.support.together import together
from tests.support.work import job_of, jobs_of

LEASE_SECONDS = JOBS.lease_seconds
ATTEMPTS_MOST = JOBS.attempts_most or 0


@pytest.fixture
def key(web: Project, ada: Actor) -> JobKey:
    """The job that empties a deleted project."""
    with transaction() as hints:
        web.delete(ada, "web")
    return job_of(hints)


def claim(key: JobKey) -> JobLease | None:
    """As a worker does."""
    with transaction():
        return job.claim(key)


def claimed(key: JobKey) -> JobLease:
    """A claim that succeeds."""
    lease = claim(key)
    assert lease
    return lease


def fail(lease: JobLease, error: str = "Broken: it broke") -> None:
    """As a worker does when a chunk raised."""
    with transaction():
        lease.fail(error)


def pass_time(superuser: psycopg.Connection, seconds: float = LEASE_SECONDS + 1) -> None:
    """Let leases run out and due times come."""
    gone = timedelta(seconds=seconds)
    superuser.execute("UPDATE jobs SET lease_until = lease_until - %s, due_at = due_at - %s", (gone, gone))


def state(acme: Organisation, web: Project) -> job.Progress:
    """What the waiting page is told."""
    db.session.rollback()
    progress = job.latest(acme.id, web.id)
    assert progress
    return progress


def test_a_job_is_written_with_the_number_of_its_cause(acme: Organisation, web: Project, key: JobKey) -> None:
    lease = claimed(key)

    assert (lease.work, lease.project_id, lease.cause) == (Work.DELETE_PROJECT, web.id, latest_entry(acme).number)
    assert state(acme, web).cause_number == 6


def test_a_rolled_back_change_enqueues_nothing(acme: Organisation, web: Project, ada: Actor) -> None:
    with pytest.raises(ZeroDivisionError), transaction():
        web.delete(ada, "web")
        1 / 0  # noqa: B018
    with transaction() as hints:
        acme.create_project(ada, name="Other", handle="other")

    assert hints == []
    assert job.unfinished() == []


def test_several_jobs_of_one_transaction_each_name_their_cause(acme: Organisation, web: Project, ada: Actor) -> None:
    with transaction():
        other = acme.create_project(ada, name="Other", handle="other")
    with transaction() as hints:
        web.delete(ada, "web")
        other.delete(ada, "other")

    assert [claimed(each).cause for each in jobs_of(hints)] == [7, 8]


def test_a_job_is_claimed_by_one(key: JobKey) -> None:
    assert claimed(key).token == 1
    assert claim(key) is None


def test_of_many_who_claim_at_once_one_gets_it(app: Flask, key: JobKey) -> None:
    outcomes = together(app, *[lambda: job.claim(key)] * 6)

    assert sum(isinstance(each, JobLease) for each in outcomes) == 1


def test_a_job_of_another_organisation_is_not_claimed(key: JobKey) -> None:
    assert claim(JobKey(key.organisation_id + 1, key.id)) is None
    assert claim(JobKey(key.organisation_id, key.id + 1)) is None


def test_a_lease_that_ran_out_is_taken_over_with_a_higher_token(key: JobKey, superuser: psycopg.Connection) -> None:
    first = claimed(key)
    pass_time(superuser)

    assert claimed(key).token == first.token + 1


def test_renewing_keeps_others_out(key: JobKey, superuser: psycopg.Connection) -> None:
    lease = claimed(key)
    pass_time(superuser, LEASE_SECONDS - 5)
    with transaction():
        lease.renew()
    pass_time(superuser, LEASE_SECONDS - 5)

    assert claim(key) is None


def test_an_outdated_token_keeps_nothing(
    acme: Organisation, key: JobKey, ada: Actor, superuser: psycopg.Connection
) -> None:
    frozen = claimed(key)
    pass_time(superuser)
    claimed(key)
    before = len(entries(acme))

    with pytest.raises(LeaseLost), transaction():
        acme.create_project(ada, name="Lost", handle="lost")
        frozen.renew(done=1)
    with pytest.raises(LeaseLost), transaction():
        frozen.finish()
    with pytest.raises(LeaseLost):
        fail(frozen)

    assert len(entries(acme)) == before
    [unfinished] = job.unfinished()
    assert (unfinished.state, unfinished.done, unfinished.error) == ("ready", 0, None)


def test_an_outdated_token_does_not_say_how_much_there_is(
    acme: Organisation, web: Project, key: JobKey, superuser: psycopg.Connection
) -> None:
    frozen = claimed(key)
    pass_time(superuser)
    claimed(key)
    with transaction():
        frozen.expect(99)

    assert state(acme, web).total is None


def test_progress_counts_what_is_done_of_what_was_expected(acme: Organisation, web: Project, key: JobKey) -> None:
    lease = claimed(key)
    with transaction():
        lease.expect(10)
    for done in (4, 2):
        with transaction():
            lease.renew(done=done)
    with transaction():
        lease.expect(3)  # as whoever takes over counts again

    progress = state(acme, web)
    assert (progress.done, progress.total) == (6, 9)
    assert not progress.finished


def test_a_finished_job_is_never_claimed_again(
    acme: Organisation, web: Project, key: JobKey, superuser: psycopg.Connection
) -> None:
    lease = claimed(key)
    with transaction():
        lease.finish()
    pass_time(superuser, 1e6)

    assert state(acme, web).finished
    assert claim(key) is None
    assert job.overdue() == []
    assert job.unfinished() == []
    with pytest.raises(LeaseLost), transaction():
        lease.renew()


def test_a_failed_job_is_tried_again_later_and_later(key: JobKey, superuser: psycopg.Connection) -> None:
    waits = []
    for _ in range(4):
        fail(claimed(key))
        assert claim(key) is None
        assert job.overdue() == []
        [(wait,)] = superuser.execute("SELECT round(extract(epoch FROM due_at - now()))::integer FROM jobs").fetchall()
        waits.append(wait)
        pass_time(superuser, wait + 1)

    assert waits == [2, 4, 8, 16]
    assert job.overdue() == [key]


def test_a_job_that_fails_too_often_is_stuck_and_says_why(
    acme: Organisation, web: Project, key: JobKey, superuser: psycopg.Connection
) -> None:
    for _ in range(ATTEMPTS_MOST):
        fail(claimed(key), "Broken: it broke")
        pass_time(superuser, 1000)

    progress = state(acme, web)
    assert progress.stuck
    assert progress.error == "Broken: it broke"
    assert claim(key) is None
    assert job.overdue() == []
    assert [each.attempts for each in job.unfinished()] == [ATTEMPTS_MOST]


def test_getting_somewhere_forgives_earlier_failures(key: JobKey, superuser: psycopg.Connection) -> None:
    for _ in range(ATTEMPTS_MOST + 2):
        lease = claimed(key)
        with transaction():
            lease.renew(done=1)
        fail(lease)
        pass_time(superuser, 1000)

    assert [each.state for each in job.unfinished()] == ["ready"]


def test_a_stuck_job_is_revived(key: JobKey, superuser: psycopg.Connection) -> None:
    superuser.execute("UPDATE jobs SET state = 'stuck', attempts = 8")
    with transaction():
        assert job.revive(key)

    assert job.overdue() == [key]
    assert claimed(key).token == 1


def test_what_is_not_stuck_is_not_revived(key: JobKey) -> None:
    claimed(key)
    with transaction():
        assert not job.revive(key)

    assert claim(key) is None


def test_a_long_error_is_cut(key: JobKey) -> None:
    fail(claimed(key), "x" * 10_000)

    assert [len(each.error or "") for each in job.unfinished()] == [2000]


def test_an_error_that_names_a_nul_is_kept_too(key: JobKey) -> None:
    fail(claimed(key), "Broken: a\x00b")

    assert [each.error for each in job.unfinished()] == ["Broken: ab"]


def test_the_sweep_finds_what_is_due_and_held_by_nobody(key: JobKey, superuser: psycopg.Connection) -> None:
    assert job.overdue() == [key]
    claimed(key)
    assert job.overdue() == []
    pass_time(superuser)
    assert job.overdue() == [key]


def test_the_newest_job_of_a_project_is_not_that_of_its_organisation(
    acme: Organisation, web: Project, key: JobKey, ada: Actor
) -> None:
    assert job.latest(acme.id) is None
    with transaction():
        acme.delete(ada, "acme")

    of_organisation = job.latest(acme.id)
    assert of_organisation
    assert (of_organisation.work, state(acme, web).work) == ("delete_organisation", "delete_project")
