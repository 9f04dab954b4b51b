"""All that the web knows of the worker: "look at this job". A hint may get lost; the job's row is the promise."""

import logging
from functools import cache

from celery import Celery
from kombu.exceptions import OperationalError

from models.job import JobKey

log = logging.getLogger(__name__)
# A publisher that must never hold up a request: half a second for a broker that does not answer.
PATIENCE_SECONDS = 0.5


def hint(key: JobKey) -> None:
    """Publish the hint; a broker that is down is logged and otherwise ignored, since the sweep finds the job."""
    try:
        _publisher().send_task("worker.tasks.work", args=list(key), retry=False, ignore_result=True)
    except (OperationalError, OSError) as error:
        log.warning("no hint for job %s, the sweep will find it: %s", key.id, error)


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
        task_default_queue="activity-log",
        broker_connection_retry=False,
        broker_connection_max_retries=0,
        broker_transport_options={
            "socket_timeout": PATIENCE_SECONDS,
            "socket_connect_timeout": PATIENCE_SECONDS,
            "max_retries": 0,
        },
    )
    return publisher
