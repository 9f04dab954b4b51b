"""Jobs run by a real Celery worker, hinted at or not."""

import time
from pathlib import Path

import psycopg
import pytest
from celery import Celery
from redis import Redis

from models.database import db
from models.jobs import job
from models.jobs.job import JobKey
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.settings import Settings
from models.transaction import transaction
from tests.support.factories import many_containers
from tests.support.log import entries
from tests.support.processes import process, until
from tests.support.work import jobs_of
from worker.hint import hint
from worker.publisher import QUEUE


@pytest.fixture
def full(web: Project, ada: Actor) -> Project:
    """A project with 1,200 containers: two chunks."""
    with transaction():
        many_containers(web, ada, 1200)
    return web


def delete(project: Project, actor: Actor) -> list[JobKey]:
    """Delete it; returns what there is to hint at."""
    with transaction() as hints:
        project.delete(actor, project.handle)
    return jobs_of(hints)


def all_done() -> bool:
    """Whether no job is left."""
    db.session.rollback()
    return not job.unfinished()


def each_ended_once(organisation: Organisation) -> bool:
    """Whether every container has exactly one end, by the system, and numbers have no gap."""
    found = entries(organisation)
    ends = [each.resource_id for each in found if each.action == "terminate"]
    assert [each.number for each in found] == list(range(1, len(found) + 1))
    assert {each.actor_name for each in found if each.action == "terminate"} == {"system"}
    return len(ends) == len(set(ends)) == 1200


def test_a_hint_has_the_worker_do_it(
    settings: Settings, acme: Organisation, full: Project, ada: Actor, tmp_path: Path
) -> None:
    with process(settings, tmp_path / "worker.log", "worker"):
        for key in delete(full, ada):
            hint(key)
        until(all_done, tmp_path / "worker.log")

    assert each_ended_once(acme)


def test_a_message_of_the_version_before_is_dropped_and_its_job_is_found_all_the_same(
    settings: Settings, acme: Organisation, full: Project, ada: Actor, tmp_path: Path
) -> None:
    before = Celery("before", broker=settings.redis_url, set_as_current=False)
    for key in delete(full, ada):
        before.send_task("worker.tasks.work", args=list(key), queue=QUEUE)
    with process(settings, tmp_path / "worker.log", "worker") as worker:
        until(all_done, tmp_path / "worker.log")
        until(lambda: "worker.tasks.work" in (tmp_path / "worker.log").read_text(), tmp_path / "worker.log")
        assert worker.poll() is None

    assert each_ended_once(acme)
    assert Redis.from_url(settings.redis_url).llen(QUEUE) == 0


def test_a_lost_hint_is_found_when_a_worker_starts(
    settings: Settings, acme: Organisation, full: Project, ada: Actor, tmp_path: Path
) -> None:
    for key in delete(full, ada):
        hint(key)
    Redis.from_url(settings.redis_url).flushdb()
    with process(settings, tmp_path / "worker.log", "worker"):
        until(all_done, tmp_path / "worker.log")

    assert each_ended_once(acme)


def test_a_killed_worker_leaves_its_job_to_the_next(
    settings: Settings,
    acme: Organisation,
    full: Project,
    ada: Actor,
    tmp_path: Path,
    superuser: psycopg.Connection,
) -> None:
    (key,) = delete(full, ada)
    with transaction():
        lease = job.claim(key)
    assert lease
    # As a worker that took it and died: nobody renews its lease.
    superuser.execute("UPDATE jobs SET lease_until = clock_timestamp()")
    with process(settings, tmp_path / "worker.log", "worker"):
        until(all_done, tmp_path / "worker.log")

    assert each_ended_once(acme)


def test_the_scheduler_repeats_hints_that_went_missing(
    settings: Settings, acme: Organisation, full: Project, ada: Actor, tmp_path: Path
) -> None:
    with (
        process(settings, tmp_path / "worker.log", "worker", "--log-level", "info"),
        process(settings, tmp_path / "scheduler.log", "scheduler"),
    ):
        until(lambda: "ready." in (tmp_path / "worker.log").read_text(), tmp_path / "worker.log")
        time.sleep(1)  # past the look at the start
        delete(full, ada)
        until(all_done, tmp_path / "worker.log")

    assert each_ended_once(acme)
