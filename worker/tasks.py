"""Tasks: load the job, call the model, hint again."""

from typing import Any

import flask
from celery.signals import worker_ready

from models import cascade, charging, job
from models.job import JobKey
from worker.app import app
from worker.hint import hint


@app.task(name="worker.tasks.work")
def work(organisation_id: int, job_id: int) -> None:
    """Look at a job: do it if it is due and nobody else is."""
    with _database():
        cascade.keep(JobKey(organisation_id, job_id), call=hint)


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
        charging.charge_round(app.grace, call=hint)


@worker_ready.connect
def sweep_at_start(**_: Any) -> None:
    """What was left while no worker ran is looked at right away; in a child, whose database connection is its own."""
    sweep.apply_async(retry=False)


def _database() -> Any:
    bare: flask.Flask = app.flask
    return bare.app_context()
