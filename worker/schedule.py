"""The scheduler: looks that are asked for again and again, whether or not anyone has hinted at something.

Nothing is kept: a look that is asked for too often finds nothing to do, and one that was missed is asked for at once
when this process starts again.
"""

import logging
import os
import signal
import sys
import threading
import time
from typing import NamedTuple

from celery import Celery

from models.settings import OF_SCHEDULER, Settings
from worker.alive import touch
from worker.publisher import (
    CHARGE,
    FIND_DUE,
    QUEUE,
    RECONCILE,
    RUNTIME_QUEUE,
    SEND_CHECKPOINTS,
    VERIFY_WEEKLY,
    publisher,
    send,
)


class Look(NamedTuple):
    """A task, and how often it is asked for."""

    task: str
    queue: str
    seconds: float
    after: float
    """How long after the start it is asked for first: asked for at once, two would each need a process of their own."""


log = logging.getLogger(__name__)
SCHEDULE = (
    Look(FIND_DUE, QUEUE, 15, 0),
    Look(CHARGE, QUEUE, 60, 7),
    Look(RECONCILE, RUNTIME_QUEUE, 30, 3),
    Look(SEND_CHECKPOINTS, QUEUE, 3600, 600),
    Look(VERIFY_WEEKLY, QUEUE, 3600, 900),
)
# When the broker is down.
AGAIN_SECONDS = 2


def run(through: Celery, stop: threading.Event, alive_file: str = "") -> None:
    """Ask for each look when it is time, until `stop` is set."""
    begun = time.monotonic()
    next_at = {look: begun + look.after for look in SCHEDULE}
    while not stop.wait(max(0, min(next_at.values()) - time.monotonic())):
        for look, at in next_at.items():
            if at <= time.monotonic():
                # One that waited longer than its interval says nothing that the next one does not say.
                sent = send(through, look.task, look.queue, expires=look.seconds)
                next_at[look] = max(at + look.seconds, time.monotonic()) if sent else time.monotonic() + AGAIN_SECONDS
                if sent:
                    log.info("asked for %s", look.task)
                    touch(alive_file)


def main(log_level: str) -> None:
    """Run until SIGTERM or SIGINT."""
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(message)s")
    settings = Settings.from_environment(os.environ, OF_SCHEDULER)
    stop = threading.Event()
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, lambda *_: stop.set())
    run(publisher(settings.redis_url), stop, settings.alive_file)


if __name__ == "__main__":
    main(*sys.argv[1:])
