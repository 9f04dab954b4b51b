"""Sending messages to workers, and the names that both ends know. Nothing else of ours is needed for it."""

import logging

from celery import Celery
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)
# A publisher that must never hold up a request: half a second for a broker that does not answer.
PATIENCE_SECONDS = 0.5
QUEUE = "activity-log"
# Apart, since pulling an image takes minutes and must hold up no cascade.
RUNTIME_QUEUE = "activity-log-runtime"
# Apart as well: a message here waits for more that is to be sealed, and is no work that somebody waits for.
SEAL_QUEUE = "activity-log-seals"
RUN, DELIVER, FIND_DUE, CHARGE, SEAL = (
    f"worker.tasks.{each}" for each in ("run", "deliver", "find_due", "charge", "seal")
)
BRING, SEND_CHECKPOINTS = (f"worker.tasks.{each}" for each in ("bring", "send_checkpoints"))
VERIFY, VERIFY_WEEKLY = (f"worker.tasks.{each}" for each in ("verify", "verify_weekly"))
CONVERGE, RECONCILE, READ_OUTPUT = (f"worker.tasks.{each}" for each in ("converge", "reconcile", "read_output"))


def publisher(redis_url: str) -> Celery:
    """Returns what messages are sent with. It connects when it is used."""
    found = Celery("hints", broker=redis_url, set_as_current=False)
    found.conf.update(
        task_default_queue=QUEUE,
        broker_connection_retry=False,
        broker_connection_max_retries=0,
        broker_transport_options={
            "socket_timeout": PATIENCE_SECONDS,
            "socket_connect_timeout": PATIENCE_SECONDS,
            "max_retries": 0,
        },
    )
    return found


def send(
    through: Celery, task: str, queue: str, *arguments: object, expires: float | None = None, after: float | None = None
) -> bool:
    """Send a message, to be heeded `after` some seconds; False when the broker is down, or refuses to write."""
    told = {"expires": expires, "countdown": after}
    try:
        through.send_task(task, args=list(arguments), queue=queue, retry=False, ignore_result=True, **told)
    except (OperationalError, OSError) as error:
        log.warning("no hint for %s %s, the schedule will find it: %s", task, arguments, error)
        return False
    return True
