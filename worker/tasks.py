"""Tasks: load the job, call the model, hint again."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import flask
from celery.signals import worker_ready

from models.jobs import job
from models.jobs.job import JobKey
from models.jobs.observation import ResourceKey
from models.system import cascade, charging
from worker.app import app
from worker.engine import connection
from worker.engine import reconcile as rounds
from worker.engine.interface import EngineDown
from worker.hint import hint, hint_at_engine

log = logging.getLogger(__name__)


@app.task(name="worker.tasks.work")
def work(organisation_id: int, job_id: int) -> None:
    """Look at a job: do it if it is due and nobody else is."""
    with _database():
        if cascade.run(JobKey(organisation_id, job_id), hint):
            hint_at_engine(organisation_id)


@app.task(name="worker.tasks.settle")
def settle(organisation_id: int, noun: str, resource_id: int) -> None:
    """Make the engine run what should run of one thing; a deployment, if one is due."""
    with _database(), _told_when_down():
        rounds.converge(connection.runtime(app.settings), ResourceKey(organisation_id, noun, resource_id))
        for key in rounds.SLOTS.ready():
            hint(key)


@app.task(name="worker.tasks.reconcile")
def reconcile(organisation_id: int | None = None) -> None:
    """The same for all of an organisation, or for everything there is."""
    with _database(), _told_when_down():
        settings = app.settings
        found = connection.report(settings) if organisation_id is None else connection.runtime(settings)
        if found is None:
            return
        with rounds.ROUNDS.begin(organisation_id) as times:
            done = [rounds.converge_all(found, organisation_id, hint) for _ in times]
        if not done:
            rounds.hint_due(found, organisation_id, hint)
        for each in rounds.ROUNDS.ready():
            hint_at_engine(each)


@app.task(name="worker.tasks.sweep")
def sweep() -> None:
    """Hint again at every job that is due and that nobody holds: a lost message costs one sweep at most."""
    with _database():
        for key in job.overdue():
            hint(key)


@app.task(name="worker.tasks.charge")
def charge() -> None:
    """A round of charging: what is due, once, whoever asks for it and however late."""
    with _database():
        charging.charge_round(app.settings.suspension_grace, hint)


@worker_ready.connect
def sweep_at_start(**_: Any) -> None:
    """What was left while no worker ran is looked at right away; in a child, whose database connection is its own."""
    sweep.apply_async(retry=False)
    reconcile.apply_async(retry=False)


@contextmanager
def _told_when_down() -> Iterator[None]:
    try:
        yield
    except EngineDown as down:
        log.warning("the engine does not answer, it is asked again by the schedule: %s", down)


def _database() -> Any:
    bare: flask.Flask = app.flask
    return bare.app_context()
