"""All that the web knows of the worker: "look at this". A hint may get lost; a row is the promise."""

import logging
from functools import cache

from celery import Celery
from kombu.exceptions import OperationalError

from models.jobs.job import JobKey
from models.jobs.observation import ResourceKey
from models.jobs.queue import Hinted

log = logging.getLogger(__name__)
# A publisher that must never hold up a request: half a second for a broker that does not answer.
PATIENCE_SECONDS = 0.5
# Beyond so many things, one comparison of everything is less work.
MANY = 10
QUEUE = "activity-log"
# Apart, since pulling an image takes minutes and must hold up no cascade.
RUNTIME_QUEUE = "activity-log-runtime"
TASKS = {JobKey: ("worker.tasks.work", QUEUE), ResourceKey: ("worker.tasks.settle", RUNTIME_QUEUE)}


def hint(key: Hinted) -> bool:
    """Publish the hint; a broker that is down is logged and otherwise ignored, since the schedule finds what is due.

    False when it is down.
    """
    task, queue = TASKS[type(key)]
    return _send(task, queue, *key)


def hint_all(keys: list[Hinted]) -> None:
    """The same for what a transaction has promised; of many things, one look at the engine for all of them.

    A broker that is down is waited for once.
    """
    things = [key for key in keys if isinstance(key, ResourceKey)]
    if len(things) > MANY:
        keys = [key for key in keys if isinstance(key, JobKey)]
        for organisation_id in {thing.organisation_id for thing in things}:
            if not hint_at_engine(organisation_id):
                return
    for key in keys:
        if not hint(key):
            return


def hint_at_engine(organisation_id: int) -> bool:
    """Have everything of an organisation compared with what the engine runs: much has changed at once.

    False when the broker is down.
    """
    return _send("worker.tasks.reconcile", RUNTIME_QUEUE, organisation_id)


def _send(task: str, queue: str, *arguments: object) -> bool:
    try:
        _publisher().send_task(task, args=list(arguments), queue=queue, retry=False, ignore_result=True)
    except (OperationalError, OSError) as error:
        log.warning("no hint for %s %s, the schedule will find it: %s", task, arguments, error)
        return False
    return True


def aim(redis_url: str) -> None:
    """Say where hints go; once a process."""
    global _url
    _url = redis_url
    _publisher.cache_clear()


def aimed_at() -> str:
    """Where hints go now."""
    return _url


_url = ""


@cache
def _publisher() -> Celery:
    publisher = Celery("hints", broker=_url)
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
    return publisher
