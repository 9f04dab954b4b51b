"""A real worker seals what is added to the log, soon after a hint and without one, once for many."""

from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis

from models.jobs import job
from models.kinds.container import Container
from models.log import seal
from models.log.actor import Actor
from models.organisation import Organisation
from models.project import Project
from models.settings import Settings
from models.transaction import transaction
from tests.support.processes import free_port, process, until
from tests.web.conftest import Visitor, signed_in
from worker import hint
from worker.app import create_celery
from worker.publisher import SEAL_QUEUE


@pytest.fixture
def told(settings: Settings, tmp_path: Path) -> Settings:
    """What a worker of this test is told: a folder of its own."""
    return replace(settings, data_dir=tmp_path, docker_host="none")


def hints(settings: Settings) -> int:
    """How many ask for the log to be sealed."""
    return Redis.from_url(settings.redis_url).llen(SEAL_QUEUE)


def test_a_worker_seals_what_was_left_and_what_it_is_told_of(
    told: Settings, acme: Organisation, web: Project, ada: Actor
) -> None:
    log = told.data_dir / "worker.log"
    with process(told, log, "worker"):
        until(lambda: seal.standing(acme.id).size == 5, log)
        with transaction():
            web.update(ada, web.version, name="Shop")
        hint.hint_at_log()
        until(lambda: seal.standing(acme.id).size == 6, log)

    assert told.sealed.read_text() == getattr(seal.last(0), "note", None)


def test_many_changes_of_a_process_are_one_hint(app: Flask, settings: Settings, acme: Organisation) -> None:
    app.extensions.pop(hint.SEALING, None)
    for _ in range(10):
        assert hint.hint_at_log()
    assert hints(settings) == 1
    app.extensions.pop(hint.SEALING, None)
    hint.hint_at_log()

    assert hints(settings) == 2


def test_a_broker_that_is_down_is_not_asked_with_every_change(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    dark = Flask("dark")
    hint.attach(dark, replace(settings, redis_url=f"redis://127.0.0.1:{free_port()}/0"))
    with dark.app_context():
        assert not hint.hint_at_log()
        assert hint.hint_at_log()

    assert len(caplog.messages) == 1


def test_a_change_by_a_person_is_hinted_at(app: Flask, settings: Settings, acme: Organisation) -> None:
    ada = signed_in(Visitor(app.test_client()), "ada")
    app.extensions.pop(hint.SEALING, None)
    assert ada.post("/orgs/acme/projects/new", name="Shop", handle="shop").status_code == 302

    assert hints(settings) == 1


def test_what_a_task_has_written_is_hinted_at(told: Settings, web: Project, api: Container, ada: Actor) -> None:
    with transaction():
        web.delete(ada, "web")
    [key] = job.overdue()
    celery = create_celery(told)
    celery.tasks["worker.tasks.run"](*key)
    assert hints(told) == 1

    celery.tasks["worker.tasks.run"](*key)
    assert hints(told) == 1
