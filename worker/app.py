"""The Celery app, set up so that losing any message loses nothing."""

import os

import flask
from celery import Celery

from models.database import connect
from models.sealed import KEYRING
from models.settings import Settings
from worker.hint import QUEUE, RUNTIME_QUEUE, aim

SWEEP_SECONDS = 15
RECONCILE_SECONDS = 30
CHARGE_SECONDS = 60
# Longer than the lease, so that a message that comes back finds the lease of its dead worker run out.
VISIBILITY_SECONDS = 120


def create_app(settings: Settings) -> Celery:
    """The Celery app with its schedule; its tasks run inside a bare Flask app that knows the database."""
    celery = Celery("worker", include=["worker.tasks"])
    celery.conf.update(
        broker_url=settings.redis_url,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_SECONDS,
            "socket_timeout": 5,
            "socket_connect_timeout": 5,
        },
        # Nobody waits for an answer: what was done stands in the log.
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        # A worker killed in the middle leaves its message to another one.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        task_default_queue=QUEUE,
        task_routes={f"worker.tasks.{name}": {"queue": RUNTIME_QUEUE} for name in ("settle", "reconcile")},
        # A message that waited longer than its interval says nothing that the next one does not say.
        beat_schedule={
            name: {"task": f"worker.tasks.{name}", "schedule": seconds, "options": {"expires": seconds}}
            for name, seconds in (
                ("sweep", SWEEP_SECONDS),
                ("charge", CHARGE_SECONDS),
                ("reconcile", RECONCILE_SECONDS),
            )
        },
        timezone="UTC",
    )
    KEYRING.load(settings.encryption_keys)
    aim(settings.redis_url)
    bare = flask.Flask("worker")
    connect(bare, settings.database_url)
    celery.flask = bare
    celery.settings = settings
    return celery


app = create_app(Settings.from_environment(os.environ))
