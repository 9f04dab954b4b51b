"""All that the web knows of the worker: "look at this". A hint may get lost; the row is the job."""

import logging
from collections.abc import Sequence

from celery import Celery
from flask import Flask, current_app
from kombu.exceptions import OperationalError

from models.jobs.delivery import MailKey
from models.jobs.deployment import DeploymentKey
from models.jobs.job import JobKey
from models.jobs.observation import ResourceKey
from models.jobs.queue import Hinted
from models.settings import Settings

log = logging.getLogger(__name__)
EXTENSION = "hints"
# A publisher that must never hold up a request: half a second for a broker that does not answer.
PATIENCE_SECONDS = 0.5
# For more things than this, one comparison of everything is less work.
MANY = 10
QUEUE = "activity-log"
# Apart, since pulling an image takes minutes and must hold up no cascade.
RUNTIME_QUEUE = "activity-log-runtime"
RUN, CONVERGE, RECONCILE = "worker.tasks.run", "worker.tasks.converge", "worker.tasks.reconcile"
DELIVER = "worker.tasks.deliver"
READ_OUTPUT = "worker.tasks.read_output"
# Whoever asked has asked again by then, or has stopped looking.
QUESTION_SECONDS = 5
TASKS: dict[type, tuple[str, str]] = {
    JobKey: (RUN, QUEUE),
    MailKey: (DELIVER, QUEUE),
    ResourceKey: (CONVERGE, RUNTIME_QUEUE),
}
"""Which task looks at what a hint names, and in which queue."""


def attach(app: Flask, settings: Settings) -> None:
    """Give `app` a publisher for its hints."""
    publisher = Celery("hints", broker=settings.redis_url, set_as_current=False)
    publisher.conf.update(
        task_default_queue=QUEUE,
        broker_connection_retry=False,
        broker_connection_max_retries=0,
        broker_transport_options={
            "socket_timeout": PATIENCE_SECONDS,
            "socket_connect_timeout": PATIENCE_SECONDS,
            "max_retries": 0,
        },
    )
    app.extensions[EXTENSION] = publisher


def hint(key: Hinted) -> bool:
    """Have a worker look at something; False when the broker is down, since then the schedule finds what is due."""
    task, queue = TASKS[type(key)]
    return _send(task, queue, *key)


def hint_all(keys: Sequence[Hinted]) -> None:
    """Have workers look at what a transaction has left to be done.

    Of many things that run, one look at the engine is asked for instead. A broker that is down is waited for once.
    """
    things = [key for key in keys if isinstance(key, ResourceKey)]
    if len(things) > MANY:
        keys = [key for key in keys if not isinstance(key, ResourceKey)]
        for organisation_id in {thing.organisation_id for thing in things}:
            if not hint_at_engine(organisation_id):
                return
    for key in keys:
        if not hint(key):
            return


def hint_at_engine(organisation_id: int) -> bool:
    """Have everything of an organisation compared with what the engine runs; False when the broker is down."""
    return _send(RECONCILE, RUNTIME_QUEUE, organisation_id)


def ask_for_output(key: DeploymentKey) -> bool:
    """Have the runtime read what containers of a deployment have written; False when the broker is down."""
    return _send(READ_OUTPUT, RUNTIME_QUEUE, *key, expires=QUESTION_SECONDS)


def _send(task: str, queue: str, *arguments: object, expires: int | None = None) -> bool:
    publisher = current_app.extensions[EXTENSION]
    try:
        publisher.send_task(task, args=list(arguments), queue=queue, retry=False, ignore_result=True, expires=expires)
    except (OperationalError, OSError) as error:
        log.warning("no hint for %s %s, the schedule will find it: %s", task, arguments, error)
        return False
    return True
