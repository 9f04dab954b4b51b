"""The Celery app, set up so that losing any message loses nothing."""

from typing import Any

import flask
from celery import Celery, Task
from celery.signals import worker_ready

from models import database, sealed
from models.log import signing
from models.settings import Settings
from models.transaction import has_recorded
from worker import anchors, hint, output, tasks
from worker.alive import Touching
from worker.engine import connection
from worker.publisher import QUEUE, RUNTIME_QUEUE, SEAL_QUEUE
from worker.request import WatchfulRequest

TASKS = {
    tasks.run: QUEUE,
    tasks.deliver: QUEUE,
    tasks.find_due: QUEUE,
    tasks.charge: QUEUE,
    tasks.seal: SEAL_QUEUE,
    tasks.bring: QUEUE,
    tasks.send_checkpoints: QUEUE,
    tasks.verify: QUEUE,
    tasks.verify_weekly: QUEUE,
    tasks.converge: RUNTIME_QUEUE,
    tasks.reconcile: RUNTIME_QUEUE,
    tasks.read_output: RUNTIME_QUEUE,
}
# Longer than the lease, so that a message that comes back finds the lease of its dead worker run out.
VISIBILITY_SECONDS = 120


def create_celery(settings: Settings) -> Celery:
    """Build the Celery app; its tasks run inside a bare Flask app."""
    app = create_app(settings)

    class InContext(Task):  # type: ignore[misc]  # Celery ships no types
        Request = WatchfulRequest

        def __call__(self, *arguments: Any, **named: Any) -> Any:
            try:
                with app.app_context():
                    done = self.run(*arguments, **named)
                    if has_recorded():
                        hint.hint_at_log()
                    return done
            finally:
                database.stop_reading()

    celery = Celery("worker", task_cls=InContext)
    celery.conf.update(
        broker_url=settings.redis_url,
        # However long it is down. One that answers but refuses to write, on a full disk or out of memory, is down too.
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_channel_error_retry=True,
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
        # Nobody steers workers through the broker. With a second channel for it, Kombu 5.7 can close the first one when
        # its connection is forgotten already: a worker that lost its broker would end.
        worker_enable_remote_control=False,
        task_default_queue=QUEUE,
        task_routes={_name(task): {"queue": queue} for task, queue in TASKS.items()},
        timezone="UTC",
    )
    for task in TASKS:
        celery.task(name=_name(task))(task)
    celery.conf.alive_file = settings.alive_file
    celery.steps["consumer"].add(Touching)
    return celery


def create_app(settings: Settings) -> flask.Flask:
    """Build the bare Flask app that tasks run in."""
    app = flask.Flask("worker")
    app.config["SETTINGS"] = settings
    for module in (sealed, signing, database, hint, output, connection, anchors):
        module.attach(app, settings)
    return app


@worker_ready.connect  # type: ignore[untyped-decorator]  # Celery ships no types
def look_around(sender: Any, **_: Any) -> None:
    """Look at once at what was left while no worker ran; in a child, whose database connection is its own."""
    for task in (tasks.find_due, tasks.reconcile):
        sender.app.send_task(_name(task), retry=False)


def _name(task: Any) -> str:
    return f"{task.__module__}.{task.__name__}"
