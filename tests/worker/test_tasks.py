"""Tasks called as the plain functions that they are, over the real database and broker."""

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from flask import Flask
from redis import Redis

from models import installation
from models.jobs import deployment_history, job
from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.settings import Settings
from models.system import sweep
from models.transaction import transaction
from tests.support.log import summaries
from worker import tasks
from worker.app import create_app, create_celery
from worker.hint import TASKS
from worker.publisher import CONVERGE, QUEUE, RECONCILE, RUN, RUNTIME_QUEUE
from worker.schedule import SCHEDULE
from worker.tasks import charge, converge, reconcile, run

NOWHERE = "unix:///nowhere.sock"


@pytest.fixture
def told(settings: Settings) -> Settings:
    """What a worker is told: there is no engine, and no grace for who has nothing left."""
    return replace(settings, docker_host="none", suspension_grace_hours=0)


@pytest.fixture
def worker(app: Flask, told: Settings) -> Iterator[Flask]:
    """Inside the app that tasks run in."""
    bare = create_app(told)
    with bare.app_context():
        yield bare


@pytest.fixture
def broker(settings: Settings, app: Flask) -> Redis:
    """The real one, empty."""
    return Redis.from_url(settings.redis_url)


def hinted(broker: Redis) -> tuple[int, int]:
    """How many hints wait for a worker, and how many for the runtime process."""
    found = broker.llen(QUEUE), broker.llen(RUNTIME_QUEUE)
    broker.flushdb()
    return found


def delete(project: Project, ada: Actor) -> job.JobKey:
    """Delete a project; returns the job that follows."""
    with transaction():
        project.delete(ada, "web")
    [key] = job.overdue()
    return key


def test_a_job_is_run_and_the_engine_is_to_be_looked_at(
    worker: Flask, broker: Redis, acme: Organisation, web: Project, api: Container, ada: Actor
) -> None:
    key = delete(web, ada)
    run(*key)
    assert summaries(acme)[-1] == "Container my-api terminated"
    assert hinted(broker) == (0, 1)

    run(*key)
    assert hinted(broker) == (0, 0)


def test_a_large_job_hints_at_itself_for_other_workers(
    worker: Flask, broker: Redis, web: Project, api: Container, ada: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "CHUNK", 1)
    run(*delete(web, ada))

    assert hinted(broker) == (1, 1)


def test_what_is_due_and_held_by_nobody_is_hinted_at(worker: Flask, broker: Redis, web: Project, ada: Actor) -> None:
    key = delete(web, ada)
    tasks.find_due()
    assert hinted(broker) == (1, 0)
    with transaction():
        assert job.claim(key)
    tasks.find_due()
    assert hinted(broker) == (0, 0)


def test_a_round_of_charging_suspends_who_has_nothing_left_and_hints_at_what_follows(
    worker: Flask, broker: Redis, api: Container, superuser: psycopg.Connection
) -> None:
    superuser.execute("UPDATE billing_accounts SET exhausted = true")
    charge()

    # There is no grace, so that the clean-up follows at once and makes the suspension's own job moot.
    assert hinted(broker) == (2, 0)
    assert [each.work for each in job.unfinished()] == ["clean_up"]


def test_without_an_engine_nothing_is_claimed_and_that_there_is_none_is_reported(
    worker: Flask, broker: Redis, api: Container
) -> None:
    converge(*api.key)
    reconcile(api.organisation_id)
    assert installation.engine().engine is None
    reconcile()

    assert installation.engine().engine == "none"
    assert [each.status for each in deployment_history.history(api.key)] == ["provisioning"]
    assert hinted(broker) == (0, 0)


def test_an_engine_that_does_not_answer_is_left_to_the_next_round(
    app: Flask, told: Settings, api: Container, caplog: pytest.LogCaptureFixture
) -> None:
    with create_app(replace(told, docker_host=NOWHERE)).app_context():
        converge(*api.key)
        reconcile(api.organisation_id)
        reconcile()

        assert installation.engine().error == "nothing listens there"
    asked_again = "the engine does not answer, it is asked again by the schedule: nothing listens there"
    assert caplog.messages == [asked_again, asked_again, "the engine does not answer: nothing listens there"]


def test_whatever_is_hinted_at_or_scheduled_is_a_task_in_its_own_queue(told: Settings) -> None:
    celery = create_celery(told)
    routes = {name: route["queue"] for name, route in celery.conf.task_routes.items()}

    assert routes.keys() <= celery.tasks.keys()
    assert {task: routes[task] for task, _ in TASKS.values()} == dict(TASKS.values())
    assert (routes[RUN], routes[CONVERGE], routes[RECONCILE]) == (QUEUE, RUNTIME_QUEUE, RUNTIME_QUEUE)
    assert {each.task: each.queue for each in SCHEDULE}.items() <= routes.items()
